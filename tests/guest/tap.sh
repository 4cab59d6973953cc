# shellcheck shell=sh
# TAP from a shell test; sourced by the tests here.

tests=$(cd "$(dirname "$0")" && pwd)
guest=$(cd "$tests/../../guest" && pwd)
checks=0
work=$(mktemp -d)

# check NAME COMMAND...: a test point that holds if the command succeeds. What the command
# says is shown if it fails.
check() {
	name=$1
	shift
	checks=$((checks + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $checks - $name"
	else
		echo "not ok $checks - $name"
		sed 's/^/# /' "$work/said"
	fi
}

# skip NAME REASON: a test point that cannot be had here.
skip() {
	checks=$((checks + 1))
	echo "ok $checks - $1 # SKIP $2"
}

fails() {
	! "$@"
}

same() {
	[ "$1" = "$2" ] || {
		echo "found '$1', expected '$2'"
		return 1
	}
}

done_testing() {
	echo "1..$checks"
}
