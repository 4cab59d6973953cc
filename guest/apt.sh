# shellcheck shell=sh
# Debian packages of another suite from the mirrors that this host uses; sourced by
# the recipes. The host's proxy settings hold, its state and settings stay untouched.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_sources SUITE: the host's Debian mirrors for SUITE, as lines of a sources.list.
apt_sources() {
	[ -r "$keyring" ] || die "no $keyring: install debian-archive-keyring"
	# shellcheck disable=SC1091
	host_suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(ORIGIN)' \
		'Created-By: Packages' 'Component: main' |
		awk -v host="$host_suite" -v suite="$1" -v keyring="$keyring" '
		# What a mirror has not told yet (no apt update so far) stays a variable.
		$4 != "Debian" && $4 !~ /^\$/ { next }
		$3 ~ /^\$/ { $3 = $2 }
		$3 != host && $3 != host "-updates" && $3 != host "-security" { next }
		{ sub("^" host, suite, $3) }
		!seen[$3]++ { print "deb [signed-by=" keyring "] " $1 " " $3 " main" }' |
		sort -k 4
}

# apt_root DIRECTORY SUITE: a private apt there, up to date, for apt_run.
apt_root() {
	apt_dir=$1
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	: >"$apt_dir/status"
	apt_sources "$2" >"$apt_dir/sources.list"
	[ -s "$apt_dir/sources.list" ] ||
		die "apt on this host names no Debian mirror (see apt-get indextargets)"
	apt_run apt-get update
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
