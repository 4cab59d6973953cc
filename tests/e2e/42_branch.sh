# Branch mode: a copy of the repository for each sandbox, and what comes back of it. Most is against real git alone;
# two sandboxes are booted.
mkdir -p "$TMP/branch"

# new_repo NAME: a repository with one commit, which becomes the current folder
new_repo() {
	git init -q -b main "$TMP/branch/$1"
	cd "$TMP/branch/$1"
	echo a >a
	git add a
	git commit -qm first
}

# what of the user's repository must stay as it is
checkout_of() {
	(cd "$1" && git rev-parse HEAD && git status --porcelain && git for-each-ref refs/heads refs/remotes refs/tags && cksum .git/index .git/config .git/HEAD a)
}

branch_made() {
	new_repo one
	echo dirty >>a
	checkout_of . >"$TMP/branch/before"
	sbx create --name b-one --keep-alive --branch topic/x shell . 2>"$TMP/branch/notes"
	says "$(cat "$TMP/branch/notes")" 'NOTE: 1 changed file of your checkout is not in the branch'
	is "$(sbx exec b-one pwd)" "$TMP/branch/one/.sbx/topic-x"
	is "$(sbx exec b-one git symbolic-ref --short HEAD)" topic/x
	is "$(sbx exec b-one cat a)" a
	checkout_of . | cmp - "$TMP/branch/before"
}
t "a sandbox gets a copy of the repository on its branch; the checkout stays as it is" branch_made

work_is_done() {
	cd "$TMP/branch/one"
	sbx exec b-one bash -ec '
		echo b >b && git add b && git commit -qm second
		git checkout -qb side && git commit -q --allow-empty -m side && git checkout -q topic/x
		git stash list && git tag t1 && git gc -q && git fsck --strict
		git log --oneline main.. | grep second && git config user.email'
	checkout_of . | cmp - "$TMP/branch/before"
	is "$(sbx branch ls --json | jq -r '.branches[] | "\(.branch) \(.sandbox) \(.commits)"')" "topic/x b-one 1"
	says "$(sbx branch ls)" "topic/x +b-one +running +1 +$TMP/branch/one/.sbx/topic-x"
}
t "commits, branches, tags and gc in the sandbox; ls counts what is new" work_is_done

# The copy's configuration is read-only there: what git does by itself must not want to write it.
configured() {
	git init -q -b main "$TMP/branch/lib" && git -C "$TMP/branch/lib" commit -q --allow-empty -m lib
	new_repo remote
	git -c protocol.file.allow=always submodule --quiet add "$TMP/branch/lib" lib
	git config -f .gitmodules submodule.lib.url ../lib.git
	git commit -qam lib
	git remote add origin https://git.example/app.git
	git update-ref refs/remotes/origin/theirs main
	sbx create --name b-conf --keep-alive --branch mine shell . 2>"$TMP/branch/notes"
	says "$(cat "$TMP/branch/notes")" 'NOTE: submodules are empty'
	sbx exec b-conf git checkout theirs
	sbx exec b-conf git switch -q mine
	is "$(sbx exec b-conf git submodule status | cut -c1)" -
	fails 255 sbx exec b-conf git config a.b c
	# Only the way to the server is missing.
	fails 1 sbx exec b-conf git submodule update --init
	says "$(cat "$TMP/stderr")" 'https://git.example/lib.git'
	says_not "$(cat "$TMP/stderr")" 'lock config'
	sbx rm -f b-conf
}
t "a branch of a remote is checked out, and submodules updated, without writing the configuration" configured

nothing_of_the_users_is_writable() {
	cd "$TMP/branch/one"
	fails 2 sbx exec -u root b-one sh -c "echo x > $TMP/branch/one/.git/objects/planted"
	fails 1 sbx exec -u root b-one sh -c "rm -rf $TMP/branch/one/.git/objects/*"
	fails 2 sbx exec b-one ls "$TMP/branch/one/.git/HEAD"
	fails 2 sbx exec b-one ls "$TMP/branch/one/a"
	git fsck --strict
}
t "the sandbox sees the user's objects read-only, and neither their branches nor their checkout" nothing_of_the_users_is_writable

