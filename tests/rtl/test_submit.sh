#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Block tests of rtl/host: entry fetch, payload reads, retirement, control unit (sources in tests/rtl/submit/). Prints TAP.
set -eu
cd "$(dirname "$0")/../.."
make -s -f tests/rtl/block.mk build/block/submit/test >&2
exec build/block/submit/test --tap
