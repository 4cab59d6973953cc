# Kits as their authors and users see them: checked, put together, packed, sent through a registry, signed, agreed to, added.

kits=$TMP/kits
mkdir -p "$kits/mine/files/home/.config" "$kits/mine/files/workspace" "$XDG_CONFIG_HOME/sbx"
echo 'for ${{ kit.args.who }}' >"$kits/mine/files/home/.config/greeting"
echo rule >"$kits/mine/files/workspace/rules.txt"
cat >"$kits/mine/spec.yaml" <<'KIT'
schemaVersion: "2"
kind: mixin
name: mine
version: 1.0
args: {who: {default: you, pattern: '[a-z]+'}}
environment: {variables: {MINE_WHO: '${{ kit.args.who }}'}}
permissions: {network: {allow: [api.mine.example]}}
setup: {install: [{command: 'echo "$MINE_WHO" >/opt/mine'}]}
KIT
sed 's/kind: mixin/kind: sandbox/; s/name: mine/name: agent/; $asandbox: {image: shell, entrypoint: [cat]}' "$kits/mine/spec.yaml" >"$kits/agent.yaml"
mkdir "$kits/agent" && mv "$kits/agent.yaml" "$kits/agent/spec.yaml"

checks() {
	cd "$kits"
	is "$(sbx kit validate ./mine)" VALID
	fails 1 sbx kit validate ./none
	like "$(cat "$TMP/stderr")" 'INVALID: *'
	fails 1 sbx kit validate --kit-arg who=YOU ./mine
	like "$(cat "$TMP/stderr")" "INVALID: ./mine/spec.yaml:5:*the value 'YOU' of who does not match"
	says "$(sbx kit inspect ./mine)" '^  network access to api.mine.example$'
	is "$(sbx kit inspect --json ./mine --kit-arg who=us | jq -r .environment.variables.MINE_WHO)" us
}
t "kit validate, inspect" checks

together() {
	cd "$kits"
	sbx kit inspect --resolved ./agent --kit ./mine --kit-arg mine.who=me >"$TMP/resolved"
	is "$(jq -r '.name, .image, .env.MINE_WHO, (.install | length), (.kits | join(" "))' "$TMP/resolved" | tr '\n' ,)" 'agent,shell,me,2,agent@1.0 mine@1.0,'
	is "$(sbx kit inspect --resolved ./agent --kit ./mine --kit-arg mine.who=me | jq -r .digest)" "$(jq -r .digest "$TMP/resolved")"
	fails 1 sbx kit inspect --resolved ./agent --kit ./agent
	fails 1 sbx kit inspect --resolved ./mine
	printf '# mine\nwho=file\n' >"$kits/args"
	is "$(sbx kit inspect --resolved ./agent --kit-args-file "$kits/args" --kit-arg who=flag | jq -r .env.MINE_WHO)" flag
}
t "a sandbox kit, a mixin and arguments become one" together

packs() {
	cd "$kits"
	TZ=Asia/Tokyo sbx kit pack ./mine -o "$kits/a.zip" >"$TMP/kit.a"
	touch -d 2001-01-01 mine/spec.yaml
	TZ=America/New_York sbx kit pack ./mine -o "$kits/b.zip" >"$TMP/kit.b"
	cmp a.zip b.zip
	is "$(tail -n1 "$TMP/kit.a")" "sha256:$( (cd mine && sha256sum spec.yaml files/home/.config/greeting files/workspace/rules.txt) | sha256sum | cut -d' ' -f1)"
	is "$(sbx kit inspect --json ./a.zip)" "$(sbx kit inspect --json ./mine)"
}
t "the same kit is the same ZIP file" packs

hostile() {
	cd "$kits"
	cp -r mine bad
	ln -s /etc/passwd bad/files/home/link
	fails 1 sbx kit inspect ./bad
	like "$(cat "$TMP/stderr")" *"files/home/link is a link"*
	rm bad/files/home/link
	printf '%s\n' 'a: &a [x, x]' 'b: [*a, *a]' >bad/spec.yaml
	fails 1 sbx kit inspect ./bad
	like "$(cat "$TMP/stderr")" *"spec.yaml:1:4: anchors are not accepted"*
	cp mine/spec.yaml bad/spec.yaml && echo 'name: twice' >>bad/spec.yaml
	fails 1 sbx kit inspect ./bad
	like "$(cat "$TMP/stderr")" *"the key 'name' stands here twice"*
	: >bad/spec.yaml
	fails 1 sbx kit inspect ./bad
	like "$(cat "$TMP/stderr")" *"the file is empty"*
	head -c 300000 /dev/zero | tr '\0' '#' >bad/spec.yaml
	fails 1 sbx kit inspect ./bad
	like "$(cat "$TMP/stderr")" *"larger than 256 KiB"*
	cp mine/spec.yaml bad/spec.yaml
	truncate -s 17M bad/files/home/huge
	fails 1 sbx kit inspect ./bad
	like "$(cat "$TMP/stderr")" *"files/home/huge is larger than 16 MiB"*
	rm -r bad
}
t "hostile folders are refused in one sentence" hostile

