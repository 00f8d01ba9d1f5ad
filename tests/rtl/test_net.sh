#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Block tests of rtl/net: receive, flow table, delivery, reporter, transmit (sources in tests/rtl/net/). Prints TAP.
set -eu
cd "$(dirname "$0")/../.."
make -s -f tests/rtl/block.mk build/block/net/test >&2
exec build/block/net/test --tap
