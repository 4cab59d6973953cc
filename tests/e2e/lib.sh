# What every end-to-end area uses. Sourced by `run`; bash.
#
#   t NAME FUNCTION     one line of TAP: FUNCTION runs under `set -e` in a subshell; its output is shown when it fails
#   skip NAME WHY       counts a case that cannot run on this machine
#   shared              the name of a running sandbox that areas share, made by `run`; its workspace is $SHARED
#   wait_for SECONDS COMMAND...   until COMMAND succeeds, with a deadline
#
# Within FUNCTION: is GOT WANT, like TEXT PATTERN, says TEXT REGEX, fails STATUS COMMAND...

number=0
failures=0

# The longest a case may take before it counts as hung; not a measure of speed.
CASE_SECONDS=${CASE_SECONDS:-240}

# The case that runs, a process group of its own, and what watches over it; for who ends early.
case= watchdog=
drop_case() {
	[ -z "$case" ] || kill -KILL -- "-$case"
	[ -z "$watchdog" ] || pkill -P "$watchdog"
} 2>/dev/null

t() {
	local name=$1 status
	number=$((number + 1))
	set -m
	(
		set -eE
		trap 'echo "failed at line $LINENO: $BASH_COMMAND"' ERR
		"$2"
	) >"$TMP/case.log" 2>&1 </dev/null &
	case=$!
	set +m
	(sleep "$CASE_SECONDS" && echo "hung: ended after $CASE_SECONDS s" >>"$TMP/case.log" && kill -KILL -- -$case) 2>/dev/null &
	watchdog=$!
	wait $case 2>/dev/null
	status=$?
	pkill -P $watchdog 2>/dev/null
	wait $watchdog 2>/dev/null
	case= watchdog=
	if [ $status -eq 0 ]; then
		echo "ok $number - $area: $name"
	else
		failures=$((failures + 1))
		tail -n 40 "$TMP/case.log" | sed 's/^/# /'
		echo "not ok $number - $area: $name"
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $area: $1 # SKIP $2"
}

is() {
	[ "$1" = "$2" ] || { printf 'got:  %s\nwant: %s\n' "$1" "$2"; return 1; }
}

like() {
	# shellcheck disable=SC2053
	[[ $1 == $2 ]] || { printf 'got:  %s\nlike: %s\n' "$1" "$2"; return 1; }
}

# says TEXT REGEX, says_not TEXT REGEX: whether some line of the text matches
says() {
	grep -qE -- "$2" <<<"$1" || { printf 'got:  %s\nsays: %s\n' "$1" "$2"; return 1; }
}

says_not() {
	! grep -qE -- "$2" <<<"$1" || { printf 'got:  %s\nsays: %s\n' "$1" "$2"; return 1; }
}

# fails STATUS COMMAND...: it must exit with just that; its stderr goes to $TMP/stderr, and is one sentence
fails() {
	local want=$1 got=0
	shift
	"$@" 2>"$TMP/stderr" || got=$?
	cat "$TMP/stderr"
	is "$got" "$want"
}

# layers TEMPLATE: its files, the lowest first
layers() {
	(cd "$SBX_TEMPLATES" && grep -o '"[^"]*\.erofs"' "$1.json" | tr -d '"' | xargs realpath)
}

wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || { echo "never true: $*"; return 1; }
		sleep 0.05
	done
}

# every process of sandboxes of this run, by their command lines' run folder or their parent; one pid a line
processes() {
	local pid
	for pid in $(sbx inspect "$1" --json | jq -r '.processes[]?.pid'); do
		[ -d "/proc/$pid" ] && echo "$pid"
	done
	return 0
}

# folder_of_state: where sbxd keeps sandboxes of this run
state() {
	echo "$XDG_STATE_HOME/sbx"
}
