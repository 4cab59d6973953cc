# Runs in the guest: each load, RUNS times; one line "LOAD SECONDS" each.
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' GIT_CONFIG_KEY_1=gc.auto GIT_CONFIG_VALUE_1=0
# The clock of a shell is coarse, but a status takes long.
status() {
	begin=$(date +%s%N)
	git -C repo status --porcelain >/dev/null 2>&1
	end=$(date +%s%N)
	echo "$1 $(((end - begin) / 1000))e-6"
}
git -C repo status --porcelain >/dev/null 2>&1 # the index learns what files look like here
run=0
while [ $run -lt "$(cat runs)" ]; do
	sync
	echo 3 >/proc/sys/vm/drop_caches
	status git-status-cold
	status git-status-warm
	for load in random read write names; do
		echo "$load $(./load $load data)"
	done
	run=$((run + 1))
done
echo done 0
