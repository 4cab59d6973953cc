# The policy as the command line shows it: presets, rules, decisions. No packets here.

fresh() {
	sbx policy reset -f >/dev/null
}

begin() {
	fresh
	like "$(sbx policy ls 2>&1)" "*global network policy has not been initialized*"
	sbx policy init "${1:-balanced}" >/dev/null
}

# deny STATUS PATTERN ARGS...: one sentence on stderr, nothing added
refused_rule() {
	local pattern=$1 before
	shift
	before=$(sbx policy ls --json | jq '.rules | length')
	fails 1 sbx policy "$@"
	like "$(cat "$TMP/stderr")" "ERROR: *"
	like "$(cat "$TMP/stderr")" "$pattern"
	is "$(grep -c . "$TMP/stderr")" 1
	is "$(sbx policy ls --json | jq '.rules | length')" "$before"
}

presets() {
	begin balanced
	is "$(sbx policy ls --json | jq -r .preset)" balanced
	like "$(sbx policy ls)" "POLICY*SOURCE*APPLIES TO*SUMMARY*STATUS*balanced*local*all*network: * allow*active*"
	is "$(sbx policy ls --json --created-via default --type network | jq '.rules | length')" 6
	is "$(sbx policy ls --json --type filesystem | jq -r '.rules[] | .id + " " + .resource_type + " " + .actions[0]')" \
		"$(printf '%s\n' 'default-fs-read-allow-all filesystem:read fs:mount:read' 'default-fs-write-allow-all filesystem:write fs:mount:write')"
	says "$(sbx policy ls)" 'network: [0-9]+ allow; filesystem read: 1 allow; filesystem write: 1 allow'
	fails 1 sbx policy rm network -f --id default-fs-read-allow-all
	fails 1 sbx policy init open
	like "$(cat "$TMP/stderr")" '*default policy is already set; use "sbx policy reset" first to change it*'
	fresh
	fails 1 sbx policy init nonsense
	like "$(cat "$TMP/stderr")" "*open, balanced, locked-down*"
	sbx policy init deny-all >/dev/null
	is "$(sbx policy ls --json | jq -r .preset)" locked-down
	like "$(sbx policy profile ls)" "PROFILE*RULES*RESOURCES*open*"
	fresh
	fails 1 sbx policy init # no terminal
	like "$(cat "$TMP/stderr")" "*sbx policy init balanced*"
}
t "init, once; reset; profiles; older names" presets

decisions() {
	begin balanced
	is "$(sbx policy check network pypi.org)" "Allowed: pypi.org"
	local out status=0
	out=$(sbx policy check example.com) || status=$?
	is "$status" 1
	is "$out" "Denied: example.com — no matching allow rule (default deny)"
	status=0
	out=$(sbx policy check example.com:80 --json) || status=$?
	is "$status" 1
	is "$(jq -r '.allowed, .deny_kind, .resource_type, .target' <<<"$out" | tr '\n' ' ')" "false implicit net:domain example.com:80 "
	fails 1 sbx policy check 10.0.0.1
	fails 1 sbx policy check 169.254.169.254:80
	like "$(sbx policy explain 169.254.169.254:80)" "*link-local*DENIED*"
	like "$(sbx policy explain pypi.org)" "asked: pypi.org:443 tcp*rule default-package-managers*ALLOWED*"
	refused_rule "*one host*" check '**.example.com'
	refused_rule "*URL*" check https://example.com/
	fails 2 sbx policy check
}
t "check and explain, their statuses and sentences" decisions

rules() {
	begin balanced
	local id
	like "$(sbx policy allow network Example.com)" "Rule added to policy local (scope: global): *example.com ?tcp?*"
	sbx policy check example.com
	like "$(sbx policy allow example.com)" "Rule is already in policy local*"
	refused_rule '*deny: "example.com" conflicts with existing allow rule "*' deny example.com
	id=$(sbx policy ls --json --created-via added | jq -r '.rules[0].id')
	like "$(sbx policy inspect "$id")" "*decision*allow*sbx policy rm --id $id*"
	like "$(sbx policy inspect "${id:0:8}")" "*example.com*"
	like "$(sbx policy ls --wide)" "SOURCE*APPLIES TO*POLICY*RULE_ID*DECISION*RESOURCES*STATUS*$id*"
	is "$(sbx policy ls --created-via approval)" "No policies match the selected filters."
	fails 1 sbx policy rm --id "$id" # no terminal
	sbx policy rm network --id "$id" -f
	fails 1 sbx policy check example.com
	sbx policy allow one.example,two.example:8080
	sbx policy rm --resource one.example -f
	fails 1 sbx policy check one.example
	sbx policy check two.example:8080
	refused_rule "*at least one selector is required: use --id or --resource*" rm -f
	refused_rule "*no rule matches*" rm --resource none.example -f
	refused_rule "*cannot be removed*" rm --id default-ai-services -f
	refused_rule "*no rule or policy*" inspect nothing-at-all
}
t "allow, deny, inspect, ls, rm" rules

