#!/bin/busybox sh
# pid 1 of the testbed's host: runs /testbed/run, says how it ended, and resets the machine.
# The last line on the console that begins with "testbed:" is the verdict.
export PATH=/bin:/sbin:/testbed/bin
busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
ip link set lo up 2>/dev/null
chmod 666 /dev/kvm
echo 5 >/proc/sys/kernel/printk
/bin/sh /testbed/run
echo "testbed: exit $?"
reboot -f
