# sbxd is killed with SIGKILL during each command; sandboxes and their sessions do not notice.

# Every process of this run that runs one of our programs. With the kvm engine sbx-vmm is one of them.
our_processes() {
	local pid program
	for pid in /proc/[0-9]*; do
		program=$(readlink "$pid/exe") || continue
		[[ $program == "$SBX_PROGRAMS"/sbx-* ]] || continue
		grep -qx "${pid#/proc/}" "$RUN/others" || echo "${pid#/proc/}"
	done | sort
}

# Other areas have daemons of their own, whose sandboxes may still run.
our_processes >"$TMP/before_daemon"

known_processes() {
	{
		cat "$TMP/before_daemon"
		sbx inspect shared --json |
			jq -r '.processes[] | select(.name == "kvm" or (.name | startswith("sbx-"))) | .pid'
	} | sort -u
}

only_known() {
	[ -z "$(comm -23 <(our_processes) <(known_processes))" ]
}

daemon_pid() {
	sbx daemon status --json | jq -r .pid
}

end_daemon() {
	local pid
	pid=$(daemon_pid)
	kill -9 "$pid"
	wait_for 10 test ! -d "/proc/$pid"
}

survives() {
	local before after
	before=$(processes shared | sort)
	sbx exec shared sh -c 'echo $$; sleep 3; echo done' >"$TMP/session" &
	local session=$!
	wait_for 10 test -s "$TMP/session"
	end_daemon
	is "$(sbx exec shared echo alive)" alive
	wait $session
	is "$(tail -n 1 "$TMP/session")" done
	after=$(processes shared | sort)
	is "$after" "$before"
}
t "a killed sbxd loses no sandbox and no session" survives

killed_during() {
	local command=$1
	shift
	"$@" >"$TMP/during.log" 2>&1 &
	local pid=$!
	# let it get going: the daemon has the request when its log or state changes; a spread of moments over the runs
	sleep "0.$((RANDOM % 9))"
	kill -9 "$(cat "$TMP/daemon.pid")"
	wait $pid || true
	is "$(sbx exec shared echo alive)" alive
	daemon_pid >"$TMP/daemon.pid"
	sbx ls --json | jq -e '[.sandboxes[].status] | all(. == "running" or . == "stopped")' >/dev/null ||
		wait_for 60 bash -c "sbx ls --json | jq -e '[.sandboxes[].status] | all(. == \"running\" or . == \"stopped\")'"
}

each_command() {
	mkdir -p "$TMP/k"
	daemon_pid >"$TMP/daemon.pid"
	local round
	for round in 1 2 3; do
		killed_during create sbx create --name k$round shell "$TMP/k"
		killed_during exec sbx exec shared sleep 1
		killed_during cp sbx cp "$SHARED" shared:/tmp/k$round
		sbx ls -q | grep -qx k$round || sbx create --name k$round shell "$TMP/k"
		killed_during start sbx exec k$round true
		killed_during stop sbx stop k$round
		killed_during mount sbx mount k$round "$TMP/k:/mnt/k"
		killed_during ls sbx ls
		killed_during rm sbx rm -f k$round
		sbx rm -f k$round 2>/dev/null || true
	done
	is "$(sbx ls -q)" shared
	is "$(ls "$(state)/sandboxes")" shared
}
t "killed during create, exec, cp, start, stop, mount, ls and rm: the next one carries on" each_command

# What a killed sbxd had begun ends by itself, once its sockets are closed.
no_orphans() {
	wait_for 30 only_known || {
		echo "nobody knows:"
		ps -o pid,ppid,stat,etimes,args -p "$(comm -23 <(our_processes) <(known_processes) | paste -sd,)"
		return 1
	}
}
t "no process is left that nobody knows of" no_orphans

backend_killed() {
	mkdir -p "$TMP/backend"
	local victims='sbx-fs sbx-blk sbx-vsock' victim
	[ "$(sbx inspect shared --json | jq -r .engine)" = qemu ] || victims='sbx-fs sbx-vsock'
	for victim in $victims; do
		sbx create --name victim shell "$TMP/backend" >/dev/null 2>&1
		sbx exec victim true
		kill -9 "$(sbx inspect victim --json | jq -r ".processes[] | select(.name == \"$victim\") | .pid")"
		wait_for 20 bash -c "sbx ls | grep '^victim .*stopped'"
		like "$(sbx inspect victim --json | jq -r .reason)" "*$victim*"
		is "$(sbx exec victim echo again)" again
		sbx rm -f victim
	done
}
t "a killed backend stops its sandbox with a reason; it starts again" backend_killed

