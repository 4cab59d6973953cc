# Create, list, stop, start, remove; state kept; nothing left.

lists() {
	like "$(sbx ls | head -n 1)" "SANDBOX*AGENT*STATUS*PORTS*WORKSPACE*"
	like "$(sbx ls | grep ^shared)" "shared*shell*running*$SHARED*"
	is "$(sbx ls -q)" shared
	is "$(sbx ls --json | jq -r '.sandboxes[0].name + " " + .sandboxes[0].status')" "shared running"
	like "$(sbx ls --format yaml)" $'sandboxes:\n- id: *\n  name: shared\n*status: running\n*'
}
t "ls as a table, as names, as JSON" lists

state_is_kept() {
	mkdir -p "$TMP/life"
	sbx create --name life shell "$TMP/life"
	sbx exec life sh -c 'echo kept > ~/note; sudo sh -c "echo root > /opt/root"'
	like "$(sbx stop life)" "*Sandbox 'life' stopped; state preserved. Restart with: sbx run --name life*"
	like "$(sbx ls | grep ^life)" "life*shell*stopped*"
	is "$(sbx exec life sh -c 'cat ~/note /opt/root')" "$(printf 'kept\nroot')"
}
t "stop keeps what was written, exec starts it again" state_is_kept

# where LIBRARY|[stack]: the first address of it in a new process
where() { sbx exec life cat /proc/self/maps | awk -v name="$1" 'index($6, name) { print $1; exit }'; }

addresses_are_random() {
	local code stack
	code=$(where /libc.so) stack=$(where '[stack]')
	says "$code" '^[0-9a-f]{12}-'
	test "$(where '[stack]')" != "$stack"
	# the emulator translates code by its address, so there it is drawn once a boot: guest/kernel/README.md
	if [ "$(sbx inspect life --json | jq -r .engine)" = qemu ]; then
		is "$(where /libc.so)" "$code"
	else
		test "$(where /libc.so)" != "$code"
	fi
	sbx stop life
	test "$(where /libc.so)" != "$code"
}
t "nobody can know where code lies in the next boot, or a stack in the next process" addresses_are_random

stopped_has_no_process() {
	local pids
	pids=$(processes life)
	test -n "$pids"
	sbx stop life
	local pid
	for pid in $pids; do
		test ! -d "/proc/$pid"
	done
}
t "a stopped sandbox has no process" stopped_has_no_process

rm_leaves_nothing() {
	local pids
	sbx exec life true
	pids=$(processes life)
	sbx rm --force life
	local pid
	for pid in $pids; do
		test ! -d "/proc/$pid"
	done
	is "$(find "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" "$XDG_CACHE_HOME" -path '*life*')" ""
	is "$(sbx ls -q)" shared
	fails 1 sbx inspect life
}
t "rm leaves no file and no process" rm_leaves_nothing

two_at_once() {
	mkdir -p "$TMP/one" "$TMP/two"
	sbx create --name one shell "$TMP/one" >"$TMP/one.log" 2>&1 &
	local pid=$!
	sbx create --name two shell "$TMP/two"
	wait $pid || { cat "$TMP/one.log"; return 1; }
	sbx exec one sh -c 'echo 1 > ~/who'
	sbx exec two sh -c 'echo 2 > ~/who'
	is "$(sbx exec one cat /home/agent/who)$(sbx exec two cat /home/agent/who)" 12
	fails 2 sbx exec one ls "$TMP/two"
	sbx rm -f one two
}
t "two sandboxes made at once do not see each other" two_at_once

run_reattaches() {
	mkdir -p "$TMP/again"
	(cd "$TMP/again" && sbx run -- sh -c 'echo first > ~/x')
	is "$(cd "$TMP/again" && sbx run -- cat /home/agent/x)" first
	is "$(sbx ls -q | grep -c again)" 1
	sbx rm -f shell-again
}
t "run on the same folder comes back to the same sandbox" run_reattaches

# One of them makes it; the other comes to it while it is made, and both run in it.
first_runs_at_once() {
	local n
	mkdir -p "$TMP/race"
	for n in 1 2 3; do
		(cd "$TMP/race" && exec sbx run -- sh -c "echo $n >>/home/agent/who; cat /proc/sys/kernel/random/boot_id") \
			>"$TMP/race.$n" 2>"$TMP/race.$n.err" &
	done
	for n in $(jobs -p); do
		wait "$n" || { cat "$TMP"/race.*.err; return 1; }
	done
	is "$(sort -u "$TMP"/race.[123] | wc -l)" 1
	is "$(sbx ls -q | grep race)" shell-race
	is "$(sbx exec shell-race sort /home/agent/who | tr '\n' ' ')" "1 2 3 "
	sbx rm -f shell-race
}
t "first runs of one folder at once make one sandbox" first_runs_at_once

