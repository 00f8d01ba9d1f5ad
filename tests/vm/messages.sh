#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
exec tests/vm/vm.sh messages
