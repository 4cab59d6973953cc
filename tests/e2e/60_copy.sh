# cp in both directions, by docker's rules, and never outside.

files_and_folders() {
	mkdir -p "$TMP/cp/tree/sub"
	echo 1 >"$TMP/cp/tree/one"
	echo 2 >"$TMP/cp/tree/sub/two"
	chmod 750 "$TMP/cp/tree/one"
	sbx cp "$TMP/cp/tree" shared:/home/agent/
	is "$(sbx exec shared cat /home/agent/tree/sub/two)" 2
	is "$(sbx exec shared stat -c '%a %U' /home/agent/tree/one)" "750 agent"
	sbx cp shared:/home/agent/tree "$TMP/cp/back"
	diff -r "$TMP/cp/tree" "$TMP/cp/back"
	sbx cp "$TMP/cp/tree/one" shared:/home/agent/renamed
	is "$(sbx exec shared cat /home/agent/renamed)" 1
	sbx cp shared:/home/agent/renamed "$TMP/cp/"
	is "$(cat "$TMP/cp/renamed")" 1
}
t "files, folders, renaming, mode and owner" files_and_folders

big_copy() {
	head -c 30000000 /dev/urandom >"$TMP/cp/big"
	sbx cp "$TMP/cp/big" shared:/home/agent/big
	sbx cp shared:/home/agent/big "$TMP/cp/big.back"
	cmp "$TMP/cp/big" "$TMP/cp/big.back"
	sbx exec shared rm /home/agent/big
}
t "thirty megabytes there and back" big_copy

never_outside() {
	mkdir -p "$TMP/cp/dest" "$TMP/cp/victim"
	sbx exec shared sh -c 'mkdir -p ~/evil/d && ln -s '"$TMP/cp/victim"' ~/evil/link && ln -s /etc/passwd ~/evil/passwd'
	sbx cp shared:/home/agent/evil "$TMP/cp/dest/"
	test -L "$TMP/cp/dest/evil/link"
	# a second copy meets the link where a folder should be: nothing may be written through it
	sbx exec shared sh -c 'rm ~/evil/link; mkdir ~/evil/link; echo pwned > ~/evil/link/f'
	sbx cp shared:/home/agent/evil "$TMP/cp/dest/" || true
	test ! -e "$TMP/cp/victim/f"
}
t "a copy out never writes through a link" never_outside

refusals() {
	fails 1 sbx cp shared:/a shared:/b
	like "$(cat "$TMP/stderr")" "*copying between sandboxes is not supported*"
	fails 1 sbx cp shared:/no/such "$TMP/cp/"
	fails 1 sbx cp "$TMP/no-such" shared:/tmp/
	fails 1 sbx cp "$TMP/cp/tree" nobody:/tmp/
}
t "what cannot be copied is refused in words" refusals
