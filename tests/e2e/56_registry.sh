# Containers and builds beyond the sandbox, in the world (world/world.sh): they trust what the sandbox trusts, and the login of a
# registry (Debian's docker-registry, with TLS by the world's authority) is added by the proxy and never inside.

world_needed || return 0

BUILDER=$SANDBOXES/builder
KEY=the-key-of-the-api-0123456789

docker() { sandboxes exec builder docker "$@"; }
guest() { sandboxes exec builder "$@"; }

# a root of busybox and curl, as the image `tools`, made from what the sandbox has
make_tools() {
	mkdir -p "$BUILDER/root/bin" "$BUILDER/root/tmp"
	cp "$(command -v busybox)" "$BUILDER/root/bin/busybox"
	ln -s busybox "$BUILDER/root/bin/sh"
	# shellcheck disable=SC2016
	guest sh -euc 'cd root; for file in /usr/bin/curl $(ldd /usr/bin/curl | grep -o "/[^ ]*"); do
		mkdir -p ".${file%/*}"; cp -L "$file" ".$file"; done'
	guest sh -c 'tar -C root --owner=0 --group=0 -c . | docker import - tools'
}

registry_begins() {
	mkdir -p "$BUILDER"
	registry_needed
	printf '%s' "$KEY" | sandboxes secret set-custom --host api.example.com --env EXAMPLE_KEY --placeholder sbx-cs-example
	printf '%s' "$WORLD_PASSWORD" | sandboxes secret set --registry "$WORLD_REGISTRY" --username robot --password-stdin --all-sandboxes
	sandboxes create --name builder --keep-alive --extra-ca "$WORLD_CA" --policy locked-down shell "$BUILDER"
	sandboxes policy allow network '*.example.com' --sandbox builder
	make_tools
}
t "a registry of the world, and an image made in the sandbox" registry_begins

# the answer is of a server that the proxy looks into, so its certificate is the sandbox's own
asks() {
	echo "curl -sS -H 'X-Key: sbx-cs-example' https://api.example.com/echo"
}

containers_trust() {
	forget
	says "$(docker run --rm tools sh -c "$(asks)")" '"server": "good"'
	docker run --detach --name waits tools busybox sleep 600
	says "$(docker exec waits sh -c "$(asks)")" '"server": "good"'
	is "$(seen requests ".headers[] | select(.[0] == \"x-key\") | .[1] == \"$KEY\"")" 2
	is "$(docker run --rm -e CURL_CA_BUNDLE=/of/the/user tools busybox env | grep ^CURL_CA)" CURL_CA_BUNDLE=/of/the/user
	docker rm --force waits
}
t "a container, and what is run in it later, trust the sandbox's authority and get the key" containers_trust

# A root that has the sandbox's programs and a bundle of its own, which knows nothing of the sandbox.
make_programs() {
	guest sh -euc 'mkdir -p programs/usr programs/tmp programs/etc/ssl/certs
		for folder in bin lib lib64; do ln -s usr/$folder programs/$folder; done
		cat /usr/share/ca-certificates/mozilla/*.crt >programs/etc/ssl/certs/ca-certificates.crt
		tar -C programs --owner=0 --group=0 -c . | docker import - programs'
}

program() { docker run --rm --volume /usr:/usr:ro "$@"; }

clients_trust() {
	make_programs
	local python="import urllib.request as u; print(u.urlopen('https://api.example.com/echo').read())"
	says "$(program programs python3 -c "$python")" '"server": "good"'
	says "$(program programs python3 -c "import requests; print(requests.get('https://api.example.com/echo').text)")" '"server": "good"'
	says "$(program programs node -e "fetch('https://api.example.com/echo').then(r => r.text()).then(console.log)")" '"server": "good"'
	says "$(program programs curl -sS https://api.example.com/echo)" '"server": "good"'
	# by the image's own bundle it is not believed, which is what these were spared
	program --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt programs python3 -c "$python" && return 1
	wait_for 240 guest test -s /run/sbx-trust/cacerts
	says "$(program programs openssl pkcs12 -in /dev/sbx-trust/cacerts -passin pass:changeit -nokeys -info 2>&1)" 'Trusted key usage|2.16.840.1.113894.746875.1.1'
	docker rmi programs
}
t "Python, Node and curl of an image trust it too, and a store for Java is there" clients_trust

p28_containers() {
	forget
	docker run --rm tools curl -sS -m 30 https://evil.example.net/ && return 1
	docker run --rm --privileged --network host tools curl -sS -m 30 http://93.184.216.66/ && return 1
	is "$(seen packets '.dst == "93.184.216.66"')" 0
}
t "P28 a container reaches nothing that the sandbox may not" p28_containers

builds_trust() {
	{
		echo 'FROM tools AS first'
		echo "RUN $(asks) >/answer"
		echo 'FROM tools'
		echo 'COPY --from=first /answer /answer'
	} >"$BUILDER/Dockerfile"
	docker build --quiet --tag asked .
	says "$(docker run --rm asked busybox cat /answer)" '"server": "good"'
	docker create --name look asked sh
	is "$(guest sh -c 'docker export look | tar -t | grep -c -e ca-certificates -e sbx' || :)" 0
	docker rm look
	# a line of the authority's certificate: in what the container sees, and in no layer
	local line
	line=$(guest sed -n 2p /usr/local/share/ca-certificates/sbx.crt)
	[ "$(guest sh -c 'docker run --rm tools busybox cat /dev/ca-certificates.crt | grep -cF "$1"' sh "$line")" -ge 1 ]
	is "$(guest sh -c 'docker save asked | grep -acF "$1"' sh "$line" || :)" 0
}
t "so does each step of a build, and nothing of it is left in the image" builds_trust

pushes_and_pulls() {
	docker tag asked "$WORLD_REGISTRY/team/asked:1"
	docker push --quiet "$WORLD_REGISTRY/team/asked:1"
	docker rmi asked "$WORLD_REGISTRY/team/asked:1"
	docker pull --quiet "$WORLD_REGISTRY/team/asked:1"
	says "$(docker run --rm "$WORLD_REGISTRY/team/asked:1" busybox cat /answer)" '"server": "good"'
	fails 1 guest test -e /home/agent/.docker/config.json
}
t "push and pull with the login that the proxy adds" pushes_and_pulls

refuses_in_words() {
	sandboxes secret rm --registry "$WORLD_REGISTRY" --all-sandboxes --force
	fails 1 docker pull "$WORLD_REGISTRY/team/asked:1"
	says "$(cat "$TMP/stderr")" 'no basic auth credentials|unauthorized'
	fails 1 docker pull self-signed.example.com/team/asked:1
	says "$(cat "$TMP/stderr")" 'x509: certificate signed by unknown authority'
	fails 1 docker pull elsewhere.example.net/team/asked:1
	printf 'FROM tools\nRUN echo this step fails >&2 && exit 3\n' >"$BUILDER/Dockerfile"
	fails 1 docker build --tag never .
	says "$(cat "$TMP/stderr")" 'this step fails'
	is "$(docker images --quiet never)" ''
	sandboxes rm --force builder
}
t "without a login, with a wrong certificate, denied, a step that fails: said in words" refuses_in_words
