# OAuth logins whose tokens stay on the host: made by the user's browser here, or by a program in a sandbox; renewed here.
# The service is a stand-in, of the world: nothing in it is special but its data file.

world_needed || return 0

LOGIN=$TMP/login
mkdir -p "$LOGIN" "$TMP/services"
cat >"$TMP/services/standin.service" <<'END'
service standin
env STANDIN_KEY
inject x-standin raw never.example.com
oauth-token-url https://login.example.com/oauth/token
oauth-client client-1 json
oauth-login https://login.example.com/oauth/ask http://localhost:1455/auth/callback scope=all
oauth-sentinels standin-access-proxy-managed standin-refresh-proxy-managed
oauth-hosts api.example.com
oauth-file .standin/auth.json
oauth-text {"access":"%access%","refresh":"%refresh%","id":"%id%"}
END

login() {
	in_host env SBX_APP_NAME=login SBX_SERVICES="$TMP/services" SBX_UPSTREAM_PROXY= CURL_CA_BUNDLE="$WORLD_CA" sbx "$@"
}
guest() { login exec one "$@"; }
# used TOKEN: whether a request to the API carried it
used() { [ "$(seen requests ".path == \"/echo\" and (.headers | any(.[1] == \"Bearer $1\"))")" -gt 0 ]; }
ask_api() { guest curl -sS -m 20 -H 'Authorization: Bearer standin-access-proxy-managed' https://api.example.com/echo; }

browser_login() {
	local state
	login policy init locked-down
	fails 1 login secret set standin --oauth --sandbox one
	fails 1 login secret set nobody --oauth
	login secret set standin --oauth >"$TMP/login.out" 2>"$TMP/login.err" &
	wait_for 30 grep -q 'login.example.com/oauth/ask' "$TMP/login.err"
	says "$(cat "$TMP/login.err")" 'client_id=client-1.*code_challenge=.*code_challenge_method=S256.*scope=all'
	state=$(grep -o 'state=[A-Za-z0-9_-]*' "$TMP/login.err")
	is "$(in_host curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:1455/auth/callback?code=evil&state=other")" 404
	says "$(in_host curl -sS "http://127.0.0.1:1455/auth/callback?code=the-code&$state")" 'logged in'
	wait $!
	is "$(head -n 1 "$TMP/login.out")" 'Logged in to standin; the tokens stay on this machine'
	like "$(login secret ls)" "*standin*(oauth configured)*"
}
t "a login by the browser: the code is taken for its state only" browser_login

tokens_are_used() {
	login create --name one --keep-alive --extra-ca "$WORLD_CA" shell "$LOGIN"
	login policy allow network api.example.com,login.example.com --sandbox one
	like "$(guest cat /home/agent/.standin/auth.json)" '{"access":"standin-access-proxy-managed","refresh":"standin-refresh-proxy-managed","id":"head.claims.proxy-managed"}'
	is "$(guest sh -c 'echo $SBX_CRED_STANDIN_MODE')" oauth
	# the first token was at its end when it came: sbxd fetched the next
	forget
	says_not "$(ask_api)" 'oauth-(access|refresh)'
	used oauth-access-2
	is "$(guest sh -c 'grep -rlsa "oauth-access-\|oauth-refresh-" /home/agent /proc/*/environ' || true)" ""
}
t "requests carry the renewed token, and the guest finds words that stand for it" tokens_are_used

login_in_the_guest() {
	local reply
	reply=$(guest curl -sS -m 20 -H 'Content-Type: application/json' \
		-d '{"grant_type":"authorization_code","code":"the-code","client_id":"client-1"}' https://login.example.com/oauth/token)
	is "$(jq -r '.access_token + " " + .refresh_token + " " + .id_token' <<<"$reply")" \
		'standin-access-proxy-managed standin-refresh-proxy-managed head.claims.proxy-managed'
	forget
	wait_for 20 asked_with oauth-access-3
	reply=$(guest curl -sS -m 20 -H 'Content-Type: application/json' \
		-d '{"grant_type":"refresh_token","refresh_token":"standin-refresh-proxy-managed","client_id":"client-1"}' https://login.example.com/oauth/token)
	is "$(jq -r .refresh_token <<<"$reply")" standin-refresh-proxy-managed
	wait_for 20 asked_with oauth-access-4
}
asked_with() {
	ask_api >/dev/null
	used "$1"
}
t "a login made, and renewed, by a program in the guest: it gets words, the host the tokens" login_in_the_guest

shared_and_removed() {
	mkdir -p "$TMP/login2"
	login create --name two --keep-alive --extra-ca "$WORLD_CA" shell "$TMP/login2"
	login policy allow network api.example.com --sandbox two
	forget
	login exec two curl -sS -m 20 -H 'Authorization: Bearer standin-access-proxy-managed' https://api.example.com/echo >/dev/null
	used oauth-access-4
	is "$(login secret rm -f standin | head -n 1)" 'Removed secret standin (scope: global)'
	forget
	ask_api >/dev/null || true
	is "$(seen requests '(.headers | tostring) | contains("oauth-")')" 0
	is "$(login secret ls)" 'No secrets found for scope "all".'
}
t "another sandbox has the login too; removed, nobody has it" shared_and_removed

login reset --force >/dev/null 2>&1
