# Templates: archives of images, hostile ones too, become layers that sandboxes share; what nobody uses goes.

IMAGES=$TMP/images
STORE=$XDG_STATE_HOME/sbx/templates
mkdir -p "$IMAGES/place"
image() { "$here/image" "$@"; }
stored_layers() { find "$STORE/layers" -name '*.erofs' | wc -l; }
id_of() { sbx template inspect "$1" | jq -r .id; }

# a root of one static program, and a layer that hides, replaces and adds
make_layers() {
	local applet root=$IMAGES/root upper=$IMAGES/upper
	mkdir -p "$root/bin" "$root/opt/full/deep" "$root/opt/whole" "$upper/opt/whole" "$upper/opt/full"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for applet in cat chmod find id ln ls mkdir rm sh stat touch wc; do
		ln -s busybox "$root/bin/$applet"
	done
	echo low >"$root/opt/both"
	echo gone >"$root/opt/full/gone"
	echo gone >"$root/opt/full/deep/gone"
	echo gone >"$root/opt/whole/gone"
	ln "$root/opt/both" "$root/opt/linked"
	tar -C "$root" --owner=0 --group=0 --sort=name -cf "$IMAGES/low.tar" .
	echo high >"$upper/opt/both"
	touch "$upper/opt/full/.wh.gone" "$upper/opt/full/.wh.deep" "$upper/opt/whole/.wh..wh..opq"
	echo new >"$upper/opt/whole/new"
	tar -C "$upper" --owner=0 --group=0 --sort=name -cf "$IMAGES/high.tar" .
}
make_layers

loads() {
	image --name tiny:1 --config '{"Env":["FROM_IMAGE=yes"]}' "$IMAGES/tiny.tar" "$IMAGES/low.tar" "$IMAGES/high.tar"
	says "$(sbx template load "$IMAGES/tiny.tar")" '^Loaded: docker.io/library/tiny:1$'
	is "$(sbx template ls --json | jq -r '.images[] | select(.tag == "1") | .repository')" docker.io/library/tiny
	like "$(id_of tiny:1)" 'sha256:????????????*'
}
t "an OCI archive becomes a template" loads

loads_docker() {
	image --docker --config '{"Env":["FROM_IMAGE=yes"]}' "$IMAGES/docker.tar" "$IMAGES/low.tar" "$IMAGES/high.tar"
	fails 1 sbx template load "$IMAGES/docker.tar"
	says "$(cat "$TMP/stderr")" 'give one by --tag'
	sbx template load --tag tiny:docker "$IMAGES/docker.tar"
	is "$(id_of tiny:docker)" "$(id_of tiny:1)"
	is "$(stored_layers)" 2
}
t "what docker save wrote is the same template, its layers are shared" loads_docker

runs() {
	sbx create --name tiny --keep-alive -t tiny:1 shell "$IMAGES/place"
	is "$(sbx exec tiny id)" 'uid=1000(agent) gid=1000(agent) groups=1000(agent)'
	is "$(sbx exec tiny cat /opt/both /opt/linked /opt/whole/new)" $'high\nlow\nnew'
	is "$(sbx exec tiny ls /opt/full /opt/whole)" $'/opt/full:\n\n/opt/whole:\nnew'
	is "$(sbx exec tiny sh -c 'echo $FROM_IMAGE $HOME')" 'yes /home/agent'
	sbx exec tiny touch here
	is "$(stat -c %u "$IMAGES/place/here")" "$(id -u)"
	is "$(sbx inspect tiny --json | jq -r .template)" docker.io/library/tiny:1
}
t "an image with nothing but a shell runs commands, whiteouts and all" runs

refuse_one() {
	fails 1 sbx template load --tag hostile "$IMAGES/hostile.tar"
	says "$(cat "$TMP/stderr")" "$1"
	fails 1 sbx template inspect hostile
}

