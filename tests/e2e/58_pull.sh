# Templates from a registry of the world (world/world.sh), which wants a login and has a certificate of the world's authority: what is
# believed, which login is taken, by way of which proxy, and what is said when it is not to be.

world_needed || return 0

PULL=$TMP/pull
TEAM=$WORLD_REGISTRY/team
REGISTRIES=$XDG_CONFIG_HOME/containers/certs.d
mkdir -p "$PULL/root" "$PULL/certs"

image() { "$here/image" "$@"; }
pulling() { in_host env SBX_APP_NAME=pulling sbx "$@"; }

# pull REFERENCE: what the daemon answers
pull() {
	curl -sS --unix-socket "$XDG_RUNTIME_DIR/sbx-pulling/sbxd.sock" -d "{\"reference\":\"$1\"}" http://localhost/template/pull
}

# refused REFERENCE REGEX: in one sentence, and nothing of it is left
refused() {
	local said
	said=$(pull "$1" | jq -r .message)
	says "$said" "$2"
	is "$(wc -l <<<"$said")" 1
	fails 1 pulling template inspect "$1"
	is "$(cd "$XDG_STATE_HOME/sbx-pulling/templates" && find layers images staging -type f)" ""
	is "$(ls -A "$XDG_STATE_HOME/sbx-pulling/templates/staging")" ""
}

# pulled REFERENCE: and away again
pulled() {
	is "$(pull "$1" | jq -r .reference)" "$1"
	pulling template rm -f "$1"
}

push() { in_host skopeo --insecure-policy copy -q --dest-cert-dir "$PULL/certs" --dest-creds "robot:$WORLD_PASSWORD" "oci-archive:$1" "docker://$2"; }
by_robot() { in_host curl -sSf --cacert "$WORLD_CA" -u "robot:$WORLD_PASSWORD" "$@"; }

# an index of images for other machines only
push_index() {
	local manifest=$PULL/manifest.json type=application/vnd.oci.image
	by_robot -H "Accept: $type.manifest.v1+json" -o "$manifest" "https://$WORLD_REGISTRY/v2/team/tiny/manifests/arm64"
	jq -n --arg digest "sha256:$(sha256sum <"$manifest" | cut -d' ' -f1)" --argjson size "$(stat -c %s "$manifest")" --arg type "$type" \
		'{schemaVersion: 2, mediaType: ($type + ".index.v1+json"), manifests: [{mediaType: ($type + ".manifest.v1+json"),
			digest: $digest, size: $size, platform: {architecture: "arm64", os: "linux"}}]}' >"$PULL/index.json"
	by_robot -X PUT -H "Content-Type: $type.index.v1+json" --data-binary "@$PULL/index.json" "https://$WORLD_REGISTRY/v2/team/tiny/manifests/others"
}

registry_has() {
	registry_needed
	cp "$WORLD_CA" "$PULL/certs/ca.crt"
	mkdir -p "$PULL/root/bin"
	cp "$(command -v busybox)" "$PULL/root/bin/"
	ln -s busybox "$PULL/root/bin/sh"
	tar -C "$PULL/root" --owner=0 --group=0 --sort=name -cf "$PULL/layer.tar" .
	image --name tiny:1 "$PULL/tiny.tar" "$PULL/layer.tar"
	image --arch arm64 --name tiny:arm64 "$PULL/arm64.tar" "$PULL/layer.tar"
	push "$PULL/tiny.tar" "$TEAM/tiny:1"
	push "$PULL/arm64.tar" "$TEAM/tiny:arm64"
	push_index
	pulling policy init locked-down
}
t "a registry has an image, and images for another machine" registry_has

certificates() {
	local host
	refused "$TEAM/tiny:1" "^cannot pull '$TEAM/tiny:1': the certificate of $WORLD_REGISTRY is not believed .*unknown authority.*certs.d/$WORLD_REGISTRY/ca.crt\$"
	for host in $WORLD_REGISTRY expired.example.com wrong-name.example.com self-signed.example.com; do
		mkdir -p "$REGISTRIES/$host"
		cp "$WORLD_CA" "$REGISTRIES/$host/ca.crt"
	done
	refused expired.example.com/tiny:1 'is not believed \(certificate has expired'
	refused wrong-name.example.com/tiny:1 'is not believed \(certificate is valid for .*, not wrong-name'
	refused self-signed.example.com/tiny:1 'is not believed \(certificate signed by unknown authority'
}
t "certificates that cannot be believed are refused, each with its reason" certificates

