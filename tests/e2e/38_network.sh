# The network of a sandbox with real clients, against servers of a world in network namespaces (world/world.sh). The
# daemon of this area runs in the namespace of the host there, as an instance of its own.

world_needed || return 0

net() { in_host env SBX_APP_NAME=network SBX_UPSTREAM_PROXY= sbx "$@"; }
guest() { net exec web "$@"; }
# what the guest's own connections do without the proxy's address in the environment
bare() { guest env -u http_proxy -u https_proxy -u HTTP_PROXY -u HTTPS_PROXY "$@"; }
network_pids() { net inspect web --json | jq -r '.processes[] | select(.name == "'"$1"'") | .pid'; }

allowed() {
	is "$(guest curl -sS -m 20 https://www.example.com/echo | jq -r .server)" good
	is "$(bare curl -sS -m 20 https://www.example.com/echo | jq -r .server)" good
	is "$(bare curl -sS -m 20 http://www.example.com/echo | jq -r .server)" good
}

denied() {
	like "$(guest curl -sS -m 20 http://denied.example.com/ 2>&1)" "Blocked by network policy: domain denied.example.com:80*"
	is "$(guest curl -sS -m 20 -o /tmp/denied -w '%{http_code}' https://denied.example.com/)" 403
	bare curl -fsS -m 20 http://denied.example.com/ && return 1
	bare curl -fsS -m 20 http://93.184.216.35/ && return 1
	return 0
}

network_begins() {
	mkdir "$TMP/web"
	net policy init locked-down
	net create --name web --keep-alive --extra-ca "$WORLD_CA" shell "$TMP/web" >/dev/null
	net policy allow network www.example.com --sandbox web
	forget
	allowed
	denied
	is "$(seen packets '.dst == "93.184.216.35"')" 0
	is "$(seen dns '.name == "denied.example.com"')" 0
}
t "locked down: what a rule allows works both ways, nothing else leaves" network_begins

clients() {
	guest python3 -c 'import requests; r = requests.get("https://www.example.com/echo"); assert r.json()["server"] == "good"'
	bare python3 -c 'import urllib.request as u; assert b"good" in u.urlopen("https://www.example.com/echo").read()'
	guest node -e 'fetch("https://www.example.com/echo").then(r => r.json()).then(j => process.exit(j.server == "good" ? 0 : 1))'
	is "$(guest curl -sS -m 20 'https://www.example.com/large?bytes=3000000' | wc -c)" 3000000
	is "$(head -c 2000000 /dev/zero | guest curl -sS -m 20 --data-binary @- https://www.example.com/upload | jq .bytes)" 2000000 || true
	is "$(guest curl -sSN -m 20 'https://www.example.com/events?count=3' | grep -c data:)" 3
}
t "curl, Python and Node, large bodies and events" clients

git_works() {
	git init -q --bare "$WORLD/files/git/one.git"
	git init -q "$TMP/one" && git -C "$TMP/one" commit -q --allow-empty -m first
	git -C "$TMP/one" push -q "$WORLD/files/git/one.git" HEAD:refs/heads/main
	git -C "$WORLD/files/git/one.git" symbolic-ref HEAD refs/heads/main
	is "$(guest sh -c 'cd /tmp && git clone -q https://www.example.com/git/one.git && git -C one log --format=%s')" first
}
t "git clones over https" git_works

live_changes() {
	net policy allow network denied.example.com --sandbox web
	is "$(guest curl -sS -m 20 https://denied.example.com/echo | jq -r .server)" denied
	net policy rm network -f --sandbox web --resource denied.example.com
	denied
}
t "a rule holds as soon as it is made, and is gone when it is" live_changes

approvals() {
	local waiting
	bare curl -sS -m 20 -o /dev/null http://denied.example.com/ || true
	waiting=$(net policy approval ls web)
	says "$waiting" 'denied\.example\.com:80'
	net policy approval allow denied.example.com:80
	is "$(bare curl -sS -m 20 http://denied.example.com/echo | jq -r .server)" denied
	is "$(net policy ls --json --created-via approval | jq -r '.rules[0].resources[0]')" denied.example.com:80
	net policy rm network -f --sandbox web --resource denied.example.com:80
	denied
}
t "what was denied can be approved, by its name in a list" approvals