refuses() {
	local before
	before=$(stored_layers)
	while IFS='|' read -r kind why; do
		image "$IMAGES/hostile.tar" "hostile:$kind"
		refuse_one "$why"
	done <<-'END'
		absolute|absolute name
		dots|leads out of its folder
		symlink|lies below what is no folder
		hardlink|leads out of its folder
		device|is a device
		whiteout|whiteout of nothing
	END
	is "$(stored_layers)" "$before"
	is "$(ls "$STORE/staging")" ''
}
t "hostile layers are refused with the reason, and leave nothing" refuses

refuses_lies() {
	echo other >"$IMAGES/other"
	tar -C "$IMAGES" --owner=0 --group=0 -cf "$IMAGES/other.tar" other
	image --wrong digest "$IMAGES/hostile.tar" "$IMAGES/other.tar"
	refuse_one "digest is sha256:.* and not"
	image --wrong diff "$IMAGES/hostile.tar" "$IMAGES/other.tar"
	refuse_one "diff_id is sha256:.* and not"
	image --wrong size "$IMAGES/hostile.tar" "$IMAGES/other.tar"
	refuse_one "another size"
	image --arch arm64 "$IMAGES/hostile.tar" "$IMAGES/other.tar"
	refuse_one "the image is for linux/arm64, and sandboxes run linux/amd64"
	head -c 3000 "$IMAGES/tiny.tar" >"$IMAGES/hostile.tar"
	refuse_one "ends in the middle"
	echo 'no archive' >"$IMAGES/hostile.tar"
	refuse_one "ERROR: "
}
t "digests that lie, other machines and cut archives are refused" refuses_lies

merges() {
	local i list=("$IMAGES/low.tar")
	for i in $(seq 1 9); do
		echo "$i" >"$IMAGES/step"
		tar -C "$IMAGES" --owner=0 --group=0 -cf "$IMAGES/step$i.tar" step
		list+=("$IMAGES/step$i.tar")
	done
	image --name many "$IMAGES/many.tar" "${list[@]}"
	sbx template load "$IMAGES/many.tar"
	is "$(sbx template inspect many | jq '.layers | length')" 6
}
t "of an image with many layers the top ones are merged" merges

# the sandbox changes what its layers have in every way there is
saves() {
	sbx exec tiny sh -c 'echo mine >/home/agent/note; mkdir /home/agent/d; ln /home/agent/note /home/agent/d/same; ln -s note /home/agent/link'
	sbx exec -u root tiny sh -c 'rm /opt/linked; rm -r /opt/whole; mkdir /opt/whole; echo again >/opt/whole/again; chmod 4755 /bin/busybox; chmod 700 /opt/full'
	fails 1 sbx template save tiny tools:1
	is "$(cat "$TMP/stderr")" 'ERROR: cannot save a running sandbox; stop it first with: sbx stop tiny'
	sbx stop tiny
	says "$(sbx template save tiny tools:1)" '^  sbx run --pull never -t docker.io/library/tools:1 shell'
	is "$(sbx ls --json | jq -r '.sandboxes[] | select(.name == "tiny") | .status')" stopped
	is "$(sbx template inspect tools:1 | jq '.layers | length')" 3
	is "$(ls -A "$STORE/staging")" ''
}
t "a stopped sandbox is saved as a layer over its own" saves

runs_saved() {
	sbx create --name saved --keep-alive -t tools:1 shell "$IMAGES/place"
	is "$(sbx exec saved cat /home/agent/note /home/agent/link /home/agent/d/same)" $'mine\nmine\nmine'
	is "$(sbx exec saved stat -c %h /home/agent/note)" 2
	is "$(sbx exec saved stat -c %a:%U /bin/busybox /opt/full /home/agent/note)" $'4755:root\n700:root\n644:agent'
	is "$(sbx exec saved sh -c 'find /opt/whole; ls /opt/linked 2>/dev/null; true')" $'/opt/whole\n/opt/whole/again'
	is "$(sbx exec saved cat /etc/hostname)" saved
	says "$(sbx exec saved cat /etc/hosts)" '^127.0.1.1\s+saved$'
	is "$(sbx exec saved sh -c 'cat /etc/ssl/certs/*.crt | wc -l')" "$(sbx exec saved sh -c 'cat /usr/local/share/ca-certificates/sbx.crt | wc -l')"
	sbx rm -f saved
}
t "a sandbox of it has what was changed and nothing of the start" runs_saved

