#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh PROGRAM NAME...: start the main job. Each NAME is an environment variable and the program's option
# of that name, so that any value passes unharmed; one that is empty is left to the program's default.
set -eu

program=$1
shift
args=()
for name in "$@"; do
	value=${!name:-}
	option=${name,,}
	[ -z "$value" ] || args+=("--${option//_/-}=$value")
done
exec "$program" ${args[@]+"${args[@]}"}
