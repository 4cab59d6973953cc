# The private Docker Engine: begins at its first use, runs, builds and composes without any registry, keeps its volumes.

ENGINE=$TMP/engine
docker() { sbx exec engine docker "$@"; }

# a root file system of one static program, as the image `tiny`
make_root() {
	local applet
	mkdir -p "$ENGINE/root/bin" "$ENGINE/root/tmp"
	cp "$(command -v busybox)" "$ENGINE/root/bin/busybox"
	for applet in cat echo httpd ls sh sleep wget; do
		ln -s busybox "$ENGINE/root/bin/$applet"
	done
	tar -C "$ENGINE/root" --owner=0 --group=0 -cf "$ENGINE/tiny.tar" .
}

begins_unused() {
	make_root
	sbx create --name engine --keep-alive shell "$ENGINE"
	is "$(sbx exec engine stat -c '%A %U:%G' /run/docker.sock)" 'srw-rw---- root:docker'
	fails 1 sbx exec engine pgrep -x 'dockerd|containerd'
}
t "no engine runs before its first use" begins_unused

answers() {
	is "$(docker info --format '{{.Driver}} {{.CgroupVersion}} {{.MemoryLimit}} {{.SwapLimit}} {{.PidsLimit}}')" \
		'overlay2 2 true true true'
	is "$(docker info --format '{{.HTTPSProxy}}')" http://gateway.docker.internal:3128
	is "$(sbx exec engine findmnt -no FSTYPE "$(docker info --format '{{.DockerRootDir}}')")" ext4
	sbx exec engine pgrep -x dockerd
	is "$(sbx exec engine sh -c 'ps -o comm= -p $(ps -o ppid= -C containerd)')" docker-socket
}
t "the agent's first docker command starts it" answers

runs() {
	docker import "$ENGINE/tiny.tar" tiny
	is "$(docker run --rm tiny echo 'from a container')" 'from a container'
	fails 7 docker run --rm tiny sh -c 'exit 7'
}
t "an image made here runs, its status comes back" runs

containerd() { sbx exec engine pgrep -x containerd; }
is_another() { [ "$(containerd)" != "$1" ] && docker exec waits sh -c :; }

survives() {
	local before
	docker run --detach --name waits tiny sleep 3600
	before=$(containerd)
	sbx exec -u root engine kill -KILL "$before"
	wait_for 240 is_another "$before"
	is "$(docker inspect --format '{{.State.Running}} {{.RestartCount}}' waits)" 'true 0'
	docker rm --force waits
}
t "containerd that was killed is started again, and its containers run on" survives

builds() {
	printf 'FROM tiny\nRUN ["/bin/sh", "-c", "echo built > /file"]\n' >"$ENGINE/Dockerfile"
	docker build --quiet --tag built --file "$ENGINE/Dockerfile" "$ENGINE/root"
	is "$(docker run --rm built cat /file)" built
}
t "docker build runs what a Dockerfile says" builds

composes() {
	cat >"$ENGINE/compose.yaml" <<-'END'
		services:
		  web:
		    image: tiny
		    command: ["sh", "-c", "echo a page > /tmp/index.html; exec httpd -f -p 80 -h /tmp"]
		    ports: ["8080:80"]
		  client:
		    image: tiny
		    init: true
		    command: ["sleep", "3600"]
	END
	docker compose --file "$ENGINE/compose.yaml" --project-name pair up --detach --quiet-pull
	wait_for 240 sbx exec engine curl -sSf -o /dev/null http://localhost:8080/
	is "$(sbx exec engine curl -sS http://localhost:8080/)" 'a page'
	is "$(docker exec pair-client-1 wget -qO- http://web/)" 'a page'
}
t "two services of compose see each other, the sandbox sees a published port" composes

publishes() {
	sbx ports engine --publish 127.0.0.1:0:8080
	is "$(curl -sS "http://127.0.0.1:$(sbx ports engine --json | jq '.[0].host_port')/")" 'a page'
}
t "the host reaches a port that a container publishes" publishes

# blocks of the image file on the host
used() { stat -c %b "$XDG_STATE_HOME/sbx/sandboxes/engine/docker.img"; }

shrinks() { [ "$(used)" -lt $(($1 - 100000)) ]; }

prunes() {
	local before
	mkdir "$ENGINE/large"
	head -c 80M /dev/urandom >"$ENGINE/large/random"
	printf 'FROM tiny\nCOPY random /\n' >"$ENGINE/large/Dockerfile"
	docker build --quiet --tag large "$ENGINE/large"
	sbx exec engine sync
	before=$(used)
	docker rmi large
	docker system prune --force
	wait_for 240 shrinks "$before"
}
t "docker system prune gives space back to the host" prunes

keeps_volumes() {
	docker run --rm --volume kept:/kept tiny sh -c 'echo kept > /kept/file'
	sbx stop engine
	fails 1 sbx exec engine pgrep -x 'dockerd|containerd'
	is "$(docker run --rm --volume kept:/kept tiny cat /kept/file)" kept
	sbx rm --force engine
}
t "a volume survives stop and start, with containers running at the stop" keeps_volumes
