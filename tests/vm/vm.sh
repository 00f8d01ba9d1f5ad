#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vm.sh shared|messages: what `make vm-test` runs. A stock Debian kernel in QEMU, with an emulated IOMMU, has the card that fantail-sim
# serves over vfio-user as a PCI device. Inside, guest_main.c does the work over the kernel's VFIO; clients_main.c,
# on this side, are the TCP clients of the card's network. What the guest sees comes over a serial line and is told
# as TAP. The guest's memory is a file that the card maps (shared), or its own, which QEMU reads and writes for the
# card when it is asked to (messages). $VM names the folder of tools/vm-packages, $VM_BUILD that of the programs,
# $VM_KERNEL one with boot/ and lib/modules/ of another kernel than Debian's.
set -u
mode=$1
vm=$(realpath -m "${VM:-build/vm}")
built=${VM_BUILD:-build/tests/vm}
here=tests/vm
out=build/vm-test/$mode
clients=20
bytes=200000
count=0
failed=0
pids=()
declare -A told
trap finish EXIT
# shellcheck disable=SC2317 # the trap reaches it
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	wait
}

tap() { # tap ok|"not ok" NAME
	count=$((count + 1))
	told[$2]=1
	echo "$1 $count - $2"
	[ "$1" = ok ] || failed=1
}
# What somebody who looks on wants to know, too.
remark() { echo "$1" | tee -a "$out/remarks"; }
# What must have been told; the cases are those of `make test`.
expected() {
	sed -n 's/^\tX(\([a-z_]*\)).*/vfio\/\1/p' tests/driver/cases.h
	printf '%s\n' "card listed" "card in an IOMMU group" "card bound to vfio-pci" "fantail doctor finds the card ready" \
		"memory: huge pages when there are some" "memory: ordinary pages when there are too few" \
		"memory: huge pages given back" "memory: a mapping error names "{"the aperture","the entries","locked memory"} \
		"reset: a queue pair at work" "reset: by the kernel" "reset: registers as after power-up" "kill: a queue pair at work"
	for round in 1 2; do
		printf "serve $round: %s\n" "device opened" "DMA mapped, no fault" "one doorbell for each batch" \
			"every client served" "interrupts by MSI-X" "to the end" "every byte right at every client"
	done
	echo "DMA by $mode"
}
give_up() { # give_up WHY: what there is to see, and the end
	tap "not ok" "$1"
	for log in console results sim clients-1 clients-2; do
		[ ! -s "$out/$log" ] || { echo "# last lines of $log:"; tail -n 15 "$out/$log" | tr -d '\r' | sed 's/^/#   /'; }
	done
	echo "1..$count"
	exit 1
}

rm -rf "$out"
mkdir -p "$out"
if ! qemu=$(tools/vm-packages "$vm" 2>"$out/why"); then
	why=$(tail -n 1 "$out/why")
	echo "1..1"
	echo "ok 1 - guest # SKIP skipped: $why [needs: test -e $vm/complete]"
	exit 0
fi
busybox=$vm/guest/bin/busybox
kernel=$(echo "${VM_KERNEL:-$vm/guest}"/boot/vmlinuz-*)
modules=$(echo "${VM_KERNEL:-$vm/guest}"/lib/modules/*/kernel)

# The guest's root: a script, busybox, our programs, the modules that this kernel has.
root=$out/root
mkdir -p "$root"/{bin,dev,proc,sys,modules}
install -m 755 "$here/init.sh" "$root/init"
install "$busybox" "$root/bin/busybox"
install "$built/guest" "$built/fantail" "$root/"
for name in virt/lib/irqbypass drivers/iommu/iommufd/iommufd drivers/vfio/{vfio,vfio_virqfd,vfio_iommu_type1} \
	drivers/vfio/pci/{vfio-pci-core,vfio-pci}; do
	to=$root/modules/$(basename "$name").ko
	if [ -e "$modules/$name.ko" ]; then
		cat "$modules/$name.ko" >"$to"
	elif [ -e "$modules/$name.ko.xz" ]; then
		"$busybox" xz -dc "$modules/$name.ko.xz" >"$to"
	elif [ -e "$modules/$name.ko.zst" ]; then
		zstd -qdc "$modules/$name.ko.zst" >"$to"
	else
		continue
	fi
	case $name in
	*/vfio_iommu_type1) echo "vfio_iommu_type1 dma_entry_limit=256" ;;
	*) basename "$name" ;;
	esac
done >"$root/modules/order"
(cd "$root" && find . | LC_ALL=C sort | "$busybox" cpio -o -H newc 2>/dev/null) >"$out/initramfs"

