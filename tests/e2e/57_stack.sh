# What people do with Docker: a multi-stage build that installs packages by way of the proxy, and a stack of a database, a cache and an
# app with health checks, from Debian's own packages; its volumes survive the sandbox's stop.

world_needed || return 0

STACK=$SANDBOXES/stack

guest() { sandboxes exec stack "$@"; }
docker() { guest docker "$@"; }
compose() { docker compose --progress quiet --project-name stack "$@"; }

# a repository of one package, as apt reads it
publish_package() {
	local folder=$WORLD/files/stack
	mkdir -p "$folder" "$STACK/package/DEBIAN" "$STACK/package/usr/share"
	printf '%s\n' 'Package: stack-word' 'Version: 1.0' 'Architecture: all' 'Maintainer: t <t@t>' 'Description: a word' \
		>"$STACK/package/DEBIAN/control"
	echo 'a word from a package' >"$STACK/package/usr/share/word"
	chmod -R go-w "$STACK/package"
	guest dpkg-deb --root-owner-group -b "$STACK/package" "$STACK/stack-word.deb"
	mv "$STACK/stack-word.deb" "$folder/"
	(
		cd "$folder"
		sed '/^$/d' "$STACK/package/DEBIAN/control"
		printf 'Filename: ./stack-word.deb\nSize: %s\nSHA256: %s\n' "$(stat -c %s stack-word.deb)" \
			"$(sha256sum stack-word.deb | cut -d' ' -f1)"
	) >"$folder/Packages"
}

stack_begins() {
	local root
	root=$("$here/world/debian-root" | tail -n 1)
	mkdir -p "$STACK"
	sandboxes create --name stack --keep-alive --extra-ca "$WORLD_CA" --policy locked-down shell "$STACK"
	# looked into, so that it has the sandbox's certificate, of which the image's own bundle knows nothing
	sandboxes policy allow network files.example.com --method GET --path '/stack/**' --sandbox stack
	publish_package
	cp "$root" "$STACK/root.tar"
	docker import "$STACK/root.tar" debian
	rm "$STACK/root.tar"
}
t "a Debian with PostgreSQL and Redis becomes an image" stack_begins

builds_in_stages() {
	cat >"$STACK/Dockerfile" <<-'END'
		FROM debian AS packages
		RUN echo 'deb [trusted=yes] https://files.example.com/stack ./' >/etc/apt/sources.list && \
			apt-get -q update && apt-get -qy install stack-word && cp /usr/share/word /word
		RUN echo 'host all all all trust' >>/etc/postgresql/17/main/pg_hba.conf
		FROM packages AS database
		USER postgres
		CMD ["/usr/lib/postgresql/17/bin/postgres", "-D", "/var/lib/postgresql/17/main", "-c", \
			"config_file=/etc/postgresql/17/main/postgresql.conf", "-c", "listen_addresses=*", "-c", "ssl=off", "-c", "jit=off", "-c", "unix_socket_directories=/tmp"]
		FROM debian AS app
		COPY --from=packages /word /word
		COPY app /app
		CMD ["sh", "/app"]
	END
	cat >"$STACK/app" <<-'END'
		mkdir -p /tmp/www
		psql -qh database -U postgres -c 'create table if not exists visits (at timestamp)' || exit
		while :; do
			psql -qh database -U postgres -c 'insert into visits values (now())'
			redis-cli -h cache set visits "$(psql -Ath database -U postgres -c 'select count(*) from visits')" >/dev/null
			echo "$(cat /word), $(redis-cli -h cache get visits) visits" >/tmp/www/index.html
			[ -n "$served" ] || busybox httpd -p 80 -h /tmp/www
			served=yes
			sleep 2
		done
	END
	forget
	docker build --quiet --target database --tag database "$STACK"
	docker build --quiet --target app --tag app "$STACK"
	is "$(seen requests '.path | endswith(".deb")')" 1
	is "$(docker run --rm app cat /word)" 'a word from a package'
	fails 1 docker run --rm app dpkg -s stack-word
}
t "a build in stages installs a package over HTTPS that the proxy looks into" builds_in_stages

page() { guest curl -sSf http://localhost:8080/; }

composes() {
	cat >"$STACK/compose.yaml" <<-'END'
		services:
		  database:
		    image: database
		    volumes: ["rows:/var/lib/postgresql"]
		    healthcheck: { test: ["CMD", "pg_isready", "-h", "localhost"], interval: 2s, timeout: 20s, retries: 600 }
		  cache:
		    image: debian
		    command: ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]
		    healthcheck: { test: ["CMD", "redis-cli", "ping"], interval: 2s, timeout: 20s, retries: 600 }
		  app:
		    image: app
		    init: true
		    ports: ["8080:80"]
		    depends_on: { database: { condition: service_healthy }, cache: { condition: service_healthy } }
		    healthcheck: { test: ["CMD", "busybox", "wget", "-qO-", "http://localhost/"], interval: 2s, timeout: 20s, retries: 600 }
		volumes:
		  rows:
	END
	compose --file "$STACK/compose.yaml" up --detach --wait
	says "$(page)" '^a word from a package, [0-9]+ visits$'
	is "$(docker inspect --format '{{.State.Health.Status}}' stack-app-1 stack-database-1 stack-cache-1 | sort -u)" healthy
}
t "PostgreSQL, Redis and an app come up, healthy, in their order" composes

visits() { docker exec stack-database-1 psql -Ath database -U postgres -c 'select count(*) from visits'; }

keeps_rows() {
	local before
	before=$(visits)
	sandboxes stop stack
	compose --file "$STACK/compose.yaml" up --detach --wait
	[ "$(visits)" -ge "$before" ]
	sandboxes rm --force stack
}
t "the rows are there after the sandbox was stopped" keeps_rows