deny_wins() {
	begin open
	sbx policy deny '**.evil.example'
	fails 1 sbx policy check a.evil.example
	like "$(sbx policy check a.evil.example || true)" '*denied: rule "local:*" matched op(action=net:connect:tcp, resource=net:domain:a.evil.example:443)*'
	is "$(sbx policy check a.evil.example --json | jq -r .deny_kind)" explicit
	fails 1 sbx policy check a.evil.example --protocol udp
	sbx policy deny '**' --method POST,PUT
	sbx policy check api.example --method GET --path /x
	fails 1 sbx policy check api.example --method POST --path /x
	like "$(sbx policy ls)" "*(L4)*(L7)*"
}
t "deny wins, by method too" deny_wins

of_a_sandbox() {
	begin balanced
	sbx policy allow --sandbox shared only.example
	sbx policy check --sandbox shared only.example
	fails 1 sbx policy check only.example
	refused_rule "*nobody*not found*" allow --sandbox nobody a.example
	refused_rule "*not found*" check --sandbox 'a&b' a.example
	like "$(sbx policy ls --sandbox shared)" "*sandbox:shared*"
	local id
	id=$(sbx policy ls --json --sandbox shared --created-via added | jq -r '.rules[0].id')
	sbx policy rm --id "$id" -f
	fails 1 sbx policy check --sandbox shared only.example
}
t "rules of one sandbox" of_a_sandbox

malformed() {
	begin balanced
	local bad
	for bad in '*' '*:443' 'https://example.com' 'http://a/b' 'user@example.com' 'a\.b' 'a b' 'bücher.example' 'example.com:0' \
		'example.com:65536' 'example.com:080' 'example.com:x' ':443' '.example.com' 'a..b' 'a.**.b' 'x**.b' '-a.b' 'a-.b' '[abc' '[].b' \
		'256.0.0.1' '1.2.3' '0x7f.1' '127.1' '2130706433' '10.0.0.1/8' '10.0.0.0/33' '::1' '2001:db8::1' '[::1' '[1.2.3.4]:80' \
		'::ffff:10.0.0.1/128' 'a:b:c' 'a$b' ',' 'a.example,,b.example' "$(printf 'a%.0s' $(seq 400))"; do
		refused_rule "*" allow -- "$bad"
		refused_rule "*" deny -- "$bad"
	done
	refused_rule "*[[]2001:db8::1]:PORT*" allow 2001:db8::1
	refused_rule "*tcp*udp*" allow a.example --protocol icmp
	refused_rule "*path*" allow a.example --path relative
	refused_rule "*path*" allow a.example --path /a/../b
	refused_rule "*methods*" allow a.example --method 'G T'
	refused_rule "*host name, not an IP*" allow 192.0.2.1 --method GET
	refused_rule "*tcp only*" allow a.example --method GET --protocol udp
	fails 2 sbx policy allow
	fails 2 sbx policy nonsense
}
t "every malformed rule is refused with a sentence" malformed

made_with() {
	begin open
	cat >"$TMP/own.policy" <<-'POLICY'
		title Own
		group own
		allow own.example:443
	POLICY
	sbx create --name locked --policy locked-down shell "$SHARED" >/dev/null
	fails 1 sbx policy check --sandbox locked example.com
	sbx policy check example.com
	sbx rm -f locked >/dev/null
	sbx create --name filed --policy "$TMP/own.policy" --deny-network bad.example,worse.example shell "$SHARED" >/dev/null
	sbx policy check --sandbox filed own.example
	fails 1 sbx policy check --sandbox filed example.com
	is "$(sbx policy check --sandbox filed worse.example --json | jq -r .deny_kind)" explicit
	fails 1 sbx run --name filed --policy open shell -- true
	like "$(cat "$TMP/stderr")" "*can only be used when creating*"
	sbx rm -f filed >/dev/null
	is "$(sbx policy ls --json | jq '[.rules[] | select(.sandbox_id == "filed")] | length')" 0
	fails 1 sbx create --name none --policy no-such-thing shell "$SHARED"
	like "$(cat "$TMP/stderr")" "*neither a preset*nor a file*"
	printf 'group g\nallow *\n' >"$TMP/bad.policy"
	fails 1 sbx create --name none --policy "$TMP/bad.policy" shell "$SHARED"
	like "$(cat "$TMP/stderr")" "*line 2*"
	fails 1 sbx create --name none --deny-network '*' shell "$SHARED"
	is "$(sbx ls -q)" shared
}
t "--policy and --deny-network when a sandbox is made" made_with

