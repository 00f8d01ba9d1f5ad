#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh PROGRAM: start the main job. Each option is an environment variable of its own, so that any value
# passes unharmed; one that is empty or unset is left to the program's default.
set -eu

program=$1
args=()
for name in CLIENTS MESSAGES BATCH FEED FRAMING NET TRACE TRACE_FIRST TRACE_CYCLES SEED PORT \
	PCIE_GEN PCIE_LANES PCIE_MPS PCIE_MRRS PCIE_READ_NS PCIE_WRITE_NS PCIE_MAX_READS; do
	value=${!name:-}
	option=${name,,}
	[ -z "$value" ] || args+=("--${option//_/-}=$value")
done
mkdir -p build/run
exec "$program" ${args[@]+"${args[@]}"}
