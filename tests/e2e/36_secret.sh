# Secrets at the command line: entering, listing, removing, sources, import, passphrase; their stand-ins in guests.

unset DBUS_SESSION_BUS_ADDRESS # a key file, on every machine

set_and_list() {
	is "$(sbx secret ls)" 'No secrets found for scope "all".'
	echo gho_1234567890abcdefghijklmnop | sbx secret set github
	says "$(sbx secret ls)" '^[(]global[)]   service   github   gho_12.*mnop'
	is "$(sbx secret ls --json | jq -r '.secrets[0] | .scope + .type + .name')" globalservicegithub
	is "$(sbx secret ls -q)" github
	echo other-value-0000 | sbx secret set github --sandbox shared
	is "$(sbx secret ls --json | jq -r '.shadowed_services[]')" github
	is "$(sbx secret ls --sandbox nowhere)" 'No secrets found for scope "nowhere".'
}
t "secret set, ls" set_and_list

one_notice() {
	export SBX_APP_NAME=notice
	echo value-one-1 | sbx secret set xai 2>"$TMP/first"
	echo value-two-2 | sbx secret set groq 2>"$TMP/second"
	sbx daemon stop
	is "$(grep -c 'No keychain detected' "$TMP/first")" 1
	fails 1 grep -q 'No keychain detected' "$TMP/second"
}
t "without a keyring one notice says how values are protected" one_notice

refusals() {
	fails 1 sbx secret set -t value github
	like "$(cat "$TMP/stderr")" *"command line"*
	fails 1 sh -c 'echo again-again | sbx secret set github'
	like "$(cat "$TMP/stderr")" *"--force"*
	fails 1 sh -c 'echo v | sbx secret set nobody'
	like "$(cat "$TMP/stderr")" *"no service is called 'nobody'"*
	fails 1 sh -c 'printf "two\nlines\n" | sbx secret set xai'
	fails 1 sh -c 'printf "" | sbx secret set xai'
	fails 1 sh -c 'echo v | sbx secret set-custom --host https://a.test --env A'
	fails 1 sbx secret rm -f openai
	is "$(cat "$TMP/stderr")" 'ERROR: no secret found for service "openai" in scope "global"'
	fails 1 sbx secret rm github
	is "$(sbx secret ls -q | sort -u)" github
}
t "what cannot be a secret is refused, and nothing is replaced unasked" refusals

sources() {
	mkdir "$TMP/refs"
	printf '#!/bin/sh\necho "resolved-$1"\n' >"$TMP/refs/sbx-ref-mine"
	chmod +x "$TMP/refs/sbx-ref-mine"
	export SBX_APP_NAME=sources PATH=$TMP/refs:$PATH
	sbx secret set openai --command 'echo sk-from-a-command'
	sbx secret set xai --ref mine://x
	like "$(sbx secret ls)" *"openai"*"sk-fro***********"*
	like "$(sbx secret ls)" *"xai"*"resolv***********"*
	fails 1 sbx secret set groq --command 'echo loud >&2; false'
	fails 1 grep -q loud "$TMP/stderr"
	fails 1 sbx secret set groq --show-error --command 'echo loud >&2; false'
	grep -q loud "$TMP/stderr"
	sbx secret set groq --no-verify --command false
	like "$(sbx secret ls)" *"groq"*"(not asked yet)"*
	sbx daemon stop
}
t "--command and --ref" sources

import() {
	export SBX_APP_NAME=import
	like "$(sbx secret import --all)" "No credential env vars detected"*
	export MISTRAL_API_KEY=mmmmmmmmmmmmmmmm5678 XAI_API_KEY=xxxxxxxxxxxxxxxx1234
	like "$(sbx secret import --all --dry-run)" *"mistral"*"****5678"*"xai"*"****1234"*
	is "$(sbx secret ls -q)" ""
	is "$(sbx secret ls --json | jq .env_only_count)" 2
	like "$(sbx secret import mistral)" *"Imported 1 secret(s)"
	is "$(sbx secret ls -q)" mistral
	like "$(sbx secret import --all)" *"left alone"*"Imported 1 secret(s)"
	sbx daemon stop
}
t "import takes keys from the environment once" import

# keeps_key: in a session of its own with a Secret Service that nobody needs to unlock
keeps_key() {
	export HOME=$TMP/keyring-home XDG_DATA_HOME=$TMP/keyring-home/data
	mkdir -p "$HOME"
	printf pass | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null
	echo kept-by-a-keyring-1 | sbx secret set xai 2>"$TMP/keyring.err"
	sbx daemon stop
	is "$(sbx secret ls -q)" xai
	is "$(sbx secret ls --json | jq -r .protection)" keyring
	sbx daemon stop
}
keyring() {
	export SBX_APP_NAME=keyring TMP
	export -f keeps_key is
	dbus-run-session -- bash -ec keeps_key
	fails 1 grep -q 'No keychain detected' "$TMP/keyring.err"
	test -s "$XDG_STATE_HOME/sbx-keyring/secrets/vault"
	test ! -e "$XDG_STATE_HOME/sbx-keyring/secrets/vault.key"
	# without the session the vault is closed
	fails 1 sbx secret ls
	sbx daemon stop
}
if command -v gnome-keyring-daemon >/dev/null && command -v dbus-run-session >/dev/null; then
	t "a Secret Service keeps the vault's key" keyring