sources() {
	cd "$kits"
	fails 1 sbx kit inspect docker.example/a/b:1
	like "$(cat "$TMP/stderr")" *"cannot be installed — its source is not in your allowlist"*
	fails 1 sbx kit inspect git+https://host.example/a
	fails 1 sbx kit inspect "git+file://$kits/mine"
	fails 1 sbx kit inspect "file://$kits/mine"
	fails 1 sbx kit inspect 'git+ssh://-oProxyCommand=id/a'
	echo '{"kit.allowLocalKits":false}' >"$XDG_CONFIG_HOME/sbx/settings.json"
	fails 1 sbx kit inspect ./mine
	like "$(cat "$TMP/stderr")" *"kit.allowLocalKits"*
	echo '{"kit.allowedSource":[]}' >"$XDG_CONFIG_HOME/sbx/settings.json"
	fails 1 sbx kit inspect ./mine
	like "$(cat "$TMP/stderr")" *"there is no setting 'kit.allowedSource'"*
	rm "$XDG_CONFIG_HOME/sbx/settings.json"
}
t "only sources that settings allow" sources

# ssh that runs what it is told on this machine: a real git at both ends
from_git() {
	cd "$kits"
	printf '#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n' >ssh && chmod +x ssh
	mkdir -p repo/sub && cp -r mine/. repo/sub && ln -s /etc/passwd repo/link
	printf '#!/bin/sh\ntouch %s/ran\n' "$kits" >hook && chmod +x hook
	(cd repo && git init -q && git add -A && git commit -qm 1)
	echo '{"kit.allowedSources":["here/"]}' >"$XDG_CONFIG_HOME/sbx/settings.json"
	export GIT_SSH_COMMAND=$kits/ssh
	is "$(sbx kit inspect --json "git+ssh://here$kits/repo#dir=sub")" "$(sbx kit inspect --json ./mine)"
	is "$(sbx kit inspect --json "git+ssh://here$kits/repo#ref=$(git -C repo rev-parse HEAD)&dir=sub")" "$(sbx kit inspect --json ./mine)"
	fails 1 sbx kit inspect "git+ssh://here$kits/repo"
	like "$(cat "$TMP/stderr")" *"it has no spec.yaml"*
	fails 1 sbx kit inspect "git+ssh://elsewhere$kits/repo#dir=sub"
	rm "$XDG_CONFIG_HOME/sbx/settings.json"
}
t "a kit in a git repository" from_git

registry_up() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=registry \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$kits/tls.key" -out "$kits/tls.pem" 2>/dev/null
	cat >"$kits/registry.yml" <<-YML
	version: 0.1
	storage: {filesystem: {rootdirectory: $kits/registry}}
	http: {addr: "127.0.0.1:$1", tls: {certificate: $kits/tls.pem, key: $kits/tls.key}}
	YML
	docker-registry serve "$kits/registry.yml" >"$kits/registry.log" 2>&1 &
	registry=$!
	wait_for 20 curl -sf --cacert "$kits/tls.pem" "https://127.0.0.1:$1/v2/" -o "$kits/pong"
}

