# What a hostile guest tries at the proxy (docs/attacks.md, P01 to P30): made in the guest by attack/http and curl, judged
# by what the servers of the world saw.
#
# The sandbox `keys` may reach *.example.com but denied.example.com; requests to api.example.com carry a secret that the
# guest does not know, and files.example.com is looked into because of a rule about paths.

world_needed || return 0

GOOD=93.184.216.34
EVIL=93.184.216.66
SECRET=the-real-value-0123456789abcdef

attack() { sandboxes exec keys "$SANDBOXES/keys/attack" "$@"; }
guest() { sandboxes exec keys "$@"; }
requests() { seen requests "$1"; }

keys_setup() {
	mkdir -p "$SANDBOXES/keys"
	cp "$here/attack/http" "$SANDBOXES/keys/attack"
	printf '%s' "$SECRET" | sandboxes secret set-custom --host api.example.com --env EXAMPLE_KEY --placeholder sbx-cs-example
	sandboxes create --name keys --keep-alive --extra-ca "$WORLD_CA" --policy locked-down shell "$SANDBOXES/keys"
	sandboxes policy allow network '*.example.com' --sandbox keys
	sandboxes policy deny network denied.example.com --sandbox keys
	sandboxes policy deny network files.example.com --method ANY --path '/private/**' --sandbox keys
	says "$(guest sh -c 'echo $EXAMPLE_KEY')" '^sbx-cs-example$'
	says "$(guest curl -sS -H 'X-Key: sbx-cs-example' https://api.example.com/echo)" '"server": "good"'
	is "$(requests ".headers[] | select(.[0] == \"x-key\") | .[1] == \"$SECRET\"")" 1
}
t "a secret reaches its host, and the guest holds a placeholder" keys_setup

p01_other_address() {
	forget
	is "$(attack tls "$EVIL" api.example.com api.example.com)" refused
	is "$(seen packets ".dst == \"$EVIL\"")" 0
}
t "P01 an allowed name to an address that it was never resolved to" p01_other_address

p02_host_is_not_sni() {
	guest getent hosts api.example.com
	forget
	says "$(attack tls "$GOOD" api.example.com denied.example.com)" ' 421 | 403 | 400 |Blocked'
	says "$(attack connect api.example.com:443 api.example.com files.example.com)" ' 421 | 403 | 400 |Blocked'
	is "$(requests '.path == "/echo"')" 0
}
t "P02 a Host that is not the name in the hello" p02_host_is_not_sni

p04_no_sni() {
	guest getent hosts www.example.com
	forget
	attack tls "$GOOD" - www.example.com
	is "$(requests '.path == "/echo"')" 0
}
t "P04 a hello without a name" p04_no_sni

p05_bytewise() {
	guest getent hosts api.example.com
	says "$(attack bytewise "$GOOD" api.example.com api.example.com)" ' 200 '
	forget
	says_not "$(attack bytewise "$GOOD" denied.example.com denied.example.com)" ' 200 '
	attack raw "$GOOD" 443 '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03' >/dev/null
	attack raw "$GOOD" 443 '\x16\x03\x01\xff\xff' >/dev/null
	is "$(requests '.path == "/echo" or .path == "denied.example.com"')" 0
}
t "P05 a hello in pieces is read, a malformed one is refused" p05_bytewise

p08_connect() {
	forget
	says_not "$(attack connect api.example.com:443 denied.example.com denied.example.com)" ' 200 OK'
	says_not "$(attack connect "$EVIL:443" api.example.com api.example.com)" '"server"'
	says_not "$(attack raw 192.0.0.1 3128 'CONNECT 192.0.0.1:3128 HTTP/1.1\r\nHost: 192.0.0.1:3128\r\n\r\n' \
		'CONNECT denied.example.com:443 HTTP/1.1\r\nHost: denied.example.com:443\r\n\r\n')" '"server"'
	is "$(requests '.path == "denied.example.com" or .path == "/echo"')" 0
	is "$(seen packets ".dst == \"$EVIL\"")" 0
}
t "P08 CONNECT to one place, TLS to another; nested; by address" p08_connect

p09_ambiguous() {
	local head='POST http://api.example.com/echo HTTP/1.1\r\nHost: api.example.com\r\n'
	forget
	for rest in 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' \
		'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello' 'Content-Length: 5, 5\r\n\r\nhello' \
		'Content-Length: +5\r\n\r\nhello' 'Content-Length: -1\r\n\r\n' 'Content-Length: 99999999999999999999\r\n\r\n' \
		'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n' 'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n' \
		'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n' 'Transfer-Encoding: chunked\r\n\r\n0;a=b\r\n\r\n' \
		'X: a\r\n folded\r\n\r\n' 'X: a\n\r\n' 'Host: denied.example.com\r\n\r\n' 'Host: api.example.com\r\n\r\n'; do
		says "$(attack raw 192.0.0.1 3128 "$head$rest")" '^HTTP/1.1 4|nothing'
	done
	says "$(attack raw 192.0.0.1 3128 'GET http://api.example.com/echo HTTP/1.1\r\nHost: denied.example.com\r\n\r\n')" '^HTTP/1.1 4'
	is "$(requests true)" 0
}
t "P09 what can be read in two ways is refused" p09_ambiguous