else
	skip "a Secret Service keeps the vault's key" "no gnome-keyring"
fi

passphrase() {
	export SBX_APP_NAME=passphrase
	echo kept-value-1 | sbx secret set xai
	echo "open sesame" | sbx secret passphrase
	sbx daemon stop
	fails 1 sbx secret ls
	like "$(cat "$TMP/stderr")" *"sbx secret unlock"*
	fails 1 sh -c 'echo wrong | sbx secret unlock'
	echo "open sesame" | sbx secret unlock
	is "$(sbx secret ls -q)" xai
	sbx daemon stop
	echo "open sesame" >"$TMP/passphrase"
	SBX_VAULT_PASSPHRASE_FILE=$TMP/passphrase sbx secret ls -q >"$TMP/names"
	is "$(cat "$TMP/names")" xai
	test ! -e "$XDG_STATE_HOME/sbx-passphrase/secrets/vault.key"
	sbx daemon stop
}
t "a vault with a passphrase" passphrase

in_the_guest() {
	mkdir "$TMP/sg"
	echo real-custom-value-9 | sbx secret set-custom --host api.test --env MY_KEY --placeholder 'my-{rand}'
	sbx create --name keys shell "$TMP/sg"
	echo late-custom-value-9 | sbx secret set-custom --host api.test --env LATE_KEY
	sbx exec keys env >"$TMP/env"
	grep -qx 'GH_TOKEN=gho_sbxproxymanaged000000000000000000000' "$TMP/env"
	grep -qx 'SBX_CRED_GITHUB_MODE=apikey' "$TMP/env"
	grep -qx 'SBX_CRED_ANTHROPIC_MODE=none' "$TMP/env"
	grep -qE '^MY_KEY=my-[0-9a-f]{24}$' "$TMP/env"
	fails 1 grep -q LATE_KEY "$TMP/env"
	fails 1 grep -q ANTHROPIC_API_KEY "$TMP/env"
	fails 1 grep -qE 'gho_12|real-custom' "$TMP/env"
}
t "guests find sentinels; those of custom secrets from their creation on" in_the_guest

gone_with_it() {
	echo only-for-keys-1 | sbx secret set openai --sandbox keys
	is "$(sbx secret ls --sandbox keys -q)" openai
	sbx rm -f keys
	is "$(sbx secret ls --sandbox keys)" 'No secrets found for scope "keys".'
	sbx secret rm -f --env MY_KEY
	sbx secret rm -f --env LATE_KEY
}
t "a sandbox's own secrets go with it" gone_with_it

nowhere_plain() {
	echo needle-in-no-haystack-77 | sbx secret set mistral
	local pid
	pid=$(sbx daemon status --json | jq .pid)
	# by NUL and not by line, or a disk's hole is one line of gigabytes
	fails 1 grep -rqaz needle-in-no-haystack "$XDG_STATE_HOME" "$XDG_RUNTIME_DIR" "$HOME"
	fails 1 grep -qa needle-in-no-haystack "/proc/$pid/environ" "/proc/$pid/cmdline"
	like "$(grep -i '^Max core file size' "/proc/$pid/limits")" "Max core file size"*" 0 "*" 0 "*
	is "$(stat -c %a "$XDG_STATE_HOME/sbx/secrets" "$XDG_STATE_HOME/sbx/secrets/vault" "$XDG_STATE_HOME/sbx/secrets/vault.key" | tr '\n' ' ')" "700 600 600 "
}
t "no value stands on disk, in a log, an argument or an environment (C06)" nowhere_plain

remove_all() {
	like "$(sbx secret rm -f github)" "Removed secret github (scope: global)"*
	sbx secret rm -f --all --all-sandboxes
	is "$(sbx secret ls)" 'No secrets found for scope "all".'
}
t "rm" remove_all

# In an instance of its own, by the hidden option that other names of sbx have too.
reset_forgets() {
	local apart="--app-name forgetful"
	sbx $apart login --username me --password-stdin balanced </dev/null
	echo kept-until-reset-1 | sbx $apart secret set xai
	mkdir -p "$XDG_CONFIG_HOME/sbx-forgetful"
	echo '{"kit.allowLocalKits": false}' >"$XDG_CONFIG_HOME/sbx-forgetful/settings.json"
	says "$(sbx $apart reset -f --preserve-secrets)" 'as after installation, but for the secrets'
	test ! -e "$XDG_CONFIG_HOME/sbx-forgetful/settings.json"
	is "$(sbx $apart secret ls -q)" xai
	says "$(sbx $apart reset -f)" 'as after installation$'
	is "$(sbx $apart secret ls -q)" ""
	is "$(cd "$XDG_STATE_HOME/sbx-forgetful/secrets" && echo *)" vault.lock
	sbx $apart logout -y
	sbx $apart daemon stop
}
t "reset forgets the secrets too, unless they are to be preserved" reset_forgets
