# Bad input: one clear sentence, a non-zero status, nothing half-made.

refused() {
	local pattern=$1
	shift
	fails 1 "$@"
	like "$(cat "$TMP/stderr")" "*ERROR: *"
	like "$(cat "$TMP/stderr")" "$pattern"
	# a start that takes long says what it waits for
	is "$(grep -cvxE '|Starting the microVM|Waiting for the guest' "$TMP/stderr")" 1
	is "$(sbx ls -q)" shared
	is "$(ls "$(state)/sandboxes")" shared
}

names() {
	refused "*'nobody'*not found*" sbx exec nobody true
	refused "*nobody*" sbx stop nobody
	refused "*nobody*" sbx rm -f nobody
	refused "*shared*exists*" sbx create --name shared shell "$SHARED"
	local name
	for name in x -x x- default 'a b' 'a/b' ../x "$(printf 'n%.0s' $(seq 64))" 'é'; do
		refused "*name*" sbx create --name "$name" shell "$SHARED"
	done
}
t "unknown, duplicate and malformed names" names

workspaces() {
	refused "*no-such*" sbx create --name ws shell "$TMP/no-such"
	refused "*--force*" sbx create --name ws shell /
	refused "*--force*" sbx create --name ws shell "$HOME"
	refused "*--force*" sbx create --name ws shell "$XDG_STATE_HOME/sbx"
	refused "*" sbx create --name ws shell "/$(printf 'd/%.0s' $(seq 3000))"
	refused "*SRC:DST*absolute*" sbx create --name ws --mount "$TMP:inside" shell "$SHARED"
}
t "missing workspaces, / and the home directory" workspaces

odd_workspaces() {
	local odd
	odd="$TMP/with space"$'\n'"and newline"
	mkdir -p "$odd"
	sbx create --name odd shell "$odd"
	sbx exec odd touch made
	test -e "$odd/made"
	is "$(sbx exec odd pwd)" "$odd"
	sbx rm -f odd
	# close to PATH_MAX, made piece by piece
	local deep=$TMP/deep
	mkdir "$deep"
	while [ ${#deep} -lt 3700 ]; do
		deep=$deep/$(printf 'd%.0s' $(seq 200))
		mkdir "$deep"
	done
	sbx create --name deep shell "$deep"
	sbx exec deep touch made
	test -e "$deep/made"
	sbx rm -f deep
}
t "workspaces with a space, a newline, and thousands of bytes work" odd_workspaces

resources() {
	refused "*memory*" sbx create --name res -m 100t shell "$SHARED"
	refused "*128 MiB of memory*" sbx create --name res -m 1 shell "$SHARED"
	refused "*" sbx create --name res -m lots shell "$SHARED"
	refused "*CPU*" sbx create --name res --cpus 10000 shell "$SHARED"
	refused "*512 MiB*" sbx create --name res --disk 1 shell "$SHARED"
}
t "memory, CPUs and disks beyond what there is" resources

artefacts() {
	echo "not a kernel" >"$TMP/kernel"
	refused "*kernel*" sbx create --name art --kernel "$TMP/kernel" shell "$SHARED"
	refused "*kernel*" sbx create --name art --kernel /bin/true shell "$SHARED"
	refused "*" sbx create --name art --engine no-such shell "$SHARED"
}
t "a kernel that is none, an engine that is none" artefacts

truncated_image() {
	# another daemon, whose template lost its second half
	mkdir "$TMP/half"
	head -c 1000000 "$(layers shell | head -n 1)" >"$TMP/half.erofs"
	echo '{"name":"shell","layers":["../half.erofs"]}' >"$TMP/half/shell.json"
	(
		export SBX_APP_NAME=half SBX_TEMPLATES=$TMP/half
		fails 1 sbx create --name half shell "$SHARED"
		like "$(cat "$TMP/stderr")" "*ERROR: the layer '*half.erofs' is cut short*"
		is "$(sbx ls -q)" ""
		sbx daemon stop
	)
}
t "a truncated image" truncated_image

usage() {
	fails 2 sbx no-such-command
	fails 2 sbx exec --no-such-flag shared true
	like "$(cat "$TMP/stderr")" "*try: *"
	fails 2 sbx exec
	fails 2 sbx create
}
t "wrong arguments exit with 2 and say what to try" usage

confirmation() {
	fails 1 sbx rm shared
	like "$(cat "$TMP/stderr")" "*stdin is not a terminal; use --force to skip confirmation*"
	is "$(sbx ls -q)" shared
}
t "nothing is removed unasked without a terminal" confirmation

full_disk() {
	if ! unshare -rm true 2>/dev/null; then
		echo "no user namespaces here"
		return 1
	fi
	# a second daemon whose state lies on a file system of 8 MiB
	unshare -rm bash -ec '
		mount -t tmpfs -o size=8m none "$XDG_CONFIG_HOME"
		export XDG_STATE_HOME=$XDG_CONFIG_HOME SBX_APP_NAME=full
		head -c 7900000 /dev/zero > "$XDG_STATE_HOME/fill"
		if sbx create --name full shell "'"$SHARED"'" 2> "'"$TMP"'/full.err"; then exit 1; fi
		test -z "$(sbx ls -q)"
		sbx daemon stop
	'
	cat "$TMP/full.err"
	like "$(cat "$TMP/full.err")" "*space*"
}
t "a full disk is said in words and leaves nothing" full_disk

settings_are_kept() {
	is "$(sbx settings get kit.allowLocalKits)" true
	sbx settings set kit.allowLocalKits false
	is "$(sbx settings ls --json | jq -r '.settings[] | select(.key == "kit.allowLocalKits") | "\(.value) \(.source)"')" "false override"
	mkdir -p "$TMP/kit"
	fails 1 sbx kit inspect "$TMP/kit"
	like "$(cat "$TMP/stderr")" "*kit.allowLocalKits*"
	sbx settings unset kit.allowLocalKits
	is "$(sbx settings get kit.allowLocalKits)" true
	fails 1 sbx settings set kit.allowLocalKits perhaps
	fails 1 sbx settings get no.such.key
}
t "settings are shown, changed, in force and forgotten" settings_are_kept

not_of_this_sbx() {
	local command
	for command in 'mcp ls' tui 'skills add x' 'setup ssh' '--cloud ls'; do
		fails 1 sbx $command
		is "$(wc -l <"$TMP/stderr")" 1
	done
}
t "what Docker Sandboxes has and this one has not says so" not_of_this_sbx
