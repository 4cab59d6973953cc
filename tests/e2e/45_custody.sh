# Where keys are and where they are not (C06): with known values in the vault, after use of each kind, the host is searched
# for them: guest memory and that of every process, disks, logs, arguments, environments. They stand in sbxd and sbx-proxy.

world_needed || return 0

NEEDLE=$TMP/custody.needle
CUSTODY=$TMP/custody-workspace

custody() { in_host env SBX_APP_NAME=custody sbx "$@"; }
guest() { custody exec safe "$@"; }
search() { "$here/find-secret" "$NEEDLE" "$@"; }

# pids of the programs of that name that serve the sandbox
pids_of() { custody inspect safe --json | jq -r ".processes[] | select(.name | test(\"$1\")) | .pid"; }

custody_setup() {
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$NEEDLE"
	mkdir -p "$CUSTODY"
	custody secret set anthropic <"$NEEDLE"
	custody secret set github --command "cat $NEEDLE"
	custody secret set-custom --host api.example.com --env EXAMPLE_KEY --placeholder custody-placeholder <"$NEEDLE"
	custody create --name safe --keep-alive --extra-ca "$WORLD_CA" --policy open shell "$CUSTODY"
	is "$(guest sh -c 'echo $EXAMPLE_KEY')" custody-placeholder
}
t "three secrets and a sandbox that uses them" custody_setup

custody_use() {
	local how
	forget
	guest curl -sS https://api.anthropic.com/echo >"$TMP/custody.1"
	guest curl -sS https://api.github.com/echo >"$TMP/custody.2"
	guest curl -sS -u me:custody-placeholder https://api.example.com/echo >"$TMP/custody.3"
	for how in plain gzip base64 url; do
		guest curl -sS --compressed -H 'X-Key: custody-placeholder' "https://api.example.com/echo?as=$how" >>"$TMP/custody.4"
	done
	guest curl -sS "https://api.example.com/echo?key=custody-placeholder" >"$CUSTODY/reply"
	guest sh -c 'curl -sS -H "X-Key: custody-placeholder" https://api.example.com/pieces >/home/agent/reply; sync'
	for how in 1 2 3 4; do
		grep -q '"server": ' "$TMP/custody.$how"
	done
	# it was there: each request arrived with the real value
	jq -r '.headers[][1], .path' "$WORLD/requests.log" | grep -cFf "$NEEDLE" >"$TMP/custody.count"
	[ "$(cat "$TMP/custody.count")" -ge 7 ] || { cat "$TMP/custody.count"; return 1; }
}
t "the world's servers get the real values" custody_use

custody_found() {
	[ -n "$(search memory "$(pids_of sbx-proxy)")" ]
	search files "$TMP" | grep -x "$NEEDLE"
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$TMP/custody.marker"
	custody exec -i safe tee /dev/shm/marker <"$TMP/custody.marker" >/dev/null
	# shellcheck disable=SC2046
	[ -n "$("$here/find-secret" "$TMP/custody.marker" memory $(pids_of '^(?!sbx-proxy)'))" ]
}
t "the search finds what is there" custody_found

custody_memory() {
	local pid others
	others=$(pids_of '^(?!sbx-proxy)')
	[ "$(echo "$others" | wc -l)" -ge 5 ]
	# shellcheck disable=SC2086
	is "$(search memory $others)" ""
}
t "no value in the guest's memory, nor in any process of the sandbox but sbx-proxy" custody_memory

custody_files() {
	custody stop safe
	is "$(search files "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" "$HOME" "$CUSTODY")" ""
}
t "no value on disks, in logs, state or workspace" custody_files

custody_processes() {
	local pid
	is "$(search hosts)" ""
	custody exec safe true
	for pid in $(custody daemon status --json | jq .pid) $(pids_of sbx-proxy); do
		like "$(grep '^Max core file size' "/proc/$pid/limits")" "Max core file size"*" 0 "*" 0 "*
	done
}
t "no value in arguments or environments; holders leave no core dump" custody_processes

custody_revoked() {
	custody secret rm -f --all --all-sandboxes
	forget
	guest curl -skS -H 'X-Key: custody-placeholder' https://api.example.com/echo
	[ "$(seen requests true)" -gt 0 ]
	fails 1 grep -qFf "$NEEDLE" "$WORLD/requests.log"
	is "$(search memory "$(pids_of sbx-proxy)")" ""
}
t "what is removed is gone from sbx-proxy at once" custody_revoked

custody reset --force >/dev/null 2>&1
