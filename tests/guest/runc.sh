#!/bin/sh
# What the runc of the image `docker` adds to containers, with a real one that only prints its arguments. TAP.
set -eu

# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$work"' EXIT
command -v jq >/dev/null || {
	echo '1..0 # SKIP jq is not installed'
	exit
}

printf '#!/bin/sh\necho "$@"\n' >"$work/real"
chmod +x "$work/real"
sed -e "s,^real=.*,real=$work/real," -e "s,^trust_source=.*,trust_source=$work/trust," "$guest/image/docker/files/usr/libexec/sbx/runc" >"$work/runc"
mkdir "$work/bundle"
config=$work/bundle/config.json
target=/dev/ca-certificates.crt
added=7 # variables

# spec ENV_JSON [MOUNT_TYPE]: a bundle of that environment, with /dev mounted that way
spec() {
	echo "{\"process\":{\"env\":$1,\"args\":[\"true\"]},\"mounts\":[{\"destination\":\"/dev\",\"type\":\"${2-tmpfs}\"}]}" >"$config"
}

runc() {
	sh "$work/runc" "$@"
}

passes_arguments() {
	spec '[]'
	same "$(runc --root /r --log /l create --bundle "$work/bundle" --pid-file '/a b' 0123)" \
		"--root /r --log /l create --bundle $work/bundle --pid-file /a b 0123"
}

adds_to_containers() {
	spec '["PATH=/bin"]'
	runc create --bundle "$work/bundle" 0123 >/dev/null
	same "$(jq -r '.process.env | length' "$config")" $((1 + added)) &&
		same "$(jq -r '.process.env[] | select(startswith("SSL_CERT_FILE="))' "$config")" "SSL_CERT_FILE=$target" &&
		same "$(jq -r '.mounts[1].destination' "$config")" "$target" &&
		same "$(jq -r '.mounts[1].options | contains(["bind", "ro"])' "$config")" true &&
		same "$(jq -r '.mounts[2] | [.source, .destination, (.options | contains(["bind", "ro"]))] | join(" ")' "$config")" \
			"$work/trust /dev/sbx-trust true"
}

# What is named to apt and wget is there, and names the bundle.
tells_apt_and_wget() {
	spec '[]'
	runc create --bundle "$work/bundle" 0123 >/dev/null
	for variable in APT_CONFIG SYSTEM_WGETRC; do
		file=$(jq -r --arg name "$variable=" '.process.env[] | select(startswith($name)) | ltrimstr($name)' "$config")
		grep -qF "$target" "$work/trust/${file#/dev/sbx-trust/}"
	done
}

adds_to_builds() {
	spec null
	runc --log /l --log-format json run --bundle "$work/bundle" --keep xyz >/dev/null
	same "$(jq -r '.process.env | length' "$config")" "$added"
}

leaves_what_is_set() {
	spec '["CURL_CA_BUNDLE=/own","SSL_CERT_FILE="]'
	runc create -b "$work/bundle" 0123 >/dev/null
	same "$(jq -r '[.process.env[] | select(test("^(CURL_CA_BUNDLE|SSL_CERT_FILE)="))] | join(" ")' "$config")" \
		'CURL_CA_BUNDLE=/own SSL_CERT_FILE='
}

leaves_alone() { # CONFIG_TEXT
	echo "$1" >"$config"
	same "$(runc create --bundle "$work/bundle" 0123)" "create --bundle $work/bundle 0123" &&
		same "$(cat "$config")" "$1" && same "$(ls "$work/bundle")" config.json
}

adds_to_later_commands() {
	echo '{"env":["A=1"],"args":["sh"]}' >"$work/process.json"
	runc --root /r exec --process "$work/process.json" --detach 0123 >/dev/null
	same "$(jq -r '.env | length' "$work/process.json")" $((1 + added))
}

does_nothing_else() {
	spec '[]'
	before=$(cat "$config")
	cd "$work/bundle"
	same "$(runc --root /r delete --force 0123)" '--root /r delete --force 0123' && same "$(runc state 0123)" 'state 0123' &&
		same "$(cat "$config")" "$before"
}

check 'the arguments reach the real runc as they are' passes_arguments
check 'a container gets the bundle, the folder beside it and the variables' adds_to_containers
check 'apt and wget are told of the bundle by files' tells_apt_and_wget
check 'so does the step of a build, without an environment too' adds_to_builds
check 'a variable that is set stays, an empty one too' leaves_what_is_set
check 'without a tmpfs on /dev nothing is changed' leaves_alone '{"process":{"env":[]},"mounts":[{"destination":"/dev","type":"bind"}]}'
check 'what is no JSON stays as it is' leaves_alone '{"process":'
check 'what is no specification stays as it is' leaves_alone '[1]'
check 'a command run later gets the variables' adds_to_later_commands
check 'other commands of runc change nothing' does_nothing_else
done_testing
