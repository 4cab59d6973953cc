# More than one mount: read-only, remapped, single files, added while it runs.

mounts_at_create() {
	mkdir -p "$TMP/m/tree" "$TMP/m/lib" "$TMP/m/data"
	echo lib >"$TMP/m/lib/l"
	echo one >"$TMP/m/file"
	sbx create --name mounts --mount "$TMP/m/data:/data" --mount "$TMP/m/file:/etc/one:ro" shell "$TMP/m/tree" "$TMP/m/lib:ro"
	is "$(sbx exec mounts cat "$TMP/m/lib/l")" lib
	fails 1 sbx exec mounts touch "$TMP/m/lib/new"
	fails 1 sbx exec -u root mounts sh -c "mount -o remount,rw $TMP/m/lib; touch $TMP/m/lib/new"
	test ! -e "$TMP/m/lib/new"
	sbx exec mounts touch /data/made
	test -e "$TMP/m/data/made"
	is "$(sbx exec mounts cat /etc/one)" one
	fails 2 sbx exec -u root mounts sh -c 'echo two > /etc/one'
	is "$(cat "$TMP/m/file")" one
}
t "read-only is enforced on the host, --mount remaps, a file can be mounted" mounts_at_create

links_across_mounts() {
	sbx exec mounts touch "$TMP/m/tree/here"
	fails 1 sbx exec mounts ln "$TMP/m/tree/here" /data/there
	test ! -e "$TMP/m/data/there"
}
t "no hard link from one mount to another" links_across_mounts

mount_while_running() {
	mkdir -p "$TMP/m/late"
	echo late >"$TMP/m/late/f"
	sbx mount mounts "$TMP/m/late:/late"
	is "$(sbx exec mounts cat /late/f)" late
	sbx stop mounts
	is "$(sbx exec mounts cat /late/f)" late
}
t "a mount added while it runs is there at once and after a restart" mount_while_running

mounts_gone() {
	sbx rm -f mounts
	test -e "$TMP/m/data/made"
}
t "rm leaves what was mounted" mounts_gone
