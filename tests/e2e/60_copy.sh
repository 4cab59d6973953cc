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

# The table of docker cp, in both directions: what becomes of a file and of a folder.
rules_of_docker() {
	local here=$TMP/rules there=/home/agent/rules
	mkdir -p "$here/dir" && echo f >"$here/file" && echo x >"$here/dir/x" && ln -s dir "$here/link"
	sbx exec shared sh -c "mkdir -p $there/dir && cd $there && echo f >file && echo x >dir/x && ln -s dir link"
	fails 1 sbx cp "shared:$there/file" "$here/new/"
	like "$(cat "$TMP/stderr")" "*there is no folder '*new/'*"
	test ! -e "$here/new"
	fails 1 sbx cp "$here/file" "shared:$there/new/"
	fails 1 sbx cp "shared:$there/dir" "$here/file"
	fails 1 sbx cp "$here/dir" "shared:$there/file"
	is "$(cat "$here/file")$(sbx exec shared cat "$there/file")" ff
	fails 1 sbx cp "shared:$there/file/" "$here/dir"
	fails 1 sbx cp "$here/file/" "shared:$there/dir"
	fails 1 sbx cp "$here/file" "shared:$there/file/"
	sbx cp "shared:$there/dir" "$here/made/"
	is "$(cat "$here/made/x")" x
	sbx cp "$here/dir/." "shared:$there/made/"
	is "$(sbx exec shared cat "$there/made/x")" x
	sbx cp "shared:$there/dir/." "$here/made"
	is "$(ls "$here/made")" x
	sbx cp "shared:$there/link" "$here/as-link"
	is "$(readlink "$here/as-link")" dir
	sbx cp "shared:$there/link/" "$here/as-dir"
	is "$(ls "$here/as-dir")" x
	sbx cp "$here/link" "shared:$there/as-link"
	is "$(sbx exec shared readlink "$there/as-link")" dir
	sbx cp "$here/link/." "shared:$there/as-dir"
	is "$(sbx exec shared ls "$there/as-dir")" x
}
t "every rule of docker cp for what is there and what is not" rules_of_docker

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