saves_full() {
	sbx create --name full -t many shell "$IMAGES/place"
	is "$(sbx exec full cat /step)" 9
	sbx exec -u root full sh -c 'rm /step; echo top >/top'
	sbx stop full
	sbx template save full fuller
	is "$(sbx template inspect fuller | jq '.layers | length')" 6
	sbx rm -f full
	sbx create --name full -t fuller shell "$IMAGES/place"
	is "$(sbx exec full sh -c 'cat /top /opt/both; ls /step 2>/dev/null; true')" $'top\nlow'
	sbx rm -f full
	sbx template rm -f fuller
}
t "of a stack that is full the top layer and the saved one become one" saves_full

exports() {
	sbx template export tools:1 "$IMAGES/out.tar"
	sbx template export tools:1 "$IMAGES/again.tar"
	cmp "$IMAGES/out.tar" "$IMAGES/again.tar"
	says "$(tar -tf "$IMAGES/out.tar")" '^blobs/sha256/[0-9a-f]{64}$'
	is "$(SBX_APP_NAME=fresh sbx template load "$IMAGES/out.tar" | sed -n 's/^Loaded: //p')" docker.io/library/tools:1
	is "$(SBX_APP_NAME=fresh sbx template inspect tools:1 | jq -r .id)" "$(id_of tools:1)"
	SBX_APP_NAME=fresh sbx reset --force
	says_not "$(sbx ls -q)" export
}
t "an export is the same bytes each time, and in a fresh store the same template" exports

# a registry on this machine, with a certificate of an authority of the test's
registry_begin() {
	local port=$1
	mkdir -p "$IMAGES/registry"
	cat >"$IMAGES/registry.yml" <<-END
		version: 0.1
		storage: {filesystem: {rootdirectory: $IMAGES/registry}}
		http: {addr: "127.0.0.1:$port", tls: {certificate: $IMAGES/server.pem, key: $IMAGES/server.key}}
	END
	docker-registry serve "$IMAGES/registry.yml" >"$IMAGES/registry.log" 2>&1 &
	registry=$!
	wait_for 120 curl -fs --cacert "$IMAGES/ca.crt" "https://localhost:$port/v2/" -o /dev/null
}

make_certificates() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca \
		-keyout "$IMAGES/ca.key" -out "$IMAGES/ca.crt"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
		-keyout "$IMAGES/server.key" -out "$IMAGES/server.csr"
	printf 'subjectAltName=DNS:localhost\n' >"$IMAGES/san"
	openssl x509 -req -in "$IMAGES/server.csr" -CA "$IMAGES/ca.crt" -CAkey "$IMAGES/ca.key" -days 2 -extfile "$IMAGES/san" \
		-out "$IMAGES/server.pem"
}

PORT=$((20000 + RANDOM % 20000))
REMOTE=localhost:$PORT/tools/tiny:1
# pull WHEN: what sbxd answers; its stderr goes to $TMP/stderr on failure
pull() {
	curl -s --unix-socket "$XDG_RUNTIME_DIR/sbx/sbxd.sock" -d "{\"reference\":\"$REMOTE\",\"when\":\"$1\"}" http://localhost/template/pull
}

