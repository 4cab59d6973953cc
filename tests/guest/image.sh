#!/bin/sh
# The packing of images, and what is in the base image if it is built. TAP.
set -eu

# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck disable=SC2034
kind='image test'
# shellcheck source=../../guest/cache.sh
. "$guest/cache.sh"
trap 'remove "$work"' EXIT
cd "$guest"

# A recipe with the smallest root there is: its setup is a static program that needs no libc.
make_recipe() {
	mkdir -p "$work/root/etc/apt/sources.list.d" "$work/root/dir" "$work/root/tmp" "$work/root/var/lib/dpkg/info" \
		"$work/root/dev" "$work/root/proc" "$work/recipe/files/etc"
	echo 'Package: none' >"$work/root/var/lib/dpkg/status"
	echo one >"$work/root/var/lib/dpkg/info/one"
	echo 'deb http://who:secret@mirror.example/debian trixie main' \
		>"$work/root/etc/apt/sources.list.d/0000sources.list"
	seq 100000 >"$work/root/dir/numbers"
	ln "$work/root/dir/numbers" "$work/root/dir/same-numbers"
	ln -s numbers "$work/root/dir/link"
	i=0
	while [ "$i" -lt 200 ]; do
		i=$((i + 1))
		echo "$i" >"$work/root/dir/$i"
	done
	echo hello >"$work/recipe/files/etc/hello"
	cat >"$work/setup.c" <<-'EOF'
		int main(void) { return 0; }
	EOF
	"${CC:-cc}" -static -o "$work/recipe/setup" "$work/setup.c"
	tar -c -C "$work/root" --owner=0 --group=0 -f "$work/root.tar" .
}

# pack_in DIRECTORY UMASK: packs the same thing under other circumstances.
pack_in() {
	mkdir "$work/$1"
	cp -r "$work/recipe" "$work/$1.recipe"
	touch -d "@$2" "$work/$1.recipe/files/etc/hello"
	chmod -R "$3" "$work/$1.recipe"
	as_root image/pack "$work/root.tar" "$work/$1.recipe" 1700000000 \
		0123456789abcdef0123456789abcdef "$work/$1/root.erofs"
}

same_bytes() {
	pack_in one 1000000000 u=rwX,go= && pack_in other 1600000000 u=rwX,go=rwX &&
		cmp "$work/one/root.erofs" "$work/other/root.erofs"
}

# unpack IMAGE DIRECTORY [OPTION]
unpack() {
	as_root fsck.erofs ${3+"$3"} --extract="$2" "$1"
}

# layer_in DIRECTORY: the layer of a recipe whose setup changes, adds, replaces and removes, on the image above
layer_in() {
	mkdir -p "$work/$1" "$work/change/files/etc"
	echo changed >"$work/change/files/etc/hello"
	cat >"$work/change.c" <<-'EOF'
		#include <sys/stat.h>
		#include <unistd.h>
		int main(void)
		{
			return unlink("/dir/7") + unlink("/dir/8") + mkdir("/dir/8", 0755) + symlink("x", "/dir/new") +
			       unlink("/var/lib/dpkg/info/one") + rmdir("/var/lib/dpkg/info");
		}
	EOF
	"${CC:-cc}" -static -o "$work/change/setup" "$work/change.c"
	as_root image/layer "$work/$1" "$work/change" 1700000000 fedcba9876543210fedcba9876543210 "$work/one/root.erofs"
}

same_layers() {
	layer_in first && layer_in second && cmp "$work/first/root.erofs" "$work/second/root.erofs"
}

# Folders only where something in them changed; what is gone as a mark, a folder once.
has_the_difference() {
	unpack "$work/first/root.erofs" "$work/layer" >/dev/null
	same "$(as_root find "$work/layer" -mindepth 1 -printf '%y /%P\n' | grep -v ' /var/\(cache\|log\|lib/apt\)' |
		LC_ALL=C sort | paste -sd' ')" \
		'c /dir/7 c /var/lib/dpkg/info d /dir d /dir/8 d /etc d /var d /var/lib d /var/lib/dpkg f /etc/hello l /dir/new'
}

# The next layer sees the root that the two make.
has_both() {
	image=$work/next
	mkdir -p "$image" "$work/look/files"
	as_root image/layer "$image" "$work/look" 1700000000 fedcba9876543210fedcba9876543210 \
		"$work/one/root.erofs" "$work/first/root.erofs"
	same "$(as_root fsck.erofs "$image/root.erofs" | tail -n 1)" '<I> erofs: No errors found'
	same "$(as_root cat "$image/status")" 'Package: none'
}

has_no_login() {
	unpack "$work/one/root.erofs" "$work/unpacked" &&
		same "$(as_root cat "$work/unpacked/etc/apt/sources.list")" 'deb http://mirror.example/debian trixie main'
}

in_root() {
	as_root env -i PATH=/usr/sbin:/usr/bin HOME=/home/agent chroot "$root" "$@"
}

# find_in DIRECTORY TEST...: what is found, without the path of the directory.
find_in() {
	directory=$1
	shift
	as_root find "$directory" "$@" -printf '/%P\n' | LC_ALL=C sort
}