p11_h2c() {
	guest getent hosts api.example.com
	forget
	says_not "$(attack raw "$GOOD" 80 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')" ' 200 '
	attack raw "$GOOD" 80 'GET /echo HTTP/1.1\r\nHost: api.example.com\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n'
	is "$(requests '[.headers[] | select(.[0] == "upgrade" or .[0] == "http2-settings")] | length > 0')" 0
}
t "P11 no HTTP/2 on port 80, neither known nor by upgrade" p11_h2c

p13_paths() {
	local path
	forget
	for path in /private/x //private/x /./private/x /a/../private/x /%70rivate/x /private%2fx '/private;a/x' /private/./x /a/%2e%2e/private/x; do
		says_not "$(guest curl -s --path-as-is "https://files.example.com$path")" '"server"|no such file'
	done
	guest curl -s -H 'X-HTTP-Method-Override: DELETE' https://files.example.com/private/x
	is "$(requests '.path | test("rivate")')" 0
	says "$(guest curl -s https://files.example.com/echo)" '"server": "good"'
}
t "P13 paths in disguise against a rule about paths" p13_paths

p14_redirect() {
	forget
	is "$(guest curl -s -o /dev/null -w '%{http_code}' -H 'X-Key: sbx-cs-example' 'https://api.example.com/redirect?to=https://evil.example.net/')" 302
	guest curl -sL -m 10 -H 'X-Key: sbx-cs-example' 'https://api.example.com/redirect?to=https://www.example.com/echo' || true
	is "$(requests "select(.path == \"/echo\") | .headers[] | select(.[1] | contains(\"$SECRET\")) | true")" 0
}
t "P14 a redirect takes no secret along" p14_redirect

p15_reflection() {
	local how
	for how in plain gzip base64 url; do
		says_not "$(guest curl -s --compressed -H 'X-Key: sbx-cs-example' "https://api.example.com/echo?as=$how")" "$SECRET"
		says_not "$(guest curl -s -H 'X-Key: sbx-cs-example' "https://api.example.com/echo?as=$how" | base64 -d 2>/dev/null)" "$SECRET"
	done
	says_not "$(guest curl -si -H 'Authorization: Bearer sbx-cs-example' https://api.example.com/echo)" "$SECRET"
	says_not "$(guest curl -s -H 'X-Key: sbx-cs-example' https://api.example.com/pieces)" "$SECRET"
}
t "P15 a server that sends the secret back: masked, in whatever form" p15_reflection

