#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first process of the guest of `make vm-test` (tests/vm/vm.sh). What it sees goes to the second serial line:
# "ok - ..." and "not ok - ..." for each thing, "# phase NAME" when one begins, "# ..." for remarks, "# end" at last.
# The kernel's command line says clients=N bytes=N.
# shellcheck shell=dash
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
exec >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw

phase() { echo "# phase $*"; }
check() { # check NAME COMMAND...
	name=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		sed 's/^/# /' /tmp/out
	fi
}
finish() {
	echo "# end"
	# what is on its way in the serial line
	stty -F /dev/ttyS1 >/dev/null
	poweroff -f
}
setting() { sed -n "s/.*\<$1=\([0-9]*\).*/\1/p" /proc/cmdline; }

mkdir -p /tmp
clients=$(setting clients)
bytes=$(setting bytes)
phase "kernel: $(uname -sr), clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"

phase modules
# few mappings, so that somebody meets the limit
while read -r module options; do
	# shellcheck disable=SC2086 # of several words
	check "module $module" insmod "/modules/$module.ko" $options
done </modules/order

phase card
sys=
for dev in /sys/bus/pci/devices/*; do
	ids=$(cat "$dev/vendor" "$dev/device" | tr '\n' ' ')
	echo "# ${dev##*/} $ids"
	[ "$ids" != "0xfa17 0x0001 " ] || sys=$dev
done
address=${sys##*/}
check "card listed" test -n "$sys"
[ -n "$sys" ] || finish
check "card in an IOMMU group" test -e "$sys/iommu_group"
echo "# $address in group $(readlink "$sys/iommu_group" | sed 's,.*/,,'), reset by $(cat "$sys/reset_method"), link" \
	"$(cat "$sys/current_link_speed") x$(cat "$sys/current_link_width")"
echo vfio-pci >"$sys/driver_override"
echo "$address" >/sys/bus/pci/drivers_probe
check "card bound to vfio-pci" test -e "$sys/driver/module/drivers/pci:vfio-pci"

phase doctor
check "fantail doctor finds the card ready" /fantail doctor --for=card
/fantail doctor --for=card | sed 's/^/# /'
ways=group
# the device node needs a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV
[ ! -e "$sys/vfio-dev" ] || [ ! -e /dev/iommu ] || ways="group iommufd"
echo "# ways to the card: $ways"

for way in $ways; do
	uri="vfio:$address?iommu=$way"
	phase "cases over $way"
	/guest cases "$uri"
	phase memory
	echo 8 >/proc/sys/vm/nr_hugepages
	/guest memory "$uri"
	phase "serve 1"
	/guest serve "$uri" "$clients" "$bytes" 1
	phase reset
	/guest reset "$uri" "$address"
	phase kill
	/guest hang "$uri" >/tmp/hang &
	victim=$!
	until grep -q ok /tmp/hang; do sleep 0.05; done
	cat /tmp/hang
	kill -9 $victim
	wait $victim
	phase "serve 2"
	/guest serve "$uri" "$clients" "$bytes" 2
done
finish