check_account() {
	check 'agent is 1000 and has bash and a home' same "$(in_root getent passwd agent)" \
		'agent:x:1000:1000::/home/agent:/bin/bash'
	check 'it is in group sudo' same "$(in_root id -nG agent)" 'agent sudo'
	check 'its home is its own' same "$(in_root stat -c %U:%G /home/agent)" agent:agent
	check 'nobody has a password' same "$(in_root cut -d: -f2 /etc/shadow | tr -d '*!\n')" ''
	check 'the rules of sudo are valid' in_root visudo -cq
	check 'they cannot be read by others' same "$(in_root stat -c %a:%U /etc/sudoers.d/agent)" 440:root
	check 'sudo asks agent for no password' in_root sh -c \
		'sudo -l -U agent | grep -q "(ALL : ALL) NOPASSWD: ALL"'
	check 'sudo keeps the proxy' in_root sh -c 'sudo -l -U agent | grep -q HTTPS_PROXY'
}

check_files() {
	# fsck.erofs sets the owner last, which clears setuid; without owners it does not.
	unpack "$image" "$work/modes" --no-preserve-owner >/dev/null 2>&1
	check 'setuid and setgid are as expected' same \
		"$(find_in "$work/modes" -type f -perm /6000)" "$(cat "$tests/setuid.txt")"
	check 'only directories for it can be written by everybody' same \
		"$(find_in "$root" ! -type l -perm -2 | paste -sd' ')" '/tmp /var/tmp'
	check 'there are no device nodes' same "$(find_in "$root" -type b -o -type c)" ''
	check 'what sbx-init fills is there, empty' same \
		"$(in_root sh -c 'cd /etc && stat -c %F hostname hosts machine-id resolv.conf | uniq')" \
		'regular empty file'
	check 'there is no other init' same "$(find_in "$root/usr/sbin" -name init)" ''
	check 'manuals are left out' same "$(find_in "$root/usr/share/man" -type f)" ''
	check 'of documentation there is only who wrote what' same \
		"$(find_in "$root/usr/share/doc" -type f ! -name copyright)" ''
	check 'so are package lists and logs' same \
		"$(find_in "$root/var/lib/apt/lists" -type f)$(find_in "$root/var/log" -type f)" ''
	check 'all files have one time' same \
		"$(as_root find "$root" -type f -printf '%T@\n' | sort -u | wc -l)" 1
}

check_programs() {
	for program in bash bzip2 curl file gcc git ip jq less make nano ping ps pstree python3 \
		socat ssh strace sudo tar unshare unzip vi xz zstd; do
		in_root sh -c "command -v $program" >/dev/null || echo "$program"
	done >"$work/missing"
	check 'every program is there' same "$(cat "$work/missing")" ''
	echo 'export PERSISTENT=yes' | as_root tee -a "$root/etc/sandbox-persistent.sh" >/dev/null
	# shellcheck disable=SC2016
	check 'interactive bash reads sandbox-persistent.sh' same \
		"$(in_root bash -ic 'echo $PERSISTENT' 2>/dev/null)" yes
	check 'Python trusts its compiled modules' in_root python3 -Bc \
		'import importlib.util, json, struct
cached = importlib.util.cache_from_source(json.__file__)
assert struct.unpack("<I", open(cached, "rb").read()[4:8])[0] == 1'
}


as_root true 2>/dev/null || {
	echo '1..0 # SKIP neither root nor sub-ids (/etc/subuid)'
	exit
}

make_recipe
check 'the same inputs give the same bytes' same_bytes
check 'the same changes give the same layer' same_layers
check 'a layer is the difference and nothing else' has_the_difference
check 'a layer is built on those below' has_both
check 'the login of a mirror stays out of the image' has_no_login

image=$(image/build base --print-path)
if [ -e "$image" ]; then
	root=$work/base
	check 'the base image unpacks' unpack "$image" "$root"
	check_account
	check_files
	check_programs
	check 'the lock names every package' same \
		"$(sed '/^#/d' "${image%/*}/packages.lock" | grep -Ecv '^[^ ]+ [^ ]+ (amd64|all) [0-9a-f]{64}$')" 0
	check 'a second call finds it' same "$(image/build base)" "$(readlink -f "${image%/*}")/root.erofs"
else
	skip 'the base image' 'guest/image/build base has not run'
fi

# The layer of the Docker Engine
docker=$(image/build docker --print-path 2>/dev/null) || docker=
if [ -e "$docker" ]; then
	root=$work/docker
	check 'the layer docker unpacks' unpack "$docker" "$root"
	for program in sbin/dockerd bin/docker bin/containerd sbin/runc libexec/docker/cli-plugins/docker-buildx \
		libexec/docker/cli-plugins/docker-compose sbin/iptables; do
		as_root test -e "$root/usr/$program" || as_root test -L "$root/usr/$program" || echo "$program"
	done >"$work/missing"
	check 'the engine is there' same "$(cat "$work/missing")" ''
	check 'agent is in group docker' grep -q '^docker:.*:agent$' "$root/etc/group"
	check 'nothing of the base is there again' same "$(find_in "$root" -path '*/bin/bash' -o -name node)" ''
else
	skip 'the layer docker' 'guest/image/build docker has not run'
fi
done_testing
