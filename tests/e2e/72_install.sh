# area install: sbx in a folder of its own, without the checkout that it was built in

prefix=$TMP/prefix
installer=$here/../../tools/install
build=$(dirname "$SBX_PROGRAMS")

# installed ARG...: the installed sbx, which must find everything by itself
installed() {
	env -u SBX_PROGRAMS -u SBX_KERNEL -u SBX_TEMPLATES -u SBX_INITRAMFS -u SBX_POLICIES -u SBX_SERVICES \
		XDG_STATE_HOME="$TMP/installed-state" XDG_RUNTIME_DIR="$TMP/run" PATH="$prefix/bin:$PATH" "$prefix/bin/sbx" "$@"
}

works() {
	"$installer" "$build" "$prefix"
	mkdir -m 700 "$TMP/run"
	mkdir "$TMP/project"
	cd "$TMP/project"
	is "$(installed run --policy locked-down --rm -- sh -c 'echo from inside >file; hostname')" shell-project
	is "$(cat file)" 'from inside'
	is "$(readlink "/proc/$(installed daemon status --json | jq .pid)/exe")" "$prefix/bin/sbxd"
	[ -r "$prefix/share/man/man1/sbx-run.1" ]
}
t "an installed sbx needs nothing of its checkout" works

# a newer one has other files; sandboxes may stand on the layers of the older
replaced() {
	touch "$prefix/share/sbx/templates/layers/older.erofs" "$prefix/share/sbx/old.service"
	printf '%s\n' share/sbx/templates/layers/older.erofs share/sbx/old.service >>"$prefix/share/sbx/installed"
	"$installer" "$build" "$prefix"
	[ -e "$prefix/share/sbx/templates/layers/older.erofs" ]
	[ ! -e "$prefix/share/sbx/old.service" ]
	installed version
}
t "installed again, it keeps the layers that sandboxes may use and nothing else of the older one" replaced

removed() {
	installed daemon stop
	touch "$prefix/bin/of-another"
	"$installer" --remove "$prefix"
	is "$(cd "$prefix" && find . -type f)" ./bin/of-another
	fails 1 "$installer" --remove "$prefix"
}
t "removed, it leaves what is not its own" removed
