# A host that reaches the world by a proxy only: HTTP CONNECT and SOCKS5, both with a login. What is allowed goes through it,
# keys are put in on the way, and what is denied is not even asked of it.

world_needed || return 0

UPSTREAM=$TMP/upstream
mkdir -p "$UPSTREAM"

# by PROXY ARG...
by() {
	local proxy=$1
	shift
	in_host env SBX_APP_NAME=upstream SBX_UPSTREAM_PROXY="$proxy" SBX_NO_PROXY=www.example.com sbx "$@"
}
guest() { in_host env SBX_APP_NAME=upstream sbx exec up "$@"; }

# goes_through PROXY KIND
goes_through() {
	by "$1" daemon restart
	by "$1" policy reset -f
	by "$1" policy init locked-down
	printf real-value-by-a-proxy | by "$1" secret set-custom -f --host api.example.com --env UP_KEY --placeholder sbx-cs-up
	by "$1" create --name up --keep-alive --extra-ca "$WORLD_CA" shell "$UPSTREAM"
	by "$1" policy allow network api.example.com,files.example.com,www.example.com --sandbox up
	forget
	# explicit and transparent, looked into and tunnelled
	is "$(guest curl -sS -m 30 -H 'X-Key: sbx-cs-up' https://api.example.com/echo | jq -r .server)" good
	is "$(guest curl -sS -m 30 https://files.example.com/echo | jq -r .server)" good
	is "$(guest env -u https_proxy -u HTTPS_PROXY curl -sS -m 30 https://files.example.com/echo | jq -r .server)" good
	is "$(seen requests ".server == \"$2\" and .path == \"api.example.com:443\"")" 1
	is "$(seen requests ".server == \"$2\" and .path == \"files.example.com:443\"")" 2
	is "$(seen requests '.headers | any(.[1] == "real-value-by-a-proxy")')" 1
	is "$(seen packets '.src == "93.184.216.2" and .dst == "93.184.216.34" and (.port == 443 or .port == 80)')" 0
	# an exception of the host's goes straight there
	is "$(guest curl -sS -m 30 https://www.example.com/echo | jq -r .server)" good
	is "$(seen requests ".server == \"$2\" and .path == \"www.example.com:443\"")" 0
	# what is denied is not asked of the proxy
	says "$(guest curl -sS -m 30 https://denied.example.com/)" '^Blocked by network policy'
	guest curl -sS -m 30 -x http://93.184.216.43:3128 https://denied.example.com/ && return 1
	is "$(seen requests ".path | startswith(\"denied.\")")" 0
	by "$1" rm -f up
}

by_http() { goes_through http://me:pass@93.184.216.43:3128 http-proxy; }
t "an HTTP proxy with a login" by_http

by_socks() { goes_through socks5h://me:pass@93.184.216.43:1080 socks-proxy; }
t "a SOCKS5 proxy with a login, which is told names" by_socks

refused_login() {
	local proxy=http://me:wrong@93.184.216.43:3128
	by "$proxy" daemon restart
	by "$proxy" create --name up --keep-alive --extra-ca "$WORLD_CA" shell "$UPSTREAM"
	by "$proxy" policy allow network api.example.com --sandbox up
	says "$(guest curl -sS -m 30 https://api.example.com/echo)" '407'
	guest sh -c 'cat /proc/*/environ; env' | grep -a 'me:wrong' && return 1
	fails 1 grep -rqa 'me:wrong' "$XDG_STATE_HOME/sbx-upstream/sbxd.log"
}
t "a proxy that refuses us is named to the guest, without the login" refused_login

# the host without its IPv4 address, for as long as the function runs
v6_only() {
	local plain=(in_host env SBX_APP_NAME=upstream SBX_UPSTREAM_PROXY= SBX_RESOLVERS='[2606:2800:220:1::53]:53' sbx)
	in_host ip address del 93.184.216.2/24 dev cable
	trap 'in_host ip address add 93.184.216.2/24 dev cable; in_host ip route replace default via 93.184.216.34' EXIT
	"${plain[@]}" daemon restart
	"${plain[@]}" create --name six --keep-alive --extra-ca "$WORLD_CA" shell "$UPSTREAM"
	"${plain[@]}" policy allow network '*.example.com' --sandbox six
	guest() { in_host env SBX_APP_NAME=upstream sbx exec six "$@"; }
	forget
	is "$(guest curl -sS -m 30 https://v6only.example.com/echo | jq -r .server)" good
	is "$(guest curl -sS -m 30 https://www.example.com/echo | jq -r .server)" good
	is "$(guest env -u https_proxy -u HTTPS_PROXY curl -sS -m 30 https://www.example.com/echo | jq -r .server)" good
	guest curl -sS -m 30 -f http://h2.example.com/ && return 1 # has an IPv4 address only
	is "$(seen packets '.src == "93.184.216.2" and .proto == 6')" 0
	"${plain[@]}" rm -f six
}
t "a host with IPv6 only" v6_only

in_host env SBX_APP_NAME=upstream sbx reset --force >/dev/null 2>&1
