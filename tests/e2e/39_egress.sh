# What a hostile guest tries to get out (docs/attacks.md, N01 to N25): made in the guest by attack/egress, judged by
# what the world saw. Each function bears the identifier of its attack.
#
# The sandbox `egress` may reach *.example.com except denied.example.com, on 80, 443 and 7777, and nothing else.

world_needed || return 0

GOOD=93.184.216.34
EVIL=93.184.216.66

attack() { sandboxes exec --privileged egress "$SANDBOXES/egress/attack" "$@"; }

# nothing_left JQ_FILTER: no packet that it selects came out; what takes a way out takes it within this time
nothing_left() {
	sleep 0.3
	is "$(seen packets "$1")" 0
}

egress_setup() {
	mkdir -p "$SANDBOXES/egress"
	cp "$here/attack/egress" "$SANDBOXES/egress/attack"
	sandboxes create --name egress --keep-alive --extra-ca "$WORLD_CA" --policy locked-down shell "$SANDBOXES/egress"
	sandboxes policy allow network '*.example.com:80,*.example.com:443,*.example.com:7777' --sandbox egress
	sandboxes policy deny network denied.example.com --sandbox egress
	says "$(sandboxes exec egress curl -sS https://api.example.com/echo)" '"server": "good"'
}
t "a sandbox that may reach *.example.com and nothing else" egress_setup

n01_other_resolver_udp() {
	forget
	says "$(attack datagram 8.8.8.8 53)" 'E[A-Z]* at once'
	says "$(attack datagram 93.184.216.53 53)" 'E[A-Z]* at once'
	nothing_left '.dst == "8.8.8.8" or .port == 53'
}
t "N01 DNS to another resolver over UDP" n01_other_resolver_udp

n02_other_resolver_tcp() {
	forget
	is "$(attack connect 8.8.8.8 53)" 'ECONNREFUSED at once'
	is "$(attack connect 93.184.216.53 53)" 'ECONNREFUSED at once'
	nothing_left '.port == 53'
}
t "N02 DNS to another resolver over TCP" n02_other_resolver_tcp

n03_dns_over_tls() {
	forget
	is "$(attack connect 8.8.8.8 853)" 'ECONNREFUSED at once'
	is "$(attack connect "$GOOD" 853)" 'ECONNREFUSED at once'
	nothing_left '.port == 853'
}
t "N03 DNS over TLS" n03_dns_over_tls

n04_address_from_elsewhere() {
	forget
	is "$(attack connect "$EVIL" 443)" 'ECONNREFUSED at once'
	is "$(attack connect "$EVIL" 7777)" 'ECONNREFUSED at once'
	nothing_left ".dst == \"$EVIL\""
}
t "N04 an address that was learned by DNS over HTTPS of an allowed host is no way out" n04_address_from_elsewhere

n05_quic() {
	sandboxes exec egress getent hosts api.example.com
	forget
	says "$(attack datagram "$GOOD" 443)" 'E[A-Z]* at once'
	nothing_left '.proto == 17'
}
t "N05 QUIC to an allowed host" n05_quic

n06_tunnel_denied_zone() {
	forget
	is "$(attack tunnel evil.example.net 50)" 0
	for kind in TXT NULL CNAME MX; do
		is "$(attack dns "$(printf 'a%.0s' {1..60}).evil.example.net" $kind)" REFUSED
	done
	is "$(seen dns true)" 0
	nothing_left '.proto == 17'
}
t "N06 a tunnel in the labels of a denied zone: no question leaves" n06_tunnel_denied_zone

n07_tunnel_allowed_zone() {
	forget
	attack tunnel example.com 400 >/dev/null
	[ "$(seen dns 'true')" -lt 200 ]
	says "$(sandboxes policy log egress)" 'example.com'
	# and afterwards an honest name is answered again, or still
	says "$(attack dns api.example.com)" 'NOERROR'
}
t "N07 a tunnel in the labels of an allowed zone is slowed and told of" n07_tunnel_allowed_zone

n08_alias_to_denied() {
	attack dns alias.example.com
	forget
	is "$(attack dns evil.example.net)" REFUSED
	is "$(seen dns '.name == "evil.example.net"')" 0
	sandboxes exec egress curl -sk -m 5 --resolve "evil.example.net:443:$EVIL" https://evil.example.net/ || true
	is "$(seen requests '.path == "evil.example.net"')" 0
}
t "N08 an alias of an allowed name gives nothing to the denied one" n08_alias_to_denied

n09_rebinding() {
	local name
	forget
	for name in loopback private metadata shared zero mapped nat64 unique host; do
		says_not "$(attack dns "rebind-$name.example.com")" '/[0-9]'
		says_not "$(attack dns "rebind-$name.example.com" AAAA)" '/[0-9]'
		fails 6 sandboxes exec egress curl -s --noproxy '*' -m 5 "http://rebind-$name.example.com/"
		says "$(sandboxes exec egress curl -s -m 5 "http://rebind-$name.example.com/")" 'Blocked by network policy|has no address'
	done
	for name in 127.0.0.1 10.1.2.3 169.254.169.254 100.64.0.1 93.184.216.2; do
		[ "$name" = 127.0.0.1 ] || is "$(attack connect "$name" 80)" 'ECONNREFUSED at once'
	done
	nothing_left '.port != 53'
}
t "N09 names that point at the host or inside are answered with nothing" n09_rebinding