pulls() {
	make_certificates
	registry_begin "$PORT"
	trap 'kill $registry' EXIT
	mkdir -p "$IMAGES/certs"
	cp "$IMAGES/ca.crt" "$IMAGES/certs/"
	image --name tiny:1 --config '{"Env":["FROM_IMAGE=yes"]}' "$IMAGES/tiny.tar" "$IMAGES/low.tar" "$IMAGES/high.tar"
	skopeo --insecure-policy copy -q --dest-cert-dir "$IMAGES/certs" "oci-archive:$IMAGES/tiny.tar" "docker://$REMOTE"
	fails 1 sbx create --name pulled --pull never -t "$REMOTE" shell "$IMAGES/place"
	says "$(cat "$TMP/stderr")" "ERROR: no template is called '$REMOTE'"
	says "$(pull missing | jq -r .message)" 'cannot pull .*certificate'
	mkdir -p "$XDG_CONFIG_HOME/containers/certs.d/localhost:$PORT"
	cp "$IMAGES/ca.crt" "$XDG_CONFIG_HOME/containers/certs.d/localhost:$PORT/"
	sbx create --name pulled --pull missing -t "$REMOTE" shell "$IMAGES/place"
	is "$(sbx exec pulled cat /opt/both)" high
	sbx rm -f pulled
	is "$(id_of "$REMOTE")" "$(id_of tiny:1)"
	is "$(ls -A "$STORE/staging")" ''
	# what is here is taken when the registry says no; one that is not here cannot be
	kill $registry
	wait $registry || true
	trap - EXIT
	is "$(pull missing | jq -r .warning)" null
	is "$(pull never | jq -r .reference)" "$REMOTE"
	says "$(pull always | jq -r .warning)" "cannot pull '$REMOTE'"
	sbx template rm -f "$REMOTE"
	says "$(pull missing | jq -r .message)" "cannot pull '$REMOTE'"
	says "$(pull never | jq -r .message)" "no template is called '$REMOTE'"
	fails 1 sbx create --name pulled -t nowhere/known shell "$IMAGES/place"
	says "$(cat "$TMP/stderr")" 'write its registry too, like docker.io/nowhere/known'
}
if command -v docker-registry skopeo >/dev/null; then
	t "an image of a registry is pulled when it is time, from whom can be believed" pulls
else
	skip "an image of a registry is pulled when it is time, from whom can be believed" "no docker-registry or no skopeo here"
fi

# said before a machine is started for it
mistakes() {
	local folder="$IMAGES/My Tools"
	mkdir -p "$folder"
	fails 1 sbx template build "$folder"
	is "$(cat "$TMP/stderr")" "ERROR: there is no Dockerfile in '$folder'; name another file by --file"
	echo 'FROM scratch' >"$folder/Dockerfile"
	fails 1 sbx template build --file /etc/passwd "$folder"
	says "$(cat "$TMP/stderr")" "^ERROR: the file '/etc/passwd' is not within '.*My Tools'\$"
	fails 1 sbx template build -t 'My Tools' "$folder"
	says "$(cat "$TMP/stderr")" "^ERROR: 'My Tools' is no image: write it like name, name:tag "
	fails 1 sbx template build -t shell "$folder"
	says "$(cat "$TMP/stderr")" "^ERROR: 'shell' is the name of a template that came with sbx; choose another\$"
	fails 1 sbx template save tiny base
	says "$(cat "$TMP/stderr")" "^ERROR: 'base' is the name of a template that came with sbx; choose another\$"
	fails 1 sbx template build --platform linux/arm64 "$folder"
	says "$(cat "$TMP/stderr")" '^ERROR: --platform is one of linux/amd64'
	fails 1 sbx template build "$IMAGES/nowhere"
	fails 2 sbx template build
}
t "what is wrong with a build is said before it begins" mistakes

# everything that a Dockerfile may say of its image, in the last stage but one
make_context() {
	local folder=$1
	mkdir -p "$folder/sub"
	cp "$IMAGES/low.tar" "$folder/root.tar"
	echo kept >"$folder/sub/kept.txt"
	echo ignored >"$folder/sub/ignored.log"
	echo '**/*.log' >"$folder/.dockerignore"
	cat >"$folder/Dockerfile" <<-'END'
		FROM scratch AS whole
		ADD root.tar /
		ARG WHO=nobody FROM_HERE=nothing
		ENV BUILT_FOR=$WHO PATH=/opt/tools:/bin
		RUN ["/bin/sh", "-c", "echo by $WHO and $FROM_HERE >/opt/built"]
		COPY sub /opt/sub
		WORKDIR /opt/place
		VOLUME /opt/data
		EXPOSE 8080
		LABEL maker=test
		USER 33:33
		HEALTHCHECK CMD ["/bin/sh", "-c", "exit 1"]
		ENTRYPOINT ["/bin/sh", "-c"]
		CMD ["touch /opt/place/entered"]
		FROM whole AS never
		RUN ["/bin/sh", "-c", "exit 9"]
	END
}

