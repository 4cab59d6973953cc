# More than one mount: read-only, remapped, single files, added while it runs; what of a repository is read-only.

mounts_at_create() {
	mkdir -p "$TMP/m/tree" "$TMP/m/lib" "$TMP/m/data"
	echo lib >"$TMP/m/lib/l"
	echo one >"$TMP/m/file"
	mkdir "$TMP/m/tree/built"
	echo host >"$TMP/m/tree/built/own"
	sbx create --name mounts --fast-dirs built,web/node_modules --mount "$TMP/m/data:/data" --mount "$TMP/m/file:/etc/one:ro" shell "$TMP/m/tree" "$TMP/m/lib:ro"
	is "$(sbx exec mounts cat "$TMP/m/lib/l")" lib
	fails 1 sbx exec mounts touch "$TMP/m/lib/new"
	fails 1 sbx exec -u root mounts sh -c "mount -o remount,rw $TMP/m/lib; touch $TMP/m/lib/new"
	test ! -e "$TMP/m/lib/new"
	sbx exec mounts touch /data/made
	test -e "$TMP/m/data/made"
	is "$(sbx exec mounts cat /etc/one)" one
	fails 2 sbx exec -u root mounts sh -c 'echo two > /etc/one'
	is "$(cat "$TMP/m/file")" one
}
t "read-only is enforced on the host, --mount remaps, a file can be mounted" mounts_at_create

read_only_within() {
	mkdir -p "$TMP/m/tree/inner"
	echo own >"$TMP/m/tree/inner/f"
	sbx mount mounts "$TMP/m/tree/inner:ro"
	fails 2 sbx exec mounts sh -c 'echo changed >inner/f'
	fails 2 sbx exec -u root mounts sh -c "umount $TMP/m/tree/inner && echo changed >$TMP/m/tree/inner/f"
	fails 1 sbx exec -u root mounts mv "$TMP/m/tree/inner" "$TMP/m/tree/moved"
	is "$(cat "$TMP/m/tree/inner/f")" own
}
t "a folder mounted read-only within the workspace is so also when its mount is taken away" read_only_within

links_across_mounts() {
	sbx exec mounts touch "$TMP/m/tree/here"
	fails 1 sbx exec mounts ln "$TMP/m/tree/here" /data/there
	test ! -e "$TMP/m/data/there"
}
t "no hard link from one mount to another" links_across_mounts

mount_while_running() {
	mkdir -p "$TMP/m/late"
	echo late >"$TMP/m/late/f"
	sbx mount mounts "$TMP/m/late:/late"
	is "$(sbx exec mounts cat /late/f)" late
	sbx stop mounts
	is "$(sbx exec mounts cat /late/f)" late
}
t "a mount added while it runs is there at once and after a restart" mount_while_running

fast_folders() {
	is "$(sbx exec mounts sh -c 'stat -c %U built web/node_modules; ls built')" $'agent\nagent'
	sbx exec mounts sh -c 'echo inside >built/made; echo inside >web/node_modules/made'
	is "$(ls -A "$TMP/m/tree/built" "$TMP/m/tree/web/node_modules")" "$TMP/m/tree/built:
own

$TMP/m/tree/web/node_modules:"
	is "$(sbx exec mounts stat -c %d built)" "$(sbx exec mounts stat -c %d /)"
	sbx stop mounts
	is "$(sbx exec mounts cat built/made web/node_modules/made)" $'inside\ninside'
	is "$(sbx inspect --json mounts | jq -c .fast_dirs)" '["built","web/node_modules"]'
	fails 1 sbx run --name mounts --fast-dirs more
}
t "fast folders lie on the sandbox's disk, and stay there; the host sees none of it" fast_folders

# what the host put in the place of one meanwhile
fast_folder_replaced() {
	sbx stop mounts
	rm -r "$TMP/m/tree/web/node_modules"
	ln -s /etc "$TMP/m/tree/web/node_modules"
	fails 1 sbx exec mounts true
	says "$(cat "$TMP/stderr")" "'$TMP/m/tree/web/node_modules' is no folder"
	rm "$TMP/m/tree/web/node_modules"
	is "$(sbx exec mounts cat web/node_modules/made)" inside
	fails 1 sbx create --name wrong --fast-dirs ../up shell "$TMP/m/tree"
	says "$(cat "$TMP/stderr")" 'a path below the workspace'
}
t "a link in the place of a fast folder is refused, and its contents wait" fast_folder_replaced