n10_mixed_answer() {
	is "$(attack dns mixed.example.com | sed 's,/.*,,')" "NOERROR $GOOD"
}
t "N10 of two addresses the private one is left out" n10_mixed_answer

n11_v6_only() {
	says "$(sandboxes exec egress curl -sS http://v6only.example.com/echo)" '"server": "good"'
	is "$(attack connect 2606:2800:220:1::35 443)" 'ECONNREFUSED at once'
	is "$(attack dns denied.example.com AAAA)" REFUSED
}
t "N11 IPv6 is judged as IPv4 is" n11_v6_only

n14_forms_of_names() {
	says "$(attack dns API.Example.COM.)" 'NOERROR'
	forget
	local name
	for name in 'xn--pple-43d.com' 'evil.example.net\x00.example.com' 'evil%00.example.com' 'a\r\nb.example.com' \
		'user@api.example.com' 'evil.example.net.' '\xff\xfe.example.com' "$(printf 'a.%.0s' {1..126})example.com"; do
		says "$(attack dns "$name")" 'REFUSED|FORMERR|NXDOMAIN'
	done
	is "$(seen dns true)" 0
}
t "N14 names in disguise" n14_forms_of_names

n15_search_domains() {
	forget
	for name in api.example.com.localdomain api.example.com.lan wpad; do
		is "$(attack dns "$name")" REFUSED
	done
	is "$(seen dns true)" 0
}
t "N15 names made by search domains stay inside" n15_search_domains

n16_local_discovery() {
	forget
	attack datagram 224.0.0.251 5353
	attack datagram 224.0.0.252 5355
	attack datagram 255.255.255.255 137
	attack datagram 93.184.216.255 137
	nothing_left true
}
t "N16 mDNS, LLMNR, NetBIOS" n16_local_discovery

n17_service_records() {
	is "$(attack dns api.example.com HTTPS)" NOERROR
	is "$(attack dns api.example.com SVCB)" NOERROR
}
t "N17 no keys for encrypted hellos" n17_service_records

n18_case_and_edns() {
	is "$(attack dns_case aPi.eXaMpLe.CoM)" 'same NOERROR'
	says "$(attack dns api.example.com A 65535)" NOERROR
	is "$(attack dns_tcp api.example.com)" NOERROR
}
t "N18 the case of a question, oversized EDNS, a byte at a time over TCP" n18_case_and_edns

n19_echo() {
	forget
	is "$(attack ping 8.8.8.8)" 'no answer'
	is "$(attack ping "$GOOD")" 'no answer'
	nothing_left '.proto == 1'
}
t "N19 echo requests carry nothing out" n19_echo

n20_protocols() {
	forget
	attack protocols "$GOOD"
	nothing_left '.dst == "93.184.216.34"'
	says "$(sandboxes exec egress curl -sS https://api.example.com/echo)" '"server": "good"'
}
t "N20 other protocols, options, fragments" n20_protocols

n21_spoofing() {
	forget
	attack spoof "$GOOD" 443
	attack poison
	nothing_left '.dst == "93.184.216.34" or .port == 53'
	says "$(sandboxes exec egress curl -sS https://api.example.com/echo)" '"server": "good"'
}
t "N21 a guest that lies about who it is is not heard" n21_spoofing

n22_refusal_is_told() {
	is "$(attack connect "$GOOD" 2222)" 'ECONNREFUSED at once'
	says "$(sandboxes policy log egress)" '2222'
}
t "N22 a denied port: reset at once, and in the log" n22_refusal_is_told

n23_floods() {
	attack flood "$GOOD" 7777 20000
	attack nonsense "$GOOD" 443
	says "$(sandboxes exec egress curl -sS https://api.example.com/echo)" '"server": "good"'
	local pid
	pid=$(sandboxes inspect egress --json | jq '.processes[] | select(.name == "sbx-net").pid')
	# its own memory: what it has touched of the guest's is the guest's
	[ "$(awk '/^Rss(Anon|File)/ { sum += $2 } END { print sum }' "/proc/$pid/status")" -lt 16384 ]
}
t "N23 floods and nonsense cost the guest, not the host" n23_floods

same_denials() {
	forget
	is "$(attack connect "$EVIL" 443)" 'ECONNREFUSED at once'
	is "$(attack dns evil.example.net)" REFUSED
	is "$(attack ping "$GOOD")" 'no answer'
	says "$(attack datagram 8.8.8.8 53)" 'E[A-Z]* at once'
	nothing_left ".dst == \"$EVIL\" or .dst == \"8.8.8.8\" or .proto == 1"
	says "$(sandboxes exec egress curl -sS https://api.example.com/echo)" '"server": "good"'
}

n24_after_restarts() {
	sandboxes stop egress
	same_denials
	kill_daemon
	same_denials
	sandboxes policy allow network other.example.com --sandbox egress
	same_denials
}
t "N24 the same after the sandbox, the daemon and the policy came anew" n24_after_restarts

n25_open_connections() {
	sandboxes exec egress getent hosts files.example.com
	attack hold "$GOOD" 7777 60 >"$TMP/held" &
	local held=$!
	wait_for 20 grep -q hello "$TMP/held"
	sandboxes policy deny network '*.example.com:7777' --sandbox egress || sandboxes policy deny network "$GOOD:7777" --sandbox egress
	wait "$held" || true
	says "$(tail -n 1 "$TMP/held")" 'cut|ECONNRESET'
}
t "N25 a rule cuts what is open" n25_open_connections
