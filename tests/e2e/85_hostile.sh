# The guest's root at its worst: what it may do to itself, and what nobody else may notice. The identifiers are those of
# tests/attack/cases.

# Whether the others go on as if nothing were.
undisturbed() {
	is "$(sbx exec shared echo fine)" fine
	says "$(sbx ls)" '^shared .*running'
}

# as_root COMMAND...: in the hostile sandbox; whatever becomes of it
as_root() { sbx exec --privileged hostile timeout -k 1 20 "$@" || true; }

a_hostile_guest() {
	mkdir -p "$TMP/hostile"
	sbx create --name hostile --keep-alive --cpus 1 -m 384m --disk 1g --docker-disk 1g shell "$TMP/hostile"
	is "$(sbx exec --privileged hostile id -u)" 0
}
t "a sandbox of 384 MiB whose root is hostile" a_hostile_guest

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
daemon_pid() { sbx daemon status --json | jq .pid; }

console_flood() {
	local before after size
	before=$(resident "$(daemon_pid)")
	size=$(du -sk "$XDG_STATE_HOME" | cut -f1)
	as_root timeout 5 sh -c 'while :; do head -c 65536 /dev/zero | tr "\0" x; done >/dev/console'
	after=$(resident "$(daemon_pid)")
	echo "sbxd had $before KiB, has $after; state $size, $(du -sk "$XDG_STATE_HOME" | cut -f1)"
	test $((after - before)) -lt 4096
	test $(($(du -sk "$XDG_STATE_HOME" | cut -f1) - size)) -lt 8192
	undisturbed
}
t "V11 a flood on the console grows neither memory nor disk of the host" console_flood

log_volume() {
	local size
	size=$(du -sk "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" | awk '{ sum += $1 } END { print sum }')
	sbx exec -d hostile sh -c 'timeout 5 yes 0123456789abcdef' >/dev/null
	sbx exec hostile sleep 5
	test $(($(du -sk "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" | awk '{ sum += $1 } END { print sum }') - size)) -lt 65536
	undisturbed
}
t "V11 a command that says too much keeps its newest words, in the guest" log_volume

disk_fill() {
	as_root sh -c 'head -c 3G /dev/zero >/var/full; for i in $(seq 20000); do : >/var/inode.$i || break; done' >"$TMP/fill.log" 2>&1
	local image bytes
	for image in $(find "$XDG_STATE_HOME" -path '*hostile*' -size +1M -type f); do
		bytes=$(stat -c %s "$image")
		echo "$image: $bytes bytes"
		test "$bytes" -le $((1 << 30))
	done
	undisturbed
	as_root sh -c 'rm -f /var/full; find /var -name "inode.*" -delete'
	is "$(sbx exec hostile echo again)" again
}
t "F12 a full disk of the guest is no larger than it was made" disk_fill

memory_hunger() {
	as_root sh -c 'tail /dev/zero'
	undisturbed
	wait_for 60 sbx exec hostile true
}
t "a guest that wants all memory gets what it was given" memory_hunger

vsock_from_inside() {
	# AF_VSOCK, SOCK_STREAM: the port of the knock is no service, and no other is one either
	as_root perl -e 'use Socket;
		for my $cid (0, 1, 2, 3, 4) { for my $port (1 .. 64, 1024, 2375, 3128) {
			next if $cid == 3 || $cid == 1;
			socket(my $s, 40, 1, 0) or die "no vsock";
			if (connect($s, pack("S S L L x4", 40, 0, $port, $cid))) {
				print "answered: $cid $port\n" if defined sysread($s, my $b, 1) && length $b; }
		} } print "done\n"' >"$TMP/vsock.log" 2>&1
	cat "$TMP/vsock.log"
	is "$(cat "$TMP/vsock.log")" done
	undisturbed
}
t "V10 any process of the guest may dial the host, and nobody speaks to it" vsock_from_inside

flows_and_files() {
	as_root perl -e 'use Socket; my @s;
		for (1 .. 4000) { socket(my $s, AF_INET, SOCK_STREAM, 0) or last; use Fcntl;
			fcntl($s, F_SETFL, O_NONBLOCK);
			connect($s, sockaddr_in(1 + $_ % 60000, inet_aton("198.51.100." . ($_ % 250)))); push @s, $s; }
		print scalar(@s), "\n"'
	undisturbed
}
t "N23 thousands of connections at once" flows_and_files

names_of_the_workspace() {
	as_root sh -c 'cd "$1" && printf x >"$(printf "a\033]52;c;eA==\007b")" && mkdir -p d && ln -s / d/root' sh "$TMP/hostile"
	sbx cp "hostile:$TMP/hostile/d" "$TMP/out" >"$TMP/cp.log" 2>&1 || true
	sbx cp hostile:/etc/no$'\e]52;c;eA==\a'such "$TMP/out" >>"$TMP/cp.log" 2>&1 || true
	cat -v "$TMP/cp.log"
	fails 1 grep $'\e' "$TMP/cp.log"
	test ! -e "$TMP/out/etc/passwd" || test -L "$TMP/out/root"
}
t "C01 no escape sequence of the guest in a sentence of ours" names_of_the_workspace

fork_bomb() {
	local bomb pids
	as_root sh -c 'f() { f | f & }; f' >/dev/null 2>&1 &
	bomb=$!
	undisturbed
	undisturbed
	kill $bomb 2>/dev/null || true
	pids=$(processes hostile)
	sbx rm -f hostile
	local pid
	for pid in $pids; do
		test ! -d "/proc/$pid"
	done
	# the policy's log outlives its sandbox, on purpose
	is "$(find "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" -path '*hostile*' -not -path '*/policy/log/*')" ""
}
t "forks without end: the others do not notice, rm leaves nothing" fork_bomb

socket_of_another_user() {
	[ "$(id -u)" = 0 ] || return 0
	local socket
	socket=$(find "$XDG_RUNTIME_DIR" -name '*.sock' -type s | head -n 1)
	test -n "$socket"
	fails 1 setpriv --reuid=65534 --regid=65534 --clear-groups perl -e 'use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0);
		exit(connect($s, sockaddr_un($ARGV[0])) ? 0 : 1)' "$socket"
	test -z "$(find "$XDG_STATE_HOME/sbx" -maxdepth 0 -perm /077)"
}
t "C02 another user of the host gets no connection and no file" socket_of_another_user