unchosen() {
	fresh
	fails 1 sbx policy check pypi.org
	sbx policy allow mine.example
	sbx policy check mine.example
	sbx create --name plain shell "$SHARED" >/dev/null 2>"$TMP/stderr"
	like "$(cat "$TMP/stderr")" "*sbx policy init balanced*"
	is "$(grep -c 'No network policy was chosen' "$TMP/stderr")" 1
	sbx rm -f plain >/dev/null
	is "$(sbx login balanced | head -n 1)" "Default policy set: balanced"
	like "$(sbx login)" "*no account*"
	like "$(sbx logout)" "*no account*"
}
t "nothing chosen, and login without an account" unchosen

# at_terminal LINE: a shell at a terminal of its own runs it; of its own tmux, too, since one that was told to end may still be there
at_terminal() {
	screen=asked-$$-$((${screen##*-} + 1))
	tmux -L "$screen" -f /dev/null new-session -d -x 120 -y 40 "$1; echo status=\$?; sleep 1000"
}
shows() { tmux -L "$screen" capture-pane -p -t 0 | grep -q -- "$1"; }
types() { tmux -L "$screen" send-keys "$@"; }

asked() {
	screen=asked-0
	export SBX_APP_NAME=asked
	trap 'tmux -L "$screen" kill-server; sbx reset -f' EXIT
	mkdir "$TMP/asked"
	at_terminal "sbx create --name first shell $TMP/asked"
	wait_for 240 shows 'Which network policy'
	shows '1, 2 or 3'
	types 3 Enter
	wait_for 240 shows 'status=0'
	is "$(sbx policy ls --json | jq -r .preset)" locked-down
	tmux -L "$screen" kill-server
	# asked once
	at_terminal "sbx create --name second shell $TMP/asked"
	wait_for 240 shows 'status=0'
	fails 1 shows 'Which network policy'
	tmux -L "$screen" kill-server
	sbx policy reset -f
	at_terminal "sbx policy init"
	wait_for 240 shows 'Which network policy'
	types Enter
	wait_for 240 shows 'status=0'
	is "$(sbx policy ls --json | jq -r .preset)" balanced
	tmux -L "$screen" kill-server
	sbx policy reset -f
	at_terminal "sbx login"
	wait_for 240 shows 'Which network policy'
	types 7 Enter
	wait_for 240 shows 'status=1'
	is "$(sbx policy ls --json 2>/dev/null | jq -r .initialized)" false
}
t "the first run asks at a terminal, once" asked

survives() {
	begin locked-down
	sbx policy allow kept.example
	sbx daemon stop
	sbx policy check kept.example
	fails 1 sbx policy check pypi.org
	is "$(sbx policy ls --json | jq -r .preset)" locked-down
}
t "policy survives the daemon" survives

records() {
	begin balanced
	is "$(sbx policy log no-such-sandbox)" "No policy log entries found"
	is "$(sbx policy log no-such-sandbox --json | jq -c .)" '{"blocked_hosts":[],"allowed_hosts":[]}'
	is "$(sbx policy approval ls no-such-sandbox)" "Nothing waits for an approval"
	fails 1 sbx policy approval allow nothing.example:443
	sbx policy allow noted.example
	like "$(sbx audit show --event policy --limit 1)" "*policy*change=add*noted.example*"
	like "$(sbx audit verify)" "* lines are right; the last hash is *"
	sbx exec shared true
	like "$(sbx audit show --event exec --sandbox shared --limit 1)" "*exec*shared*"
	local file
	file=$(ls "$(state)"/audit/audit-*.jsonl | head -n 1)
	cp "$file" "$TMP/audit.saved"
	sed -i '1s/"event":"[a-z]*"/"event":"other"/' "$file"
	fails 1 sbx audit verify
	like "$(cat "$TMP/stderr")" "*broken after 0 lines*"
	cat "$TMP/audit.saved" >"$file"
	sbx audit verify
}
t "log, approvals and audit" records

fresh
sbx policy init balanced >/dev/null
