#!/bin/bash
# In the testbed's host, whose clock counts instructions: our VMM and QEMU's microvm take turns in
# booting the same kernel to the same init, which stays. One line "figure WHO MIB WHAT NUMBER" each.
# measure.sh RUNS MIB... | measure.sh profile
artefacts=/testbed/artefacts
words='console=ttyS0 quiet panic=-1 swiotlb=noforce'
board='acpi=off pci=off reboot=k' # which sbx-vmm says itself
mount -t debugfs none /sys/kernel/debug

now() { # microseconds
	local time=${EPOCHREALTIME/./}
	echo "$time"
}

figure() { # WHO WHAT NUMBER
	echo "figure $1 $memory $2 $3"
}

# await FILE TEXT: reads lines from a descriptor until one has the text.
await() {
	local line
	while IFS= read -r line <&"$1"; do
		case $line in
		*"$2"*) return 0 ;;
		esac
	done
	return 1
}

exits() {
	local kind
	for kind in exits pf_fixed io_exits mmio_exits halt_exits irq_exits; do
		figure "$1" "$kind" "$(cat "/sys/kernel/debug/kvm/$kind")"
	done
}

# Of a process without the guest's memory: whatever it mapped that is as large as that.
pss() {
	awk '/^[0-9a-f]+-/ { split($1, ends, "-"); ours = 1 } /^Size:/ { if ($2 >= 100 * 1024) ours = 0 }
		/^Pss:/ { if (ours) sum += $2 } END { print sum }' "/proc/$1/smaps"
}

ours() {
	local begin running pid
	mkfifo /tmp/go
	begin=$(now)
	exec {console}< <(exec /testbed/tests/testbed-boot "$SBX_PROGRAMS/sbx-vmm/sbx-vmm" "$artefacts/vmlinux" \
		"$artefacts/hello.cpio" "$memory" 1 "$words hold" hello: 2>&1 </tmp/go)
	exec {go}>/tmp/go
	await "$console" 'boot: pid'
	running=$(now)
	await "$console" hello:
	figure ours init $(($(now) - running))
	figure ours start $((running - begin))
	exits ours
	figure ours pss "$(pss "$(pgrep -x sbx-vmm)")"
	exec {go}>&-
	await "$console" nothing
	exec {console}<&-
	rm /tmp/go
}

peer() {
	local begin running
	mkfifo /tmp/monitor.in /tmp/monitor.out
	begin=$(now)
	exec {console}< <(exec /testbed/peer/qemu-system-x86_64 -L /testbed/peer/share -accel kvm -cpu host -smp 1 -m "$memory" \
		-M microvm,acpi=off,pit=off,pic=off,rtc=off,isa-serial=on,auto-kernel-cmdline=on,x-option-roms=off \
		-global virtio-mmio.force-legacy=false -device virtio-rng-device -device virtio-balloon-device,free-page-reporting=on \
		-nodefaults -no-user-config -display none -no-reboot -S -serial stdio \
		-chardev pipe,id=monitor,path=/tmp/monitor -mon chardev=monitor \
		-kernel "$artefacts/vmlinux" -initrd "$artefacts/hello.cpio" -append "$words $board hold" 2>&1 </dev/null)
	exec {ask}>/tmp/monitor.in {answer}</tmp/monitor.out
	read -r -n 5 <&"$answer"
	running=$(now)
	figure peer start $((running - begin))
	echo cont >&"$ask"
	await "$console" hello:
	figure peer init $(($(now) - running))
	exits peer
	figure peer pss "$(pss "$(pgrep -x qemu-system-x86)")"
	echo quit >&"$ask"
	await "$console" nothing
	exec {console}<&- {ask}>&- {answer}<&-
	rm /tmp/monitor.*
}

profile() {
	/testbed/tests/testbed-boot "$SBX_PROGRAMS/sbx-vmm/sbx-vmm" "$artefacts/vmlinux" "$artefacts/hello.cpio" 128 1 \
		"$words initcall_debug log_buf_len=4M log" </dev/null 2>&1
}

if [ "$1" = profile ]; then
	profile
	exit
fi
runs=$1
shift
memory=128
{ ours && peer; } >/dev/null # files come into memory
for memory; do
	for _ in $(seq "$runs"); do
		ours
		peer
	done
done