cut_disk() {
	sbx create --name cut-disk shell "$TMP/backend" >/dev/null 2>&1
	sbx stop -t 0s cut-disk
	truncate -s 100000 "$(state)/sandboxes/cut-disk/docker.img"
	fails 1 sbx exec cut-disk true
	like "$(cat "$TMP/stderr")" "*sbx-blk ended with status 1; last message: sbx-blk:*"
	rm "$(state)/sandboxes/cut-disk/docker.img"
	fails 1 sbx exec cut-disk true
	like "$(cat "$TMP/stderr")" "*docker.img*No such file*"
	sbx rm -f cut-disk
}
t "a disk that was cut or is gone is said by who found it" cut_disk

disks_of() {
	sbx inspect "$1" --json | jq -r '.processes[] | select(.name == "sbx-blk") | .pid'
}

disks_killed() {
	local before pid
	before=$(sbx exec shared cat /proc/sys/kernel/random/boot_id)
	pid=$(disks_of shared)
	kill -9 "$pid"
	is "$(sbx exec shared sh -c 'head -c 1M /dev/zero >~/after && sync && cat /proc/sys/kernel/random/boot_id')" "$before"
	test "$(disks_of shared)" != "$pid"
}
if [ "$(sbx inspect shared --json | jq -r .engine)" = qemu ]; then
	skip "another sbx-blk goes on where one was killed" "QEMU cannot go on with another one"
else
	t "another sbx-blk goes on where one was killed" disks_killed
fi

damaged_state() {
	sbx create --name cut shell "$SHARED" >/dev/null 2>&1
	sbx stop cut
	local file
	file=$(find "$(state)/sandboxes/cut" -name '*.json' | head -n 1)
	truncate -s $(($(stat -c %s "$file") / 2)) "$file"
	end_daemon
	like "$(sbx ls | grep ^cut)" "cut*damaged*"
	fails 1 sbx exec cut true
	is "$(sbx exec shared echo alive)" alive
	sbx rm -f cut
	is "$(sbx ls -q)" shared
}
t "a state file cut in half is shown as damaged, harms nobody, and can be removed" damaged_state

daemon_commands() {
	like "$(sbx daemon status)" "Status: running*"
	sbx daemon stop
	like "$(sbx daemon status || true)" "*stopped*"
	is "$(sbx exec shared echo alive)" alive
	sbx daemon restart
	is "$(sbx exec shared echo alive)" alive
}
t "daemon status, stop, restart; the sandbox goes on" daemon_commands

# A cleaner of temporary folders took the socket: the way back is said.
out_of_reach() {
	local pid
	pid=$(daemon_pid)
	rm "$XDG_RUNTIME_DIR/sbx/sbxd.sock"
	fails 1 "$SBX_PROGRAMS/sbxd/sbxd"
	like "$(cat "$TMP/stderr")" "sbxd: a daemon (PID $pid) runs already*kill $pid*"
	kill "$pid"
	wait_for 10 test ! -d "/proc/$pid"
	is "$(sbx exec shared echo alive)" alive
}
t "a daemon out of reach is named, and can be ended" out_of_reach

first_policy() {
	export SBX_APP_NAME=first
	sbx daemon start -d --policy deny-all
	is "$(sbx policy ls --json | jq -r .preset)" locked-down
	# what was chosen stays, at a later start as well
	sbx daemon start --policy balanced
	sbx daemon stop
	sbx daemon start -d --policy open
	is "$(sbx policy ls --json | jq -r .preset)" locked-down
	is "$(sbx daemon log-level)" "general: info"
	is "$(sbx daemon log-level set all debug)" "general: debug"
	fails 1 sbx daemon log-level set general loud
	fails 1 sbx daemon log-level set proxy debug
	sbx reset --force
}
t "the daemon begins with the policy it was given, and says as much as it is told to" first_policy