# What an agent can try so that git on the host runs its program.
planted_program_does_not_run() {
	cd "$TMP/branch/one"
	sbx exec b-one bash -c '
		evil="touch '"$TMP"'/b/ran"
		printf "#!/bin/sh\n$evil\n" | tee .git/hooks/post-checkout .git/hooks/post-merge >hook; chmod +x hook
		git config core.fsmonitor "$evil"; git config core.hooksPath "$PWD"; echo "[core]" >.git/config.worktree
		echo "* filter=evil diff=evil merge=evil" >.gitattributes
		cp hook post-merge; cp hook post-checkout; cp hook reference-transaction
		git add -A && git commit -qm planted'
	test ! -e .sbx/topic-x/.git/hooks/post-checkout
	# The sandbox could not write the configuration; be it that it could.
	local evil="touch $TMP/branch/ran; false"
	cp .sbx/topic-x/.git/config "$TMP/branch/config"
	for key in core.sshCommand core.editor core.pager diff.external diff.evil.textconv filter.evil.clean filter.evil.process \
		merge.evil.driver gpg.program credential.helper alias.diff alias.fetch uploadpack.packObjectsHook core.fsmonitor; do
		git -C .sbx/topic-x -c core.fsmonitor=false config "$key" "$evil"
	done
	git -C .sbx/topic-x config core.hooksPath "$PWD/.sbx/topic-x"
	git -C .sbx/topic-x config includeIf.gitdir:/.path "$PWD/.sbx/topic-x/hook"
	git config filter.evil.smudge "touch $TMP/branch/ran; cat"
	git config merge.evil.driver "touch $TMP/branch/ran"
	git config diff.evil.textconv "touch $TMP/branch/ran; cat"
	git config diff.evil.command "touch $TMP/branch/ran"
	sbx branch ls
	sbx branch diff topic/x
	sbx branch diff --stat topic/x
	sbx review topic/x >/dev/null
	git branch -q before && sbx branch fetch topic/x && git branch -qD topic/x
	git checkout -q a
	sbx branch merge topic/x
	test -e b
	test ! -e "$TMP/branch/ran"
	cp "$TMP/branch/config" .sbx/topic-x/.git/config
	git config --remove-section filter.evil
	is "$(git status --porcelain)" ""
}
t "hooks, drivers and settings that an agent plants do not run on the host" planted_program_does_not_run

diff_shows_what_is_not_committed() {
	cd "$TMP/branch/one"
	sbx exec b-one bash -c 'printf "n\e]0;title\a\n" >new; echo c >>b'
	says "$(sbx branch diff b-one)" '^\+c$'
	says "$(cd / && sbx branch diff --stat b-one)" 'new +\| 1'
	says_not "$(sbx branch diff --committed topic/x)" '^\+c$'
	# On a terminal, what drives it is shown as text.
	says "$(script -qec 'sbx branch diff topic/x' /dev/null)" '^\+n\\x1b\]0;title\\x07'
	fails 1 sbx branch merge topic/x
	says "$(cat "$TMP/stderr")" '2 files of branch .topic/x. are not committed'
	is "$(sbx branch merge --committed topic/x)" "Nothing to merge: you have all commits of topic/x"
	sbx exec b-one bash -c 'git add -A && git commit -qm third'
	is "$(sbx branch fetch b-one)" "Fetched into your branch topic/x"
	is "$(git show topic/x:b | tail -n1)" c
}
t "diff shows what is not committed, harmless to a terminal; merge asks for a commit" diff_shows_what_is_not_committed

comes_back() {
	cd "$TMP/branch/one"
	is "$(sbx run --branch topic/x -- bash -c 'echo $SANDBOX_NAME; pwd')" "b-one
$TMP/branch/one/.sbx/topic-x"
	fails 1 sbx run --branch topic/x . --name shared true
}
t "run --branch comes back to the sandbox of that branch" comes_back

