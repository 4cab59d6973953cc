# Runs in the guest: each load, RUNS times. The host takes the time between "begin LOAD" and "end LOAD".
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' GIT_CONFIG_KEY_1=gc.auto GIT_CONFIG_VALUE_1=0
drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}
timed() {
	echo "begin $1"
	shift
	"$@" >/dev/null 2>&1 || echo "failed $*"
	echo "end -"
}
git -C repo status --porcelain >/dev/null 2>&1 # the index learns what files look like here
run=0
while [ $run -lt "$(cat runs)" ]; do
	drop_caches
	timed git-status-cold git -C repo status --porcelain
	timed git-status-warm git -C repo status --porcelain
	for load in random read; do
		drop_caches
		timed $load ./load $load data
	done
	timed write ./load write data
	timed names ./load names data
	run=$((run + 1))
done
echo "done -"