"$built/fantail-sim" "$out/card.sock" --port=0 "--stats=$out/stats.json" >"$out/sim" 2>&1 &
sim=$!
pids+=("$sim")
for ((i = 0; i < 300; i++)); do
	grep -q "port 9000" "$out/sim" && break
	kill -0 $sim 2>/dev/null || give_up "fantail-sim serves"
	sleep 0.1
done
port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) .*/\1/p' "$out/sim")

memory=(-machine q35)
[ "$mode" = messages ] ||
	memory=(-machine "q35,memory-backend=mem" -object "memory-backend-memfd,id=mem,size=256M,share=on")
# On a loaded machine the kernel's check that the timer ticks would fail, and what it measures of the processor's
# clock is wrong: it gets one that follows the host's.
"$qemu" -nodefaults -no-user-config -display none -accel tcg -cpu max -m 256M -no-reboot \
	"${memory[@]}" -device intel-iommu,intremap=on,caching-mode=on \
	-kernel "$kernel" -initrd "$out/initramfs" \
	-append "console=ttyS0 loglevel=4 intel_iommu=on panic=-1 no_timer_check clocksource=hpet random.trust_cpu=on clients=$clients bytes=$bytes" \
	-serial "file:$out/console" -serial "file:$out/results" \
	-device pcie-root-port,id=port0 -device '{"driver":"vfio-user-pci","bus":"port0","socket":{"path":"'"$out/card.sock"'","type":"unix"},"x-msg-timeout":60000}' \
	>"$out/qemu" 2>&1 &
machine=$!
pids+=("$machine")

# Each phase has so many seconds; the machine may be a slow one.
limit=150
phase=boot
since=$SECONDS
seen=0
rounds=()
while :; do
	# first: what it said before it died is read below
	alive=true
	kill -0 $machine 2>/dev/null || alive=false
	lines=()
	# by cat: of a file that grows, mapfile takes half a line and goes on behind it
	[ ! -e "$out/results" ] || mapfile -s $seen lines < <(cat "$out/results")
	# the last line may not be whole yet
	if [ ${#lines[@]} -gt 0 ] && [[ ${lines[-1]} != *$'\n' ]]; then
		unset 'lines[-1]'
	fi
	seen=$((seen + ${#lines[@]}))
	for line in "${lines[@]}"; do
		line=${line%$'\n'}
		line=${line%$'\r'}
		case $line in
		"ok - "*) tap ok "${line#ok - }" ;;
		"not ok - "*) tap "not ok" "${line#not ok - }" ;;
		"# phase "*)
			phase=${line#\# phase }
			remark "# $SECONDS s: $phase"
			since=$SECONDS
			;;
		"# listening "*)
			rounds+=("${line#\# listening }")
			"$built/clients" "$port" $clients $bytes "${rounds[-1]}" >"$out/clients-${#rounds[@]}" 2>&1 &
			pids+=("$!")
			client[${#rounds[@]}]=$!
			;;
		"# end") break 2 ;;
		*" in group "* | "# nodes"* | "# the kernel"* | "# "*taken* | *deliveries) remark "$line" ;;
		*) echo "$line" ;;
		esac
	done
	$alive || { sed 's/^/# /' "$out/qemu"; give_up "the machine died in phase: $phase"; }
	[ $((SECONDS - since)) -lt $limit ] || give_up "$limit s are not enough for phase: $phase"
	sleep 0.1
done

for ((i = 1; i <= ${#rounds[@]}; i++)); do
	wait "${client[i]}" && result=ok || result="not ok"
	sed 's/^/# /' "$out/clients-$i"
	tap "$result" "serve ${rounds[i - 1]}: every byte right at every client"
done
wait $machine
kill $sim
wait $sim && result=ok || result="not ok"
sed 's/^/# /' "$out/sim"
sed -n 's/^ *\("messages"\|"resets"\|"posted_writes"\|"region_reads"\)/# server: \1/p' "$out/stats.json"
tap "$result" "the card broke no rule"
asked=$(sed -n 's/^ *"dma_messages": \([0-9]*\).*/\1/p' "$out/stats.json")
remark "# ${asked:-no} messages for DMA"
case $mode:$asked in
shared:0 | messages:[1-9]*) tap ok "DMA by $mode" ;;
*) tap "not ok" "DMA by $mode" ;;
esac
remark "# $SECONDS s: end"
while read -r name; do
	[ -n "${told[$name]:-}" ] || tap "not ok" "$name: nothing was told"
done < <(expected)
echo "1..$count"
exit $failed
