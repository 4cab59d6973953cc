# shellcheck shell=sh
# The cache of what the recipes here build; sourced by them.
#
# A result is found by the hash of its inputs, is built in a temporary directory
# beside its final place, and is renamed into it: a reader sees all of it or nothing.
# Builds of one kind take turns.

cache=${SBX_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sbx}
case $cache in
/*) ;;
*) cache=$PWD/$cache ;;
esac

die() {
	echo "$kind: $*" >&2
	exit 1
}

# cache_key FILE...: the hash of their names and contents, 32 hexadecimal digits.
cache_key() {
	sha256sum -- "$@" | sha256sum | cut -c1-32
}

# build_begin KIND: waits for its turn and sends what follows to a log, with a
# line of progress on standard error. Sets $work, an empty directory for the result.
# When the script ends before build_end, the end of the log is shown.
build_begin() {
	mkdir -p "$cache/$1"
	log=$cache/$1/build.log
	exec 9>"$cache/$1/lock"
	flock -n 9 || {
		echo "$1: another build is running; waiting for it" >&2
		flock 9
	}
	remove "$cache/$1"/.new.*
	work=$(mktemp -d "$cache/$1/.new.XXXXXX")
	chmod 755 "$work"
	exec 3>&2 4>&1 >"$log" 2>&1
	trap 'build_failed' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	progress "$1" >&3 2>&3 3>&- 4>&- 9>&- &
	progress=$!
}

# keep DIRECTORY: puts the finished $work there, unless there is one already.
keep() {
	[ -e "$1" ] || mv -T "$work" "$1"
}

# build_end: cleans up and gives the standard streams back.
build_end() {
	trap - EXIT INT TERM HUP
	remove "$work"
	progress_stop
	exec >&4 2>&3 3>&- 4>&- 9>&-
}

build_failed() {
	status=$?
	progress_stop
	{
		echo "$kind: the build failed; the end of $log:"
		tail -n 15 "$log"
	} >&3
	remove "$work"
	exit "$status"
}

# Files of a build by an ordinary user may belong to the ids that are mapped to them.
remove() {
	rm -rf "$@" 2>/dev/null || as_root rm -rf "$@"
}

# as_root COMMAND...: root, or the root of a user namespace that maps this user to 0.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		unshare --map-root-user --map-auto -- "$@"
	fi
}

progress() {
	trap '' INT
	start=$(date +%s)
	next=15
	while sleep 1 && kill -0 $$ 2>/dev/null; do
		seconds=$(($(date +%s) - start))
		line=$(printf '%s: %d:%02d %s' "$1" $((seconds / 60)) $((seconds % 60)) \
			"$(tail -n 1 "$log" | tr -cd '[:print:]' | sed 's/^ *//; s/  */ /g')")
		if [ -t 1 ]; then
			printf '\r\033[K%.79s' "$line"
		elif [ "$seconds" -ge "$next" ]; then
			echo "$line"
			next=$((seconds + 15))
		fi
	done
}

progress_stop() {
	kill "$progress" 2>/dev/null || :
	wait "$progress" 2>/dev/null || :
	if [ -t 3 ]; then
		printf '\r\033[K' >&3
	fi
}