# Two agents, each on its branch of one repository, at the same time; both are merged.
two_at_once() {
	cd "$TMP/branch/one"
	sbx create --name b-two --branch other shell . 2>/dev/null
	for name in b-one b-two; do
		sbx exec $name bash -ec 'for i in 1 2 3 4; do echo $i >$SANDBOX_NAME.$i; git add .; git commit -qm "$SANDBOX_NAME $i"; done; git gc -q' &
	done
	wait
	for i in 1 2 3 4 5; do sbx branch ls >/dev/null & done
	wait
	sbx branch merge topic/x
	sbx branch merge other
	is "$(git log --oneline --first-parent main -1 --format=%s)" "Merge branch 'other' of a sandbox"
	is "$(ls b-one.* b-two.* | wc -l)" 8
	git fsck --strict
	is "$(git status --porcelain)" ""
}
t "two sandboxes work on two branches of one repository at once" two_at_once

removed() {
	cd "$TMP/branch/one"
	sbx rm -f b-two
	test ! -e .sbx/other
	sbx exec b-one bash -c 'echo x >x; git add x; git commit -qm lost; echo y >y'
	sbx rm -f b-one 2>"$TMP/stderr"
	says "$(cat "$TMP/stderr")" "WARNING: branch 'topic/x' has 2 commits and 1 changed file that you do not have, and was kept"
	is "$(cat .sbx/topic-x/y)" y
	is "$(sbx branch ls --json | jq -r '.branches[] | "\(.branch) \(.sandbox)"')" "topic/x null"
	fails 1 sbx branch rm topic/x
	says "$(cat "$TMP/stderr")" 'not a terminal'
	sbx branch rm -f topic/x
	test ! -e .sbx/topic-x
	is "$(git for-each-ref refs/sbx)" ""
	fails 1 sbx branch merge topic/x
	says "$(cat "$TMP/stderr")" "no sandbox works on a branch 'topic/x'"
}
t "rm takes the copy away only when nothing is lost with it, and says what is kept" removed

refused() {
	new_repo refused
	git clone -q --bare . "$TMP/branch/bare"
	fails 1 sbx create --branch x shell "$TMP/branch/bare"
	says "$(cat "$TMP/stderr")" '^ERROR: .* is a bare repository'
	fails 1 sbx create --branch x shell "$SHARED"
	says "$(cat "$TMP/stderr")" '^ERROR: .* is in no git repository'
	fails 1 sbx create --branch x shell "$PWD:ro"
	fails 1 sbx create --branch 'a..b' shell .
	says "$(cat "$TMP/stderr")" 'cannot be the name of a branch'
	git init -q "$TMP/branch/empty"
	fails 1 sbx create --branch x shell "$TMP/branch/empty"
	says "$(cat "$TMP/stderr")" 'no commit yet'
	git checkout -qb o && echo b >a && git commit -qam o && git checkout -q main && echo c >a && git commit -qam m
	git merge -q o >/dev/null || true
	fails 1 sbx create --branch x shell .
	says "$(cat "$TMP/stderr")" 'in the middle of a merge'
	test ! -e .sbx
}
t "a bare, an empty and a merging repository are refused in one sentence" refused

# A git that kills the sbx which called it, before its Nth call.
killing_git() {
	mkdir -p "$TMP/branch/bin"
	cat >"$TMP/branch/bin/git" <<-END
		#!/bin/sh
		n=\$((\$(cat "$TMP/branch/count") + 1))
		echo \$n >"$TMP/branch/count"
		[ \$n != "\$(cat "$TMP/branch/kill-at")" ] || { kill -KILL \$PPID; exit 1; }
		exec $(command -v git) "\$@"
	END
	chmod +x "$TMP/branch/bin/git"
}

# killed_at N COMMAND...: its status
killed_at() {
	local at=$1 status=0
	shift
	echo 0 >"$TMP/branch/count"
	echo $at >"$TMP/branch/kill-at"
	PATH=$TMP/branch/bin:$PATH "$@" >"$TMP/branch/out" 2>&1 || status=$?
	return $status
}