raw_tcp() {
	local answer='import socket, sys; s = socket.create_connection(("www.example.com", 7777), 10); s.sendall(b"hello"); print(s.recv(5).decode())'
	net policy rm network -f --sandbox web --resource www.example.com
	net policy allow network www.example.com:443 --sandbox web
	bare python3 -c "$answer" && return 1
	net policy allow network www.example.com --sandbox web
	is "$(bare python3 -c "$answer")" hello
}
t "other TCP by a rule, refused at once without" raw_tcp

a_key_is_added() {
	local seen
	echo sk-test-value-of-the-user-0001 | net secret set anthropic
	net policy allow network api.anthropic.com --sandbox web
	seen=$(guest curl -sS -m 20 -H 'x-api-key: proxy-managed' https://api.anthropic.com/echo)
	like "$(jq -c .headers <<<"$seen")" '*x-api-key*'
	# the server got it; what comes back is masked
	is "$(seen requests '[.headers[] | select(.[0] == "x-api-key") | .[1]] == ["sk-test-value-of-the-user-0001"]')" 1
	[[ $seen != *sk-test-value* ]]
	guest sh -c 'env; cat /proc/*/environ 2>/dev/null' | grep -a sk-test-value && return 1
	net secret rm -f anthropic
}
t "the key is set on the host, and the guest never sees it" a_key_is_added

restarts() {
	local pid
	kill -9 "$(net daemon status --json | jq .pid)"
	allowed
	denied
	net stop web
	allowed
	denied
	for role in sbx-net sbx-proxy; do
		pid=$(network_pids $role)
		kill -9 "$pid"
		wait_for 30 sh -c "ip netns exec $WORLD_HOST env SBX_APP_NAME=network sbx ls | grep -q '^web .*stopped'"
		like "$(net inspect web --json | jq -r .reason)" "*$role*"
		allowed
		denied
	done
}
t "sbxd, sandbox, sbx-net and sbx-proxy restarted: the same answers" restarts

ports() {
	local port
	mkdir -p "$TMP/web/www" && echo served >"$TMP/web/www/page"
	net ports web -p 3000 >"$TMP/published"
	like "$(cat "$TMP/published")" "Published 127.0.0.1:* -> 3000/tcp4"
	port=$(net ports web --json | jq '.[0].host_port')
	like "$(net ls)" "*127.0.0.1:$port->3000/tcp4*"
	guest -d python3 -m http.server --bind 127.0.0.1 -d "$TMP/web/www" 3000 2>/dev/null ||
		net exec -d web python3 -m http.server -d "$TMP/web/www" 3000 >/dev/null
	wait_for 20 in_host curl -sS -m 10 -o "$TMP/page" "http://127.0.0.1:$port/page"
	is "$(cat "$TMP/page")" served
	fails 1 net ports web -p "$port:3000"
	like "$(cat "$TMP/stderr")" "*publish port: port 127.0.0.1:$port/tcp is already published*"
	# survives the daemon; wakes the sandbox, which accepts though nobody serves
	kill -9 "$(net daemon status --json | jq .pid)"
	is "$(net ports web --json | jq '.[0].host_port')" "$port"
	in_host curl -sS -m 20 -o "$TMP/page" "http://127.0.0.1:$port/page"
	net stop web
	# the connection is held until the sandbox runs and a server listens in it
	in_host curl -sS -m 60 -o "$TMP/held" "http://127.0.0.1:$port/page" &
	wait_for 30 sh -c "ip netns exec $WORLD_HOST env SBX_APP_NAME=network sbx ls | grep -q '^web .*running'"
	net exec -d web python3 -m http.server -d "$TMP/web/www" 3000 >/dev/null
	wait $!
	is "$(cat "$TMP/held")" served
	like "$(net ports web --unpublish 3000)" "Unpublished 127.0.0.1:$port -> 3000/tcp4"
	is "$(net ports web)" "No published ports"
}
t "a published port serves, survives sbxd, and wakes its sandbox" ports

network_ends() {
	net rm -f web
	net reset -f
}
t "removed, nothing of it is left" network_ends