builds() {
	local folder="$IMAGES/My Tools" out
	make_context "$folder"
	out=$(FROM_HERE=here sbx template build --build-arg WHO=me --build-arg FROM_HERE --target whole "$folder")
	says "$out" '^Built: docker.io/library/my-tools:latest$'
	printf 'FROM scratch\nADD root.tar /\nRUN ["/bin/sh", "-c", "echo the reason; exit 3"]\n' >"$folder/Wrong"
	out=$(sbx template build --file "$folder/Wrong" -t wrong:1 "$folder" 2>&1) && return 1
	says "$out" 'the reason'
	says "$out" '^ERROR: the build of .* failed with status [0-9]+; nothing of it is left$'
	fails 1 sbx template inspect wrong:1
	says_not "$(sbx ls -q)" build
	is "$(ls -A "$STORE/staging")" ''
}
t "a Dockerfile becomes a template; one that fails shows why and leaves nothing" builds

# of what the image says of itself, variables and working directory count; user, entrypoint and the rest are the sandbox's own
describes() {
	is "$(sbx template inspect my-tools | jq -c '.config | [.User, .WorkingDir, .Entrypoint, .Cmd]')" \
		'["33:33","/opt/place",["/bin/sh","-c"],["touch /opt/place/entered"]]'
	sbx create --name built --keep-alive -t my-tools shell
	is "$(sbx exec built sh -c 'cat /opt/built; echo $BUILT_FOR $PATH; pwd')" $'by me and here\nme /opt/tools:/bin\n/opt/place'
	is "$(sbx exec built ls /opt/place /opt/sub)" $'/opt/place:\n\n/opt/sub:\nkept.txt'
	is "$(sbx exec built id -un)" agent
	sbx rm -f built
	sbx template rm -f my-tools
}
t "of an image count its files, variables and working directory" describes

# slow_build NAME: a build whose command runs until it is ended; its pid is $slow, its words are in slow.log
slow_build() {
	local folder=$IMAGES/slow
	mkdir -p "$folder"
	cp "$IMAGES/low.tar" "$folder/root.tar"
	printf 'FROM scratch\nADD root.tar /\nRUN ["/bin/sh", "-c", "echo it runs; cat /dev/zero >/dev/null"]\n' >"$folder/Dockerfile"
	printf 'FROM scratch\nADD root.tar /\n' >"$folder/Quick"
	set -m
	sbx template build -t "$1" "$folder" >"$IMAGES/slow.log" 2>&1 &
	slow=$!
	set +m
}

# two at once, one of which is interrupted while a command of it runs
interrupts() {
	slow_build slow:1
	sbx template build --file "$IMAGES/slow/Quick" -t beside:1 "$IMAGES/slow"
	wait_for 600 grep -q 'it runs' "$IMAGES/slow.log"
	kill -INT $slow
	wait $slow && return 1
	fails 1 sbx template inspect slow:1
	sbx template inspect beside:1
	says_not "$(sbx ls -q)" build
	is "$(ls -A "$STORE/staging")" ''
	sbx template rm -f beside:1
}
t "two builds go on at once, one is interrupted and leaves nothing" interrupts

no_builder() { ! sbx ls -q | grep -q '^template-'; }

killed() {
	slow_build slow:1
	wait_for 600 grep -q 'it runs' "$IMAGES/slow.log"
	kill -KILL $slow
	wait $slow && return 1
	is "$(sbx ls --json | jq -r '.sandboxes[] | select(.name | startswith("template-build-")) | .status')" running
	wait_for 600 no_builder
	fails 1 sbx template inspect slow:1
	is "$(find "$XDG_STATE_HOME/sbx/sandboxes" -name 'template-*')" ''
	is "$(ls -A "$STORE/staging")" ''
}
t "the builder of a build that was killed goes by itself" killed

