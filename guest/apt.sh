# shellcheck shell=sh
# Debian packages of another suite from the mirrors that this host uses; sourced by
# the recipes. The host's proxy settings hold, its state and settings stay untouched.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_root DIRECTORY SUITE: a private apt there, up to date, for apt_run.
apt_root() {
	apt_dir=$1
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/host/partial" "$apt_dir/archives/partial"
	: >"$apt_dir/status"
	apt_sources "$2" >"$apt_dir/sources.list"
	[ -s "$apt_dir/sources.list" ] || die "apt on this host names no Debian mirror: see apt-get indextargets"
	apt_run apt-get update
}

# apt_sources SUITE: the host's Debian mirrors for SUITE, as lines of a sources.list.
apt_sources() {
	[ -r "$keyring" ] || die "no $keyring: install debian-archive-keyring"
	# shellcheck disable=SC1091
	host_suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	host_mirrors | awk -v host="$host_suite" -v suite="$1" -v keyring="$keyring" '
		$3 != "Debian" || $2 != host && $2 != host "-updates" && $2 != host "-security" { next }
		{ sub("^" host, suite, $2) }
		!seen[$2]++ { print "deb [signed-by=" keyring "] " $1 " " $2 " main" }' |
		LC_ALL=C sort -k 4
}

# host_mirrors: address, codename and origin of what the host's apt knows; where its lists
# were thrown away (as images for containers do), what it would know after an update.
host_mirrors() {
	[ -n "$(apt-get indextargets)" ] || {
		set -- -o Dir::State::lists="$apt_dir/host" -o Dir::Cache="$apt_dir"
		apt-get "$@" -q -o APT::Sandbox::User=root update >&2
	}
	# shellcheck disable=SC2016
	apt-get "$@" indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN)' \
		'Created-By: Packages' 'Component: main'
}

# apt_run COMMAND...: an apt command in the private apt.
apt_run() {
	command=$1
	shift
	"$command" -q \
		-o Dir::State="$apt_dir" -o Dir::State::lists="$apt_dir/lists" \
		-o Dir::State::status="$apt_dir/status" -o Dir::Cache="$apt_dir" \
		-o Dir::Etc::SourceList="$apt_dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o APT::Architectures=amd64 -o APT::Sandbox::User=root \
		-o Acquire::Languages=none "$@"
}