p17_second_credential() {
	forget
	printf '%s' "$SECRET" | sandboxes secret set anthropic -f
	sandboxes policy allow network api.anthropic.com --sandbox keys
	guest curl -s -H 'x-api-key: attacker' -H 'Authorization: Bearer attacker' -H 'Cookie: session=attacker' \
		'https://api.anthropic.com/echo?key=1&api_key=attacker'
	is "$(requests "select(.path | startswith(\"/echo\")) | .headers[] | select(.[0] == \"x-api-key\") | .[1] == \"$SECRET\"")" 1
	is "$(requests 'select(.path | startswith("/echo")) | (.headers | tostring) + .path | contains("attacker")')" 0
}
t "P17 a second credential beside the real one is stripped" p17_second_credential

p19_placeholder_elsewhere() {
	forget
	says "$(guest curl -s -H 'X-Key: sbx-cs-example' http://www.example.com/echo)" 'Blocked|secret'
	is "$(requests '.headers | tostring | contains("sbx-cs-example")')" 0
}
t "P19 a placeholder on its way to another host is stopped" p19_placeholder_elsewhere

p20_certificates() {
	local name
	forget
	# looked into (a rule about paths makes it so): the proxy itself must refuse
	for name in expired wrong-name self-signed tls10; do
		sandboxes policy deny network "$name.example.com" --method ANY --path /never --sandbox keys
		says "$(guest curl -sk "https://$name.example.com/echo")" 'certificate|TLS|protocol'
	done
	is "$(requests '.path == "/echo"')" 0
}
t "P20 an upstream whose certificate does not verify is refused" p20_certificates

bad_upstreams() {
	local name how
	for how in intercepted tunnelled; do
		for name in reset garbage; do
			[ $how = tunnelled ] || sandboxes policy deny network "$name.example.com" --method ANY --path /never --sandbox keys
			says_not "$(guest curl -sSk -m 20 "https://$name.example.com/echo" 2>&1 || true)" '"server"'
		done
	done
	says "$(guest curl -sS -m 20 http://reset.example.com/echo)" 'reset|closed'
	says "$(guest curl -sS -m 20 http://garbage.example.com/echo)" 'answer|HTTP'
	# one that says nothing holds up nobody else, and ends when its client does
	guest sh -c 'curl -sS -m 5 http://hang.example.com/echo & curl -sSk -m 5 https://hang.example.com/echo & curl -sS -m 20 https://api.example.com/echo >/tmp/beside; wait; true'
	says "$(guest cat /tmp/beside)" '"server": "good"'
}
t "servers that reset, send garbage or say nothing: a clear answer, and others go on" bad_upstreams

p21_pinned() {
	fails 60 guest curl -s --cacert /etc/hostname https://api.example.com/echo || fails 77 guest curl -s --cacert /etc/hostname https://api.example.com/echo
	# where nothing is looked into the client sees the server's own certificate
	guest getent hosts www.example.com
	says "$(guest sh -c 'openssl s_client -connect www.example.com:443 -servername www.example.com </dev/null 2>/dev/null | grep issuer')" 'The world'
}
t "P21 a host without a secret is not looked into: its own certificate arrives" p21_pinned

p22_client_certificates() {
	local folder=$SANDBOXES/keys
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=guest -keyout "$folder/mine.key" -out "$TMP/mine.csr"
	openssl x509 -req -in "$TMP/mine.csr" -CA "$WORLD/ca.pem" -CAkey "$WORLD/ca.key" -set_serial 7 -days 5 -out "$folder/mine.pem"
	chmod 644 "$folder/mine.key"
	forget
	# not looked into: it is the guest's and the server's own business
	says "$(guest curl -sS --cert "$folder/mine.pem" --key "$folder/mine.key" https://mtls.example.com/echo)" '"server": "mtls"'
	is "$(requests '.server == "mtls"')" 1
	# looked into: a sentence, and no request in anybody's name
	sandboxes policy deny network mtls.example.com --method ANY --path /never --sandbox keys
	says "$(guest curl -sS --cert "$folder/mine.pem" --key "$folder/mine.key" https://mtls.example.com/echo)" 'client certificate'
	is "$(requests '.server == "mtls"')" 1
}
t "P22 a client certificate passes in a tunnel, and is missed clearly where requests are looked into" p22_client_certificates

p23_authority() {
	fails 1 guest sudo grep -rlsq 'PRIVATE KEY' /etc/ssl /usr/local/share/ca-certificates
	says_not "$(attack tls "$GOOD" 'api.example.com,DNS:evil.example.net' api.example.com)" ' 200 '
}
t "P23 the authority's key is not in the guest, and a name smuggles no other" p23_authority

p24_large_heads() {
	says "$(attack many_heads 100000)" '^HTTP/1.1 4|^nothing'
	is "$(attack endless_head 64)" stopped
	says "$(attack slow 200)" ' 200 '
	local pid
	pid=$(sandboxes inspect keys --json | jq '.processes[] | select(.name == "sbx-proxy").pid')
	[ "$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")" -lt 65536 ]
}
t "P24 endless heads, many fields, slow ones" p24_large_heads

# allowed URL OPTION...: yes, or no for a block page and for a connection or name that was refused
allowed() {
	local code
	code=$(guest curl -sk -o /dev/null -w '%{http_code}' "$@" || true)
	[ "${code:0:3}" = 200 ] && echo yes || echo no
}

p27_both_ways() {
	local url
	is "$(allowed https://api.example.com/echo --noproxy '*')" yes
	is "$(allowed https://evil.example.net/)" no
	for url in http://api.example.com/echo https://api.example.com/echo http://denied.example.com/ https://denied.example.com/ \
		https://evil.example.net/ http://evil.example.net/; do
		is "$(allowed "$url")" "$(allowed "$url" --noproxy '*')"
	done
	says "$(guest curl -s http://denied.example.com/)" '^Blocked by network policy: domain denied.example.com:80'
	says "$(guest curl -s https://denied.example.com/)" '^Blocked by network policy: domain denied.example.com:443'
	says "$(guest curl -si https://denied.example.com/)" '^[Xx]-[Ss]bx-[Dd]eny: rule='
}
t "P27 with the proxy's variables and without: the same decision" p27_both_ways

p29_alternatives() {
	says_not "$(guest curl -si https://api.example.com/echo)" '^[Aa]lt-[Ss]vc'
}
t "P29 no alternative services are advertised" p29_alternatives

p30_push_elsewhere() {
	forget
	sandboxes policy deny network files.example.com --method POST --path '/git/attacker/**' --sandbox keys
	says "$(guest curl -s -X POST https://files.example.com/git/attacker/x.git/git-receive-pack)" 'Blocked'
	is "$(requests '.path | startswith("/git/attacker")')" 0
}
t "P30 a push to another's repository on an allowed host, by a rule about paths" p30_push_elsewhere