# A repository with a remote, a hook of its own and a file; sandbox `repo` has it as workspace.
repository_made() {
	local repo="$TMP/repo"
	git init -q -b main "$TMP/origin" && git -C "$TMP/origin" commit -q --allow-empty -m first
	git clone -q "$TMP/origin" "$repo"
	git -C "$repo" config user.name g
	git -C "$repo" config user.email g@g
	printf '#!/bin/sh\nexit 0\n' >"$repo/.git/hooks/pre-commit"
	chmod +x "$repo/.git/hooks/pre-commit"
	ln "$repo/.git/hooks/pre-commit" "$repo/second-name"
	cat "$repo/.git/config" "$repo"/.git/hooks/* | cksum >"$TMP/repo.sum"
	sbx create --name repo shell "$repo" "$TMP/origin"
}

repository_unchanged() {
	local repo="$TMP/repo"
	is "$(cat "$repo/.git/config" "$repo"/.git/hooks/* | cksum)" "$(cat "$TMP/repo.sum")"
	test ! -e "$repo/.git/commondir" && test ! -e "$repo/.git/config.lock"
}

git_works_in_a_protected_repository() {
	repository_made
	sbx exec repo bash -ec '
		for i in $(seq 20); do echo "file $i" > f$i; done
		git add f* && git commit -qm second
		git checkout -qb topic && echo more >> f1 && git commit -qam third
		echo dirty >> f2 && git stash -q && git stash pop -q && git checkout -q f2
		git checkout -q main && echo else > g && git add g && git commit -qm fourth
		git rebase -q main topic && git checkout -q main && git merge -q topic
		git tag -a -m tagged v1 && git branch -q -d topic && git fetch -q
		git worktree add -q w -b w && git worktree remove w
		git gc -q && git fsck --strict && git pull -q --rebase'
	is "$(git -C "$TMP/repo" log -1 --format=%s)" third
	repository_unchanged
}
t "git works in a repository whose hooks and config are read-only" git_works_in_a_protected_repository

git_config_says_why() {
	says "$(sbx exec repo git config user.name agent 2>&1 || true)" "config.*Read-only file system"
	repository_unchanged
}
t "git config in the guest says that the file is read-only" git_config_says_why

a_branch_of_the_remote() {
	git -C "$TMP/origin" branch theirs
	sbx exec repo git fetch -q
	fails 1 sbx exec repo git checkout theirs
	sbx exec repo git checkout -q theirs
	is "$(git -C "$TMP/repo" branch --show-current)" theirs
	repository_unchanged
}
t "a branch of the remote is checked out, its upstream not noted" a_branch_of_the_remote

nothing_is_planted() {
	sbx exec -u root repo bash -c '
		mkdir evil; echo x > evil/pre-push; git init -q --bare evil/bare
		try() { "$@" 2>/dev/null && { echo "worked: $*"; exit 3; }; true; }
		try cp evil/pre-push .git/hooks/pre-push
		try mv evil/pre-push .git/hooks/
		try ln evil/pre-push .git/hooks/pre-push
		try ln -s ../../evil/pre-push .git/hooks/pre-push
		try mv .git/hooks .git/old
		try mv -T evil .git/hooks
		try rm -rf .git/hooks .git/config
		try mv .git old
		try mv evil/bare/HEAD HEAD
		try ln .git/config mine
		try truncate -s 0 .git/config
		try chmod -x .git/hooks/pre-commit
		try sh -c "echo x >> second-name"
		try sh -c "echo ../evil > .git/commondir"
		try sh -c "echo x > .git/config.worktree"
		mount -o remount,rw "$PWD"
		try sh -c "echo x >> .git/config"
		true'
	test -d "$TMP/repo/.git" && test ! -e "$TMP/repo/HEAD" && test ! -e "$TMP/repo/.git/hooks/pre-push"
	repository_unchanged
}
t "root of the guest plants no hook and no config by write, rename, link or by moving .git" nothing_is_planted

mounts_gone() {
	sbx rm -f repo
	sbx rm -f mounts
	test -e "$TMP/m/data/made"
}
t "rm leaves what was mounted" mounts_gone