kill_while_made() {
	killing_git
	new_repo killed
	checkout_of . >"$TMP/branch/before"
	local n=0 status=137
	while [ $status = 137 ]; do
		n=$((n + 1))
		status=0
		killed_at $n sbx create --name b-killed --branch topic shell . || status=$?
		checkout_of . | cmp - "$TMP/branch/before"
		git fsck --strict
	done
	cat "$TMP/branch/out"
	is $status 0
	test $n -gt 15
	is "$(ls -A .sbx | sort | tr '\n' ' ')" ".gitignore topic "
	is "$(git for-each-ref --format='%(refname)' refs/sbx)" refs/sbx/keep/topic
	is "$(sbx exec b-killed git status --porcelain)" ""
}
t "sbx killed at each step of making a copy: the next one makes it, and nothing is left over" kill_while_made

kill_while_merged() {
	cd "$TMP/branch/killed"
	sbx exec b-killed bash -c 'echo b >b; git add b; git commit -qm b'
	echo c >c && git add c && git commit -qm c
	local n=0 status=137
	while [ $status = 137 ]; do
		n=$((n + 1))
		status=0
		killed_at $n sbx branch merge topic || status=$?
		git fsck --strict
		is "$(git status --porcelain)" ""
		[ $status = 137 ] || break
		test ! -e b || is "$(git log -1 --format=%s)" "Merge branch 'topic' of a sandbox"
	done
	cat "$TMP/branch/out"
	is $status 0
	test $n -gt 10
	test -e b
	is "$(git log --oneline | wc -l)" 4
	sbx branch ls
	is "$(ls .git/sbx | sort | tr '\n' ' ')" "branches lock "
	is "$(git for-each-ref --format='%(refname)' refs/sbx)" refs/sbx/keep/topic
}
t "sbx killed at each step of a merge: the checkout is whole, and the next one merges" kill_while_merged

kill_of_the_daemon() {
	cd "$TMP/branch/killed"
	sbx create --name b-late --branch late shell . >"$TMP/branch/out" 2>&1 &
	wait_for 30 test -d .sbx/late
	kill -KILL "$(sbx daemon status --json | jq .pid)"
	wait || true
	wait_for 30 sh -c '! sbx ls | grep -q removing'
	sbx run --branch late -- git commit -q --allow-empty -m late
	is "$(sbx branch ls --json | jq -r '.branches[] | select(.branch == "late").commits')" 1
	sbx rm -f "$(sbx branch ls --json | jq -r '.branches[] | select(.branch == "late").sandbox')" b-killed
	sbx branch rm -f late
	is "$(git worktree list | wc -l)" 1
}
t "sbxd killed while a sandbox on a branch is made: run --branch goes on" kill_of_the_daemon

# A clone's place must outlive a stop of the sandbox, and /tmp does not.
CLONES=$(mktemp -d /var/tmp/sbx-clones.XXXXXX)

clone_made() {
	new_repo cloned
	fails 1 sbx create --name b-clone --clone shell .
	says "$(cat "$TMP/stderr")" 'would be gone when the sandbox stops'
	mv "$TMP/branch/cloned" "$CLONES/cloned"
	cd "$CLONES/cloned"
	git remote add origin https://me:secret@git.example/x.git
	git remote add local "$TMP/branch/one"
	touch untracked
	sbx create --name b-clone --keep-alive --clone shell .
	sbx exec b-clone bash -ec '
		[ "$PWD" = "$WORKSPACE_DIR" ] && [ "$(git rev-parse --show-toplevel)" = "$PWD" ]
		[ "$(git remote | tr "\n" " ")" = "origin source " ] && ! grep -q secret .git/config
		[ "$(git config user.name) $(git config user.email)" = "t t@t" ] && [ "$(cat a)" = a ] && [ ! -e untracked ]
		echo b >b && git add b && git commit -qm inside && git config x.y z && git checkout -qb side'
	is "$(sbx exec b-clone pwd)" "$PWD"
	fails 1 sbx exec b-clone git push -q source HEAD:refs/heads/pushed
	fails 1 sbx exec -u root b-clone touch /run/sandbox/source/planted
	test ! -e b
	is "$(git status --porcelain)" "?? untracked"
}
t "--clone: a private clone in the sandbox at the same path, its source read-only" clone_made

