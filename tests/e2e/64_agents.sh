# The real command lines of the agents, each in its template, against stand-ins of their APIs (world/models.py): the key
# arrives there, the sentinel is all that the guest has, and a tool call of the model becomes a file of the workspace.
# They are large programs, and slow where the processor is emulated: nothing here is judged by the time it takes.

world_needed || return 0

AGENTS=$TMP/agents
agents() { in_host env SBX_APP_NAME=agents sbx "$@"; }
CASE_SECONDS=900

agents_begin() {
	agents policy init balanced
	mkdir -p "$AGENTS/shell"
	agents run --rm shell "$AGENTS/shell" -- true 2>"$TMP/got"
	says_not "$(cat "$TMP/got")" NOTE
	fails 1 agents create clod "$AGENTS/shell"
	says "$(cat "$TMP/stderr")" "there is no agent 'clod'; there are: claude, codex, "
}
t "a shell has no credential and misses none; a word that is no agent is told which there are" agents_begin

# key SERVICE: the real one, never to be seen in a guest
key() { echo "real-key-of-$1-0123456789abcdef"; }

# errand AGENT SERVICE HEADER VALUE VARIABLE SENTINEL -- ARG...: one prompt, with the agent's own flags before ARG
errand() {
	local agent=$1 service=$2 header=$3 value=$4 variable=$5 sentinel=$6 folder=$AGENTS/$1
	shift 6
	mkdir -p "$folder"
	git init -q "$folder"
	key "$service" | agents secret set "$service" --force
	forget
	agents run --name "$agent" --keep-alive --extra-ca "$WORLD_CA" "$agent" "$folder" "$@" \
		"Please write $agent-was-here to $folder/file.txt." >"$TMP/$agent.log" 2>&1 || { tail -n 30 "$TMP/$agent.log"; return 1; }
	is "$(cat "$folder/file.txt")" "$agent-was-here"
	[ "$(seen requests ".method == \"POST\" and any(.headers[]; . == [\"$header\", \"$value\"])")" -ge 2 ]
	is "$(seen requests "any(.headers[][1]; contains(\"$sentinel\"))")" 0
	is "$(agents exec "$agent" printenv "$variable")" "$sentinel"
	is "$(agents exec --privileged "$agent" sh -c 'grep -rls -- "$0" /home /etc /tmp "$1"; true' "$(key "$service")" "$folder")" ''
	says_not "$(cat "$TMP/$agent.log")" "NOTE: "
}

# has AGENT: whether its template could be built
has() {
	[ -f "$SBX_TEMPLATES/$1.json" ] || { skip "$1: a prompt, a tool, a file" "its template could not be built here"; return 1; }
}
end() { agents rm --force "$1" >/dev/null 2>&1; }

claude_asks() {
	mkdir -p "$AGENTS/claude"
	agents run --name asks --extra-ca "$WORLD_CA" claude "$AGENTS/claude" -- --version >"$TMP/asks.log" 2>&1
	says "$(cat "$TMP/asks.log")" 'NOTE: claude has no credential; give it one with: sbx secret set anthropic'
	says "$(cat "$TMP/asks.log")" 'Claude Code'
	agents rm --force asks
}
claude_runs() { errand claude anthropic x-api-key "$(key anthropic)" ANTHROPIC_API_KEY proxy-managed -- -p; }
claude_opens() {
	local screen=$TMP/screen
	SBX_APP_NAME=agents in_host script -qfc "stty rows 40 cols 100; sbx run --name claude" "$screen" </dev/null >/dev/null 2>&1 &
	wait_for 300 grep -aqE 'bypass.{0,20}permissions.{0,20}on' "$screen"
	says_not "$(tr -d '\0' <"$screen")" 'trust|text style|default permission mode'
	kill $!
}
codex_runs() { errand codex openai authorization "Bearer $(key openai)" OPENAI_API_KEY proxy-managed -- exec --dangerously-bypass-approvals-and-sandbox; }
gemini_runs() { errand gemini google x-goog-api-key "$(key google)" GEMINI_API_KEY proxy-managed -- -p; }
opencode_runs() { errand opencode anthropic x-api-key "$(key anthropic)" ANTHROPIC_API_KEY proxy-managed -- run --model anthropic/claude-sonnet-4-5; }
copilot_runs() { errand copilot github authorization "Bearer $(key github)" GH_TOKEN gho_sbxproxymanaged000000000000000000000 -- -p; }
droid_runs() { errand droid anthropic x-api-key "$(key anthropic)" ANTHROPIC_API_KEY proxy-managed -- exec --skip-permissions-unsafe -m custom:Claude-Sonnet-0; }
openclaw_runs() { errand openclaw anthropic x-api-key "$(key anthropic)" ANTHROPIC_API_KEY proxy-managed -- agent exec --model anthropic/claude-sonnet-4-6; }

if has claude; then t "claude without a key is told what to type" claude_asks; fi
for agent in claude codex gemini opencode copilot droid openclaw; do
	if has $agent; then
		t "$agent: a prompt, a tool, a file; the key outside, its sentinel inside" ${agent}_runs
		[ $agent != claude ] || t "claude: on a terminal its first start asks nothing" claude_opens
		end $agent
	fi
done
agents reset --force >/dev/null 2>&1