run_passes_status() {
	mkdir -p "$TMP/status"
	(cd "$TMP/status" && fails 9 sbx run --rm -- sh -c 'exit 9')
	is "$(sbx ls -q)" shared
}
t "run passes the status, --rm removes" run_passes_status

second_start() {
	sbx create --name twice shell "$SHARED" >/dev/null 2>&1
	sbx stop twice
	sbx exec twice echo a >"$TMP/a" &
	local pid=$!
	sbx exec twice echo b >"$TMP/b"
	wait $pid
	is "$(cat "$TMP/a" "$TMP/b")" "$(printf 'a\nb')"
	sbx rm -f twice
}
t "two starts of one sandbox at once are one start" second_start

idle_stop() {
	mkdir -p "$TMP/idle"
	sbx create --name idle shell "$TMP/idle"
	# a detached command holds it, then nothing does
	sbx exec -d idle sleep 5
	wait_for 120 bash -c "sbx ls | grep -q '^idle .*stopped'"
	is "$(sbx exec idle echo back)" back
	sbx rm -f idle
}
t "it stops by itself when nobody uses it, and starts at the next command" idle_stop

old_form() {
	mkdir -p "$TMP/old"
	docker-sandbox create --name older --workspace "$TMP/old"
	is "$(docker-sandbox exec older -- sh -c 'echo $0 works; pwd' x)" "$(printf 'x works\n%s' "$TMP/old")"
	docker-sandbox rm older
	is "$(sbx ls -q)" shared
}
t "docker-sandbox takes the older form" old_form

prunes_only_stopped() {
	sbx create --name prunable shell "$SHARED" >/dev/null 2>&1
	sbx stop prunable
	is "$(sbx prune --dry-run --json | jq -r '.would_remove[].name')" prunable
	is "$(sbx prune --dry-run --filter since=1h)" "No stopped sandbox to remove"
	fails 1 sbx prune --force --filter until=soon
	is "$(sbx ls -q | wc -l)" 2
	sbx prune --force
	is "$(sbx ls -q)" shared
}
t "prune removes stopped ones only" prunes_only_stopped

disks() {
	mkdir -p "$TMP/disk"
	sbx create --name disk --disk 1g --pids-limit 300 shell "$TMP/disk"
	local before after
	before=$(sbx exec disk df --output=size -m / | tail -n 1)
	sbx disk grow disk 2g
	after=$(sbx exec disk df --output=size -m / | tail -n 1)
	test "$after" -gt $((before + 800))
	sbx stop disk
	sbx disk grow disk 3g
	test "$(sbx exec disk df --output=size -m / | tail -n 1)" -gt $((after + 800))
	sbx exec disk sh -c 'head -c 200M /dev/zero | tr "\0" x > ~/big; sync; rm ~/big; sync'
	# The guest discards as it deletes, so there may be nothing left to give back; what is taken is told either way.
	local told taken
	told=$(sbx disk trim disk)
	says "$told" "^(Gave [0-9.]+ [KM]iB back to this machine; |There was nothing to give back: )the disks of sandbox 'disk' take [0-9.]+ MiB( now)?$"
	told=$(sed -E 's/.* take ([0-9]+).*/\1/' <<<"$told")
	taken=$(($(du -k "$(state)"/sandboxes/disk/d*.img | awk '{ sum += $1 } END { print sum }') / 1024))
	test $((told - taken)) -ge -5 -a $((told - taken)) -le 5
	test "$(du -sm "$(state)/sandboxes/disk" | cut -f1)" -lt 150
}
t "a disk has its size, grows, and gives back what was deleted" disks

processes_are_limited() {
	local said
	said=$(sbx exec disk sh -c \
		'(for i in $(seq 400); do sleep 300 & done; echo all of them); set -- /proc/[0-9]*; echo there are $#' 2>&1)
	says "$said" "fork"
	says "$said" "there are [34][0-9][0-9]"
	says_not "$said" "all of them"
	sbx stop disk
}
t "a sandbox has no more processes than it may" processes_are_limited

restart_from_inside() {
	fails 1 sbx exec disk sudo perl -e 'syscall(169, 0xfee1dead, 672274793, 0x1234567, 0)'
	wait_for 60 sh -c 'sbx ls | grep -q "^disk .* stopped "'
	says_not "$(sbx inspect --json disk | jq -r .reason)" 'signal'
	is "$(sbx exec disk echo again)" again
	sbx rm -f disk
}
t "a guest that restarts itself ends its engine without a fault" restart_from_inside

timeouts() {
	fails 124 sbx exec --timeout 1s shared sleep 300
	fails 124 sbx exec --timeout 1s shared sh -c 'trap "" TERM; echo deaf; exec sleep 301'
	wait_for 20 bash -c '! sbx exec shared pgrep -f "sleep 30[01]"'
	is "$(sbx exec --timeout 1h shared echo quick)" quick
}
t "a command ends when its time is up, a deaf one too" timeouts
