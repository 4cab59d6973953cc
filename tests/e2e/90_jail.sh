# sbx diagnose reads from the kernel how the running processes are jailed.

jailed() {
	sbx exec shared true
	sbx diagnose -o json >"$TMP/diagnose" || true
	cat "$TMP/diagnose"
	jq -e '.sandboxes[] | select(.name == "shared") | .processes | length >= 4' "$TMP/diagnose"
	jq -e '.sandboxes[].processes[] | .namespaces | contains(["user","mount","pid","ipc","uts"])' "$TMP/diagnose"
	# the one whose sockets are the sandbox's way out
	jq -e '[.sandboxes[].processes[] | select(.namespaces | contains(["net"]) | not) | .name] | unique == ["sbx-net"]' "$TMP/diagnose"
	jq -e '.sandboxes[].processes[] | .capabilities == 0 and .seccomp == 2 and .no_new_privs and .empty_root' "$TMP/diagnose"
	jq -e 'any(.checks[]; .name == "Landlock" and .status == "pass")' "$TMP/diagnose"
	jq -e '.sandboxes[].processes[] | .landlock == "yes"' "$TMP/diagnose"
	is "$(jq -c '.checks[] | select(.status == "fail")' "$TMP/diagnose")" ''
}
t "own namespaces, no capabilities, seccomp, no_new_privs" jailed

way_out() {
	jq -e '[.checks[] | select(.name | startswith("shared: ")) | {(.name[8:]): .status}] | add
		== {"denied probe": "pass", "allowed probe": "pass", "policy in force": "pass", "certificate": "pass"}' "$TMP/diagnose"
	sbx inspect --json shared | jq -e '.policy == {"source": "global", "preset": "balanced"} and (.secrets | type == "array")'
}
t "the way out: policy in force, certificate in the guest" way_out

kernel_agrees() {
	local pid
	for pid in $(processes shared); do
		grep -qx 'Seccomp:	2' "/proc/$pid/status"
		grep -qx 'NoNewPrivs:	1' "/proc/$pid/status"
		grep -qx 'CapEff:	0000000000000000' "/proc/$pid/status"
		grep -qx 'CapBnd:	0000000000000000' "/proc/$pid/status"
		[ "$(cat "/proc/$pid/comm")" = sbx-net ] ||
			test "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)"
		test "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)"
	done
}
t "/proc says the same" kernel_agrees

# A descriptor whose mount stands in the host's table leads up from the share.
shares_stand_alone() {
	local pid fd shares=0
	pid=$(sbx inspect --json shared | jq '.processes[] | select(.name == "sbx-fs") | .pid')
	for fd in /proc/"$pid"/fd/*; do
		[[ $(readlink "$fd") == / || -d $fd/. && $(stat -Lc %d:%i "$fd") == $(stat -Lc %d:%i "$SHARED") ]] || continue
		shares=$((shares + 1))
		fails 1 grep "^$(awk '$1 == "mnt_id:" { print $2 }' "/proc/$pid/fdinfo/${fd##*/}") " /proc/self/mountinfo
	done
	test $shares -ge 1
}
t "the folders of sbx-fs are in no mount table of the host" shares_stand_alone

one_network() {
	is "$(sbx exec shared sh -c 'ls /sys/class/net')" "eth0
lo"
}
t "the guest has one network and a loopback" one_network

memory_of_our_processes() {
	# the sum of our processes (not of the emulator) stays below 12 MiB
	local sum
	sum=$(sbx inspect shared --json | jq '[.processes[] | select(.name | startswith("sbx-")) | .pss] | add')
	echo "$sum bytes"
	test "$sum" -lt $((12 << 20))
}
t "our processes of a sandbox take less than 12 MiB" memory_of_our_processes

# as systemd leaves one for Delegate=yes
delegate() { mkdir "$1" && python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$1"; }

own_cgroup() {
	local pid
	echo "$BASHPID" >"$CGROUP/cgroup.procs"
	export SBX_APP_NAME=enclosed
	# one that cannot be used is no reason to stay away
	echo 0 >"$CGROUP/cgroup.max.descendants"
	sbx daemon start -d
	says "$(cat "$XDG_STATE_HOME"/sbx-enclosed/sbxd.log)" 'cannot use the cgroup that was delegated: .*; sandboxes get none of their own'
	sbx daemon stop
	echo max >"$CGROUP/cgroup.max.descendants"
	mkdir "$TMP/enclosed"
	sbx create --name enclosed --keep-alive -m 512m shell "$TMP/enclosed"
	sbx exec enclosed true
	for pid in $(processes enclosed); do
		says "$(cat "/proc/$pid/cgroup")" "0::.*/${CGROUP##*/}/sandbox-enclosed"
	done
	[ ! -e "$CGROUP/sandbox-enclosed/memory.max" ] || is "$(cat "$CGROUP/sandbox-enclosed/memory.max")" $(((512 + 1024) << 20))
	[ ! -e "$CGROUP/sandbox-enclosed/pids.max" ] || is "$(cat "$CGROUP/sandbox-enclosed/pids.max")" 1024
	# a further daemon finds it again
	sbx daemon stop
	sbx ls -q | grep -qx enclosed
	sbx stop enclosed
	test ! -e "$CGROUP/sandbox-enclosed"
	sbx reset --force
}

CGROUPS=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
CGROUP=$CGROUPS/sbx-test-$$
if [ -n "$CGROUPS" ] && delegate "$CGROUP"; then
	t "below a cgroup that was delegated every sandbox has one of its own" own_cgroup
	wait_for 10 rmdir "$CGROUP/daemon" "$CGROUP"
else
	skip "below a cgroup that was delegated every sandbox has one of its own" "no cgroup of version 2 can be made"
fi