clone_fetched() {
	cd "$CLONES/cloned"
	fails 1 sbx rm b-clone
	says "$(cat "$TMP/stderr")" "WARNING: sandbox 'b-clone' has commits on . branch"
	git fetch -q sandbox-b-clone
	is "$(git show sandbox-b-clone/main:b)" b
	is "$(git log -1 --format=%s sandbox-b-clone/side)" inside
	fails 128 git push -q sandbox-b-clone main
	says "$(cat "$TMP/stderr")" 'nothing is pushed to a sandbox'
	echo c >c && git add c && git commit -qm outside
	sbx exec b-clone git fetch -q source
	is "$(sbx exec b-clone git log -1 --format=%s source/main)" outside
	sbx stop b-clone
	git fetch -q sandbox-b-clone
	is "$(sbx run --clone -- sh -c 'echo $SANDBOX_NAME')" b-clone
	sbx exec b-clone bash -c 'git commit -qm more --allow-empty; touch new'
	sbx rm -f b-clone 2>"$TMP/stderr"
	says "$(cat "$TMP/stderr")" "WARNING: sandbox 'b-clone' has commits on 1 branch that you have not fetched: git fetch sandbox-b-clone; and 1 file"
	is "$(git remote)" "local
origin"
	is "$(git log -1 --format=%s refs/sandboxes/b-clone/main)" inside
}
t "git fetch sandbox-NAME, also from a stopped one; rm warns of what was not fetched" clone_fetched

clone_killed() {
	cd "$CLONES/cloned"
	sbx create --name b-half --clone shell . >"$TMP/branch/out" 2>&1 &
	wait_for 60 sh -c 'sbx ls --json | jq -e ".sandboxes[] | select(.name == \"b-half\" and .status == \"running\")" >/dev/null'
	kill -KILL $! || true
	wait || true
	is "$(sbx run --name b-half -- git status --porcelain)" ""
	is "$(sbx exec b-half git log -1 --format=%s)" outside
	sbx exec b-half git commit -qm inside --allow-empty
	sbx stop b-half
	sbx prune --force 2>"$TMP/stderr"
	says "$(cat "$TMP/stderr")" "WARNING: sandbox 'b-half' has commits on 1 branch"
	fails 1 sbx inspect b-half
	says_not "$(git remote)" 'sandbox-'
	fails 1 sbx create --clone --branch x shell .
	fails 1 sbx create --clone shell "$TMP/branch/bare"
}
t "sbx killed while a clone is made: run makes it whole; prune warns and leaves no remote" clone_killed

reviewed() {
	cd "$CLONES/cloned"
	git checkout -qb reviewed
	sbx create --name b-review --branch topic --keep-alive shell .
	sbx exec b-review bash -ec '
		mkdir -p .github/workflows .claude && touch .github/workflows/ci.yml .claude/settings.json
		git add . && git commit -qm planted
		echo x >package.json; git init -q nested; printf x >"$(printf "Makefile.\e]0;x\a.mk")"'
	says "$(sbx review topic)" '^ci +A +.github/workflows/ci.yml +the CI'
	says "$(sbx review b-review)" '^git +\? +nested/.git'
	says "$(sbx review topic)" 'Makefile.\\x1b\]0;x\\x07.mk'
	is "$(sbx review topic --json | jq -r '[.findings[].kind] | sort | join(" ")')" "agent build ci git packages"
	fails 1 sbx review topic --since nothing
	says "$(cat "$TMP/stderr")" "'nothing' names no commit"
	sbx rm -f b-review
	sbx branch rm -f topic
}
t "review lists what of a branch would run on the host" reviewed
rm -rf "$CLONES"