through_a_registry() {
	local at=127.0.0.1:5907
	cd "$kits"
	registry_up 5907
	trap 'kill $registry' EXIT
	export SSL_CERT_FILE=$kits/tls.pem
	echo "{\"kit.allowedSources\":[\"$at/\"]}" >"$XDG_CONFIG_HOME/sbx/settings.json"
	sbx kit push ./mine "$at/team/mine:1" >"$TMP/kit.one"
	sbx kit push ./a.zip "$at/team/mine:2" >"$TMP/kit.two"
	is "$(tail -n1 "$TMP/kit.one")" "$(tail -n1 "$TMP/kit.two")"
	curl -sf --cacert tls.pem -H 'Accept: application/vnd.oci.image.manifest.v1+json' "https://$at/v2/team/mine/manifests/1" >manifest
	is "sha256:$(sha256sum <manifest | cut -d' ' -f1)" "$(tail -n1 "$TMP/kit.one")"
	is "$(jq -r '.artifactType, .config.mediaType, (.layers | length)' manifest | tr '\n' ,)" 'application/vnd.docker.sandbox.kit.v2,application/vnd.docker.sandbox.kit.v2.spec+yaml,1,'
	sbx kit pull "$at/team/mine:1" -o pulled
	diff -r mine pulled
	fails 1 sbx kit pull "$at/team/mine:1" -o pulled
	is "$(sbx kit inspect --json "$at/team/mine@$(tail -n1 "$TMP/kit.one")")" "$(sbx kit inspect --json ./mine)"
	fails 1 sbx kit inspect "$at/team/none:1"
	like "$(cat "$TMP/stderr")" *"$at/team/none:1: skopeo failed: "*
	fails 1 env -u SSL_CERT_FILE sbx kit inspect "$at/team/mine:1"
	like "$(cat "$TMP/stderr")" *"certificate"*
	sbx kit sign --make-key --key "$kits/key" ./pulled
	sbx kit push ./pulled "$at/team/mine:signed"
	is "$(sbx kit verify --key "$kits/key.pub" "$at/team/mine:signed" | head -n1)" VERIFIED
	fails 1 sbx kit verify --key "$kits/key.pub" "$at/team/mine:1"
	is "$(sbx kit provenance --json "$at/team/mine:signed" | jq -c '[.signed, .trusted]')" '[true,false]'
	is "$(sbx kit provenance --json "$at/team/mine:1" | jq -c '[.signed, .trusted]')" '[false,false]'
	echo "{\"kit.allowedSources\":[\"$at/\"],\"kit.requireSignature\":true,\"kit.trustedKeys\":[\"$kits/key.pub\"]}" >"$XDG_CONFIG_HOME/sbx/settings.json"
	sbx kit inspect "$at/team/mine:signed"
	fails 1 sbx kit inspect "$at/team/mine:1"
	like "$(cat "$TMP/stderr")" *"is not signed"*
	echo more >>pulled/files/home/.config/greeting
	fails 1 sbx kit inspect ./pulled
	like "$(cat "$TMP/stderr")" *"is not what the key"*
	rm "$XDG_CONFIG_HOME/sbx/settings.json"
}
if command -v docker-registry >/dev/null; then
	t "push, pull, sign and verify through a registry" through_a_registry
else
	skip "push, pull, sign and verify through a registry" "docker-registry is not installed"
fi

adds() {
	cd "$kits"
	fails 1 sbx kit add shared ./agent
	fails 1 sbx kit add shared ./mine
	like "$(cat "$TMP/stderr")" *"has files, which can be added only when a sandbox is made"*
	cp -r mine plain && rm -r plain/files && sed -i 's/name: mine/name: plain/' plain/spec.yaml
	fails 1 sbx kit add shared ./plain
	like "$(cat "$TMP/stderr")" *"asks for network access to api.mine.example, which nobody has approved"*"--yes"*
	sbx kit add --yes shared ./plain
	is "$(sbx exec shared cat /opt/mine)" you
	says "$(sbx policy ls --sandbox shared --json)" 'api.mine.example:443'
	is "$(sbx inspect shared --json | jq -r '.env[] | select(startswith("MINE_"))')" MINE_WHO=you
	sbx kit add shared ./plain --kit-arg who=again
	is "$(sbx inspect shared --json | jq -r '.env[] | select(startswith("MINE_"))')" MINE_WHO=again
	sed -i 's/api.mine.example/api.mine.example, db.mine.example/' plain/spec.yaml
	fails 1 sbx kit add shared ./plain
	like "$(cat "$TMP/stderr")" *"asks for network access to db.mine.example, which is more than was approved"*
	sed -i 's/echo "$MINE_WHO" .*opt.mine/exit 7/; s/, db.mine.example//' plain/spec.yaml
	fails 1 sbx kit add shared ./plain
	like "$(cat "$TMP/stderr")" *"the install step 'exit 7' failed with status 7"*
}
t "kit add" adds

asks() {
	screen=sbx-kit-$$
	cd "$kits"
	cp -r plain asked && sed 's/name: mine/name: asked/; s/^setup:.*//' mine/spec.yaml >asked/spec.yaml
	tmux -L "$screen" -f /dev/null new-session -d -x 120 -y 30 "sbx kit add shared ./asked; echo status=\$?; sbx kit add shared ./asked; echo status=\$?; sleep 1000"
	trap 'tmux -L "$screen" kill-server' EXIT
	shows() { tmux -L "$screen" capture-pane -p -t 0 | grep -q -- "$1"; }
	wait_for 20 shows 'Allow this? \[y/N\]'
	shows 'network access to api.mine.example'
	tmux -L "$screen" send-keys n Enter
	wait_for 20 shows "the kit 'asked' was not allowed"
	wait_for 20 shows 'status=1'
	tmux -L "$screen" send-keys y Enter
	wait_for 20 shows 'status=0'
	sbx kit add shared ./asked
}
t "a person at the terminal is asked, once" asks