logins() {
	local auth=$XDG_RUNTIME_DIR/containers/auth.json
	refused "$TEAM/tiny:1" "$WORLD_REGISTRY wants a login; type: sbx secret set --registry $WORLD_REGISTRY --username NAME\$"
	printf wrong | pulling secret set --registry "$WORLD_REGISTRY" --username robot --password-stdin
	refused "$TEAM/tiny:1" "$WORLD_REGISTRY refuses the login; type: "
	printf %s "$WORLD_PASSWORD" | pulling secret set --force --registry "$WORLD_REGISTRY" --username robot --password-stdin
	pulled "$TEAM/tiny:1"
	pulling secret rm --force --registry "$WORLD_REGISTRY"
	refused "$TEAM/tiny:1" 'wants a login'
	# what `skopeo login` writes, and what Docker does beside a helper that is not run
	in_host skopeo login --authfile "$auth" --cert-dir "$PULL/certs" --username robot --password "$WORLD_PASSWORD" "$WORLD_REGISTRY"
	pulled "$TEAM/tiny:1"
	mkdir -p "$HOME/.docker"
	jq '. + {credsStore: "none", HttpHeaders: {}}' "$auth" >"$HOME/.docker/config.json"
	rm "$auth"
	pulled "$TEAM/tiny:1"
	# the vault's goes before the file's
	printf wrong | pulling secret set --registry "$WORLD_REGISTRY" --username robot --password-stdin
	refused "$TEAM/tiny:1" 'refuses the login'
	pulling secret rm --force --registry "$WORLD_REGISTRY"
	fails 1 grep -ra "$WORLD_PASSWORD" "$XDG_STATE_HOME/sbx-pulling"
}
t "the login of the vault, of auth.json and of Docker's own file; none, and a wrong one, are said" logins

other_machines() {
	refused "$TEAM/tiny:arm64" '^the image is for linux/arm64, and sandboxes run linux/amd64$'
	refused "$TEAM/tiny:others" "^cannot pull '$TEAM/tiny:others': it is not for linux/amd64, which sandboxes run\$"
	refused "$TEAM/tiny:2" "^cannot pull '$TEAM/tiny:2': $WORLD_REGISTRY has no such image\$"
	refused nowhere.example.com/tiny:1 'no such host$'
}
t "an image of another machine, or that is not there, is refused in a sentence" other_machines

# through PROXY KIND
through() {
	in_host env SBX_APP_NAME=pulling SBX_UPSTREAM_PROXY="$1" SBX_NO_PROXY=localhost sbx daemon restart
	forget
	pulled "$TEAM/tiny:1"
	[ "$(seen requests ".server == \"$2\" and .path == \"$WORLD_REGISTRY:443\"")" -ge 1 ]
	is "$(seen packets '.src == "93.184.216.2" and .dst == "93.184.216.44" and .port == 443')" 0
}

proxies() {
	through http://me:pass@93.184.216.43:3128 http-proxy
	through socks5h://me:pass@93.184.216.43:1080 socks-proxy
	in_host env SBX_APP_NAME=pulling SBX_UPSTREAM_PROXY=http://me:mistaken@93.184.216.43:3128 sbx daemon restart
	refused "$TEAM/tiny:1" '[Pp]roxy'
	fails 1 grep -ra mistaken "$XDG_STATE_HOME/sbx-pulling"
	pulling daemon restart
}
t "it is pulled by way of the host's proxy, with its login, and not past it" proxies

runs() {
	pulling create --name pulled --policy locked-down --pull missing -t "$TEAM/tiny:1" shell "$PULL/certs"
	is "$(pulling exec pulled busybox echo from the registry)" 'from the registry'
	rm "$HOME/.docker/config.json"
	# the copy from before is used, and that is said
	pulling rm -f pulled
	pulling create --name pulled -t "$TEAM/tiny:1" shell "$PULL/certs" 2>"$TMP/stderr"
	says "$(cat "$TMP/stderr")" "^WARNING: the copy from before is used: cannot pull '$TEAM/tiny:1': $WORLD_REGISTRY wants a login"
	pulling rm -f pulled
	rm -r "$REGISTRIES"
}
t "a sandbox is made of it; when the registry says no, of the copy from before" runs

in_host env SBX_APP_NAME=pulling sbx reset --force >/dev/null 2>&1
