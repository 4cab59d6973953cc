# exec in the shared sandbox: status, streams, environment, users, concurrency.

status_passes() {
	fails 0 sbx exec shared true
	fails 7 sbx exec shared sh -c 'exit 7'
	fails 137 sbx exec shared sh -c 'kill -9 $$'
}
t "the exit status passes, signals as 128+n" status_passes

missing_command() {
	fails 127 sbx exec shared no-such-command
	like "$(cat "$TMP/stderr")" "*no-such-command*"
	fails 126 sbx exec shared /etc/passwd
}
t "a missing command is 127, one that cannot run 126" missing_command

streams_are_apart() {
	is "$(sbx exec shared sh -c 'echo out; echo err >&2' 2>"$TMP/err")" out
	is "$(cat "$TMP/err")" err
}
t "stdout and stderr stay apart" streams_are_apart

stdin_half_close() {
	# wc ends only when stdin's end reaches it, and its answer comes after that
	is "$(head -c 1000000 /dev/zero | sbx exec -i shared sh -c 'wc -c; echo after')" "$(printf '1000000\nafter')"
}
t "the end of stdin passes while output goes on" stdin_half_close

without_i_stdin_is_empty() {
	is "$(echo text | sbx exec shared wc -c)" 0
}
t "without -i stdin is empty" without_i_stdin_is_empty

closed() {
	is "$(sbx exec -i shared cat <&-)" ""
	fails 1 sh -c 'exec sbx exec shared echo lost >&-'
	says "$(cat "$TMP/stderr")" "cannot write the command's output"
	fails 126 sbx exec -u nobody-of-that-name shared true
}
t "closed descriptors are nobody's connection; a user that is not there is 126" closed

binary_both_ways() {
	head -c 5000000 /dev/urandom >"$TMP/random"
	is "$(sbx exec -i shared cat <"$TMP/random" | sha256sum)" "$(sha256sum <"$TMP/random")"
}
t "five megabytes of random bytes pass unchanged both ways" binary_both_ways

user_and_place() {
	is "$(sbx exec shared id -un)" agent
	is "$(sbx exec shared pwd)" "$SHARED"
	is "$(sbx exec -u root shared id -u)" 0
	is "$(sbx exec --privileged shared id -u)" 0
	is "$(sbx exec -w /tmp shared pwd)" /tmp
	is "$(sbx exec shared sudo -n id -u)" 0
	is "$(sbx exec shared hostname)" shared
}
t "user agent in the workspace; -u, -w, --privileged, sudo" user_and_place

environment() {
	is "$(sbx exec -e A=1 -e 'B=two words' shared sh -c 'echo "$A,$B"')" "1,two words"
	printf 'C=file\n# comment\nA=file\n' >"$TMP/env"
	is "$(sbx exec --env-file "$TMP/env" -e A=flag shared sh -c 'echo "$A,$C"')" "flag,file"
	is "$(sbx exec shared sh -c 'echo $SANDBOX_NAME')" shared
	is "$(sbx exec shared sh -c 'echo $WORKSPACE_DIR')" "$SHARED"
}
t "environment: -e beats files, and what every sandbox has" environment

twenty_at_once() {
	local i pids=()
	for i in $(seq 20); do
		sbx exec -i shared sh -c 'cat; exit '"$i" <<<"number $i" >"$TMP/out.$i" &
		pids+=($!)
	done
	for i in $(seq 20); do
		local status=0
		wait "${pids[i - 1]}" || status=$?
		is "$status" "$i"
		is "$(cat "$TMP/out.$i")" "number $i"
	done
}
t "twenty at once, each its own stdin, output and status" twenty_at_once

interrupt_reaches_the_command() {
	sbx exec shared sh -c 'trap "echo caught; exit 3" INT; echo up; while :; do sleep 0.1; done' >"$TMP/int" &
	local pid=$! status=0
	wait_for 20 grep -q up "$TMP/int"
	kill -INT $pid
	wait $pid || status=$?
	is "$status" 3
	is "$(tail -n 1 "$TMP/int")" caught
}
t "SIGINT reaches the command, its status comes back" interrupt_reaches_the_command

client_gone_command_gone() {
	sbx exec shared sh -c 'echo $$; exec sleep 1000' >"$TMP/pid" &
	local pid=$!
	wait_for 20 test -s "$TMP/pid"
	kill -9 $pid
	wait $pid || true
	local gone="! sbx exec shared test -d /proc/$(cat "$TMP/pid")"
	wait_for 20 bash -c "$gone"
}
t "a killed client does not leave its command behind" client_gone_command_gone

detached() {
	local id
	id=$(sbx exec -d shared sh -c 'echo kept; echo why >&2; exit 4')
	wait_for 20 bash -c "sbx logs shared $id 2>/dev/null | grep -q kept"
	is "$(sbx logs -f shared "$id" 2>/dev/null | head -n 1)" kept
}
t "exec -d keeps its output for logs" detached

closed_stdout() {
	# a reader that leaves early must not hang or trouble anybody
	is "$(sbx exec shared sh -c 'yes | head -c 3000000' | head -n 1)" y
}
t "a reader that leaves early ends it" closed_stdout
