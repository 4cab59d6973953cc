#!/bin/sh
# The notification queue of the guest kernel, seen from a guest: boots the kernel with
# notifications_guest.c as pid 1 and notifications_server.py behind its share. TAP.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kernel=${SBX_TEST_KERNEL:-$("$here/../../guest/kernel/build" --print-path)}
[ -e "$kernel" ] || {
	echo "1..0 # SKIP the guest kernel is not built: guest/kernel/build"
	exit
}
for program in qemu-system-x86_64 python3 "${CC:=cc}"; do
	command -v "$program" >/dev/null || {
		echo "1..0 # SKIP $program is not installed"
		exit
	}
done

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT

"$CC" -std=c17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -static \
	-o "$work/init" "$here/notifications_guest.c"
python3 "$here/../../tools/gen-initramfs" "$work/init" "$work/initramfs"

python3 "$here/notifications_server.py" "$work/share.sock" &
server=$!
tries=100
while [ ! -S "$work/share.sock" ] && [ "$tries" -gt 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done

# The clock's rate is given, not measured: a guest that has to wait for its CPU measures wrong.
khz=$(awk '/^cpu MHz/ { print int($4 * 1000); exit }' /proc/cpuinfo)
timeout 120 qemu-system-x86_64 -M microvm,acpi=on,pcie=off,usb=off \
	-accel tcg,thread=multi -cpu max -smp 2 -m 256 \
	-object memory-backend-memfd,id=memory,size=256M,share=on -machine memory-backend=memory \
	-global virtio-mmio.force-legacy=false -nodefaults -no-user-config -no-reboot \
	-display none -serial "file:$work/console" \
	-chardev "socket,id=share,path=$work/share.sock" \
	-device vhost-user-fs-device,chardev=share,tag=share,num-request-queues=2 \
	-kernel "$kernel" -initrd "$work/initramfs" \
	-append "console=ttyS0 quiet panic=-1 tsc=reliable tsc_early_khz=$khz lpj=${khz}0 virtiofs.notify_last=1" \
	</dev/null ||
	echo "Bail out! QEMU ended with status $?"
tr -d '\r' <"$work/console" | sed -n '/^\(not \)\?ok /p; /^1\.\./p; /^#/p; /^Bail/p; /BUG\|WARNING\|Oops/s/^/# /p'
