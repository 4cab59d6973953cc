#!/bin/sh
# The recipe of the guest kernel, and the kernel if it is built. TAP.
set -eu

# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$work"' EXIT
cd "$guest"
# shellcheck source=../../guest/kernel/source
. kernel/source
kernel=$(kernel/build --print-path)
config=${kernel%/*}/config

check_config_sees() {
	printf '%s\n' "$1" >"$work/fragment"
	printf '%s\n' 'CONFIG_A=y' 'CONFIG_S="a b"' '# CONFIG_N is not set' 'CONFIG_NR=64' >"$work/config"
	kernel/check-config "$work/fragment" "$work/config"
}

# All that sandboxes rely on; who trims the configuration is reminded here.
is_complete() {
	missing=0
	for option in ACPI PVH VIRTIO_MMIO VIRTIO_MMIO_CMDLINE_DEVICES VIRTIO_BLK VIRTIO_NET VIRTIO_FS \
		VIRTIO_VSOCKETS VIRTIO_CONSOLE VIRTIO_BALLOON PAGE_REPORTING SERIAL_8250_CONSOLE \
		EROFS_FS_ZIP EXT4_FS OVERLAY_FS FUSE_FS TMPFS DEVTMPFS INOTIFY_USER FANOTIFY \
		USER_NS NET_NS PID_NS MEMCG CGROUP_PIDS CGROUP_BPF CGROUP_DEVICE CPUSETS CFS_BANDWIDTH \
		SECCOMP_FILTER BPF_SYSCALL BRIDGE VETH NF_TABLES NF_NAT BRIDGE_NETFILTER POSIX_MQUEUE \
		KEYS IP_NF_IPTABLES IP6_NF_IPTABLES NETFILTER_XT_MATCH_ADDRTYPE VXLAN TUN; do
		grep -qx "CONFIG_$option=y" kernel/config || {
			echo "CONFIG_$option=y is missing"
			missing=1
		}
	done
	return "$missing"
}

# unpack_patched DEB: the files that the patches touch, from the kernel source in DEB.
unpack_patched() {
	mkdir -p "$work/source"
	sed -n "s,^--- a/,$package/,p" kernel/patches/*.patch >"$work/files"
	dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "./usr/src/$package.tar.*" |
		tar -xJ -C "$work/source" --strip-components=1 -T "$work/files"
}

apply_patches() {
	for patch in kernel/patches/*.patch; do
		patch -d "$work/source" -p1 --batch --forward --fuzz=0 <"$patch" || return
	done
}

has_pvh_entry() {
	readelf -nW "$kernel" | grep -q 'Xen .*Unknown note type: (0x00000012)\|XEN_ELFNOTE_PHYS32_ENTRY'
}

is_stripped() {
	! readelf -SW "$kernel" | grep -E '\.(debug|symtab)'
}

check 'check-config accepts what is so' check_config_sees 'CONFIG_A=y
CONFIG_N=n
CONFIG_UNHEARD_OF=n
CONFIG_S="a b"
CONFIG_NR=64
# CONFIG_A=n'
for line in CONFIG_A=n CONFIG_N=y CONFIG_UNHEARD_OF=y CONFIG_NR=6 CONFIG_S=a; do
	check "check-config refuses $line" fails check_config_sees "$line"
done
check 'the configuration has all that sandboxes rely on' is_complete
check 'no setting appears twice' same "$(grep -o '^CONFIG_[A-Z0-9_]*' kernel/config | sort | uniq -d)" ''

deb=${kernel%/kernel/*}/download/${package}_${version}_all.deb
if [ -e "$deb" ]; then
	unpack_patched "$deb"
	check 'every patch applies without fuzz' apply_patches
else
	skip 'every patch applies without fuzz' 'the source is not in the cache'
fi

if [ -e "$kernel" ]; then
	check 'the kernel has every setting of the configuration' kernel/check-config kernel/config "$config"
	check 'it has no modules' fails grep -q '=m$' "$config"
	check 'it has a PVH entry' has_pvh_entry
	check 'it is stripped' is_stripped
	check 'a second call finds it' same "$(kernel/build)" "$kernel"
else
	skip 'the built kernel' 'guest/kernel/build has not run'
fi
done_testing