on_screen() { tmux -L "$TMUX_NAME" capture-pane -p -t 0 | grep -q -- "$1"; }

# asked what was typed: the sandbox runs on, or is saved
prompts() {
	TMUX_NAME=sbx-e2e-$$
	sbx create --name asked --keep-alive -t tiny:1 shell "$IMAGES/place"
	tmux -L "$TMUX_NAME" -f /dev/null new-session -d -x 150 -y 30 \
		"sbx template save asked asked:1; echo status=\$?; sbx template save asked asked:1; echo status=\$?; sleep 1000"
	trap 'tmux -L "$TMUX_NAME" kill-server' EXIT
	wait_for 240 on_screen "Sandbox 'asked' is running. Stop it?"
	tmux -L "$TMUX_NAME" send-keys n Enter
	wait_for 240 on_screen '^status=1'
	is "$(sbx exec asked cat /opt/both)" high
	fails 1 sbx template inspect asked:1
	tmux -L "$TMUX_NAME" send-keys y Enter
	wait_for 240 on_screen '^status=0'
	sbx template inspect asked:1
	sbx rm -f asked
	sbx template rm -f asked:1
}
t "to save a running sandbox is asked for on a terminal" prompts

# a template of 10 GiB, for a daemon of its own: what is made for a sandbox has nothing of it
copies_nothing() {
	mkdir -p "$IMAGES/large"
	cp "$(layers base)" "$IMAGES/large/layer.erofs"
	truncate -s 10G "$IMAGES/large/layer.erofs"
	echo '{"name":"large","layers":["layer.erofs"]}' >"$IMAGES/large/large.json"
	(
		export SBX_APP_NAME=large SBX_TEMPLATES=$IMAGES/large
		sbx create --name large -t large shell "$IMAGES/place"
		is "$(sbx exec large echo runs)" runs
		is "$(sbx inspect large --json | jq -c .layers)" "[\"$IMAGES/large/layer.erofs\"]"
		sbx stop large
		test "$(du -sm "$XDG_STATE_HOME/sbx-large" | cut -f1)" -lt 100
		sbx reset --force
	)
	rm -r "$IMAGES/large"
}
t "a sandbox of a template of 10 GiB copies nothing of it" copies_nothing

accounts() {
	local df
	df=$(sbx df --json)
	is "$(jq .layers <<<"$df")" "$(du -s -B1 "$STORE/layers" | awk '{print $1}' | { read -r n; echo $((n - $(stat -c '%b*512' "$STORE/layers"))); })"
	is "$(jq '.sandboxes[] | select(.name == "tiny") | .disk' <<<"$df")" "$(($(stat -c %b "$XDG_STATE_HOME/sbx/sandboxes/tiny/disk.img") * 512))"
	is "$(jq '.templates[] | select(.reference == "docker.io/library/tiny:1") | .own' <<<"$df")" 0
	says "$(sbx df)" '^sandbox +tiny '
}
t "df tells what files really take, shared layers once" accounts

removes() {
	local before
	before=$(stored_layers)
	fails 1 sbx template rm -f base
	says "$(cat "$TMP/stderr")" "'base' came with sbx and cannot be removed"
	fails 1 sbx template rm tiny:1
	says "$(cat "$TMP/stderr")" 'stdin is not a terminal'
	is "$(sbx template rm -f many)" 'Removed: docker.io/library/many:latest'
	[ "$(stored_layers)" -lt "$before" ]
	sbx template rm -f tiny:1
	sbx template rm -f tiny:docker
	sbx template rm -f tools:1
	fails 1 sbx template inspect tiny:1
	is "$(stored_layers)" 2
	is "$(sbx exec tiny cat /opt/both)" high
	sbx rm -f tiny
	wait_for 10 eval '[ "$(stored_layers)" -eq 0 ]'
}
t "a template goes; its layers when the last sandbox of it has gone" removes
