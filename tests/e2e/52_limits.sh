# The walls of a sandbox, from the inside: what it was given ends there, for its root too, and what is on the other side goes on. (The
# limit of processes is in `lifecycle`, a hostile guest's attempts in `hostile`.)

MIB=1048576

narrow() { sbx exec narrow "$@"; }
narrow_root() { sbx exec -u root narrow "$@"; }

begins_narrow() {
	mkdir -p "$TMP/narrow"
	sbx create --name narrow --keep-alive --cpus 1 -m 384m --disk 600m --docker-disk 600m shell "$TMP/narrow"
	is "$(sbx inspect narrow --json | jq -c '[.cpus, .memory, .disk, .docker_disk]')" "[1,$((384 * MIB)),$((600 * MIB)),$((600 * MIB))]"
}
t "a sandbox of one CPU, 384 MiB and two disks of 600 MiB" begins_narrow

one_cpu() {
	is "$(narrow nproc)" 1
	is "$(narrow cat /sys/devices/system/cpu/present)" 0
	# its root gets no other one
	fails 2 narrow_root sh -c 'echo 1 >/sys/devices/system/cpu/cpu1/online'
	is "$(narrow_root sh -c 'taskset -pc 0-7 $$ >/dev/null; nproc')" 1
}
t "--cpus: there is one, and no other to be switched on" one_cpu

# bytes of the guest's memory that the engine holds
guest_memory() {
	local engine
	engine=$(sbx inspect narrow --json | jq -r '.engine as $e | .processes[] | select(.name == $e or .name == "sbx-vmm") | .pid')
	awk '/^Pss_Shmem:/ { print $2 * 1024 }' "/proc/$engine/smaps_rollup"
}

bounded_memory() {
	local total
	total=$(narrow awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
	echo "$total KiB inside"
	test "$total" -lt $((384 * 1024))
	# who takes all of it is ended, and nobody else
	fails 137 narrow sh -c 'tail /dev/zero; exit $?'
	is "$(narrow echo again)" again
	says "$(narrow_root dmesg)" 'Out of memory: Killed process [0-9]+ \(tail\)'
	test "$(guest_memory)" -le $((384 * MIB))
	is "$(sbx exec shared echo fine)" fine
}
t "--memory: who wants more is ended inside, the host gives no more" bounded_memory

# fill DIRECTORY IMAGE: until there is no space; the file on the host is no larger than it was made
fill() {
	local image=$XDG_STATE_HOME/sbx/sandboxes/narrow/$2
	fails 1 narrow_root sh -c 'head -c 1G /dev/zero | tr "\0" x >"$1/full"; sync; df -m "$1" >&2; test $(stat -c %s "$1/full") -ge 1073741824' sh "$1"
	says "$(cat "$TMP/stderr")" 'No space left on device'
	is "$(stat -c %s "$image")" $((600 * MIB))
	test $(($(stat -c %b "$image") * 512)) -le $((600 * MIB))
	narrow_root sh -c 'rm "$1/full"; echo room >"$1/room"; cat "$1/room"' sh "$1"
}

bounded_disks() {
	fill /var disk.img
	fill /var/lib/docker docker.img
	is "$(sbx exec shared echo fine)" fine
	sbx rm -f narrow
}
t "--disk, --docker-disk: no space left inside, no larger file outside" bounded_disks
