# A world for the tests of the network: two namespaces, one for the host and one for everything beyond it, joined by one cable.
#
#   world_needed             makes both once, with servers (world/serve) and the names of world/names. Without it an area
#                            cannot go on: `world_needed || return 0`. An ordinary user skips it, anything else missing fails.
#   in_host COMMAND...       runs where sbxd runs: its resolver is the world's, its addresses are 93.184.216.2 and …::2
#   in_world COMMAND...
#   registry_needed          Debian's docker-registry at $WORLD_REGISTRY, with TLS by the world's authority and one login, robot with
#                            $WORLD_PASSWORD; once, until the world goes
#   sandboxes ARG...         sbx with a daemon of its own in the host's namespace; $SANDBOXES is a folder for workspaces
#   kill_daemon              SIGKILL for that daemon
#   world_down
#
#   $WORLD_CA                the authority of the world's servers: `sbx create --extra-ca $WORLD_CA`
#   seen LOG JQ_FILTER       how many lines of packets, dns or requests (world/serve) the filter selects
#   forget                   empties the logs, so that the next `seen` is about what comes now
#
# Everything has a public-looking address, since the policy refuses others, and no route leads out: what a test
# reaches is in here, and what a guest gets out shows in the logs.
world_here=$(dirname "${BASH_SOURCE[0]}")
WORLD=$RUN/world
WORLD_CA=$WORLD/ca.pem
WORLD_HOST=sbx-host-$$
WORLD_WORLD=sbx-world-$$
SANDBOXES=$RUN/sandboxes
WORLD_REGISTRY=registry.example.com
WORLD_PASSWORD=the-password-of-the-registry

in_host() { ip netns exec "$WORLD_HOST" "$@"; }
in_world() { ip netns exec "$WORLD_WORLD" "$@"; }

sandboxes() { SBX_APP_NAME=world in_host sbx "$@"; }
kill_daemon() { kill -9 "$(sandboxes daemon status --json | jq .pid)"; }

seen() { jq -s "[.[] | select($2)] | length" "$WORLD/$1.log"; }

forget() {
	local log
	for log in packets dns requests; do
		: >"$WORLD/$log.log"
	done
}

world_addresses() {
	local last
	for last in 34 35 36 37 38 39 40 41 42 43 44 53 66; do
		in_world ip address add "93.184.216.$last/24" dev cable
		in_world ip address add "2606:2800:220:1::$last/64" dev cable nodad
	done
	in_host ip address add 93.184.216.2/24 dev cable
	in_host ip address add 2606:2800:220:1::2/64 dev cable nodad
	for namespace in "$WORLD_HOST" "$WORLD_WORLD"; do
		ip -n "$namespace" link set lo up
		ip -n "$namespace" link set cable up
	done
	# what leaves for anywhere else arrives in the world too, where it is seen and not answered
	in_host ip route add default via 93.184.216.34
	in_host ip -6 route add default via 2606:2800:220:1::34
}

world_needed() {
	if [ -e "$WORLD/ready" ]; then
		sandboxes reset --force >/dev/null 2>&1 # what an area before this one made, secrets too
		rm -rf "${SANDBOXES:?}"/*
		return 0
	fi
	if [ "$(id -u)" != 0 ]; then
		number=$((number + 1))
		echo "ok $number - $area # SKIP network namespaces need root"
		return 1
	fi
	if ! world_up >"$WORLD.log" 2>&1; then
		tail -n 20 "$WORLD.log" "$WORLD/serve.log" | sed 's/^/# /'
		number=$((number + 1))
		failures=$((failures + 1))
		echo "not ok $number - $area: there is a world beyond the host"
		world_down
		return 1
	fi
}

world_up() {
	mkdir -p "$SANDBOXES" "$WORLD/files" "/etc/netns/$WORLD_HOST"
	cp "$world_here/names" "$WORLD/names"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=The world' \
		-addext keyUsage=critical,keyCertSign,cRLSign \
		-keyout "$WORLD/ca.key" -out "$WORLD_CA" 2>/dev/null
	ip netns add "$WORLD_HOST" && ip netns add "$WORLD_WORLD"
	ip -n "$WORLD_HOST" link add cable type veth peer name cable netns "$WORLD_WORLD"
	world_addresses
	printf 'nameserver 93.184.216.53\n' >"/etc/netns/$WORLD_HOST/resolv.conf"
	forget
	in_world python3 "$world_here/serve" "$WORLD" >"$WORLD/serve.log" 2>&1 &
	wait_for 60 test -e "$WORLD/ready"
}

registry_needed() {
	local folder=$WORLD/registry
	[ ! -d "$folder" ] || return 0
	mkdir -p "$folder/data"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$WORLD_REGISTRY" -keyout "$folder/key" -out "$folder/csr" 2>/dev/null
	openssl x509 -req -in "$folder/csr" -CA "$WORLD_CA" -CAkey "$WORLD/ca.key" -CAcreateserial -days 2 -out "$folder/cert" \
		-extfile <(echo "subjectAltName=DNS:$WORLD_REGISTRY") 2>/dev/null
	perl -e 'print "robot:", crypt($ARGV[0], q{$2y$05$abcdefghijklmnopqrstuu}), "\n"' "$WORLD_PASSWORD" >"$folder/users"
	cat >"$folder/config.yml" <<-END
		version: 0.1
		log: { level: warn, accesslog: { disabled: true } }
		storage: { filesystem: { rootdirectory: $folder/data } }
		http: { addr: "93.184.216.44:443", tls: { certificate: $folder/cert, key: $folder/key } }
		auth: { htpasswd: { realm: world, path: $folder/users } }
	END
	in_world docker-registry serve "$folder/config.yml" >"$folder/log" 2>&1 &
	wait_for 120 in_world curl -sk -o /dev/null "https://93.184.216.44/v2/"
}

world_down() {
	[ -d "$WORLD" ] || return 0
	sandboxes reset --force >/dev/null 2>&1
	ip netns pids "$WORLD_WORLD" 2>/dev/null | xargs -r kill 2>/dev/null
	ip netns del "$WORLD_HOST" 2>/dev/null
	ip netns del "$WORLD_WORLD" 2>/dev/null
	rm -rf "/etc/netns/$WORLD_HOST" "$WORLD"
}
