# Package managers, gRPC, git and ssh of the guest against the world's servers (world/world.sh), and a datagram port the
# other way. The daemon of this area is an instance of its own, because an agent with one key is in its environment.

world_needed || return 0

CLIENTS=$TMP/clients
AGENT=$TMP/agent.sock
PUBLISHED=$WORLD/files

clients() { in_host env SBX_APP_NAME=clients SSH_AUTH_SOCK="$AGENT" sbx "$@"; }
guest() { clients exec clients "$@"; }

mkdir -p "$CLIENTS"
ssh-agent -D -a "$AGENT" >/dev/null 2>&1 &
agent_pid=$!

clients_begin() {
	wait_for 30 test -S "$AGENT"
	ssh-keygen -q -t ed25519 -N '' -C key-of-the-host -f "$TMP/key"
	SSH_AUTH_SOCK=$AGENT ssh-add -q "$TMP/key"
	clients policy init locked-down
	clients create --name clients --keep-alive --extra-ca "$WORLD_CA" shell "$CLIENTS"
	clients policy allow network '*.example.com' --sandbox clients
	is "$(guest curl -sS https://files.example.com/echo | jq -r .server)" good
}
t "one rule for everything of example.com" clients_begin

# a wheel is an archive with a record of what is in it (its sums may be left out)
make_wheel() {
	python3 - "$1" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("tinything.py", "answer = 42\n")
    wheel.writestr("tinything-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
    wheel.writestr("tinything-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("tinything-1.0.dist-info/RECORD", "".join(
        f"{name},,\n" for name in [*wheel.namelist(), "tinything-1.0.dist-info/RECORD"]))
END
}

pip_installs() {
	local folder=$PUBLISHED/pypi/simple/tinything
	mkdir -p "$folder"
	make_wheel "$folder/tinything-1.0-py3-none-any.whl"
	echo '<a href="tinything-1.0-py3-none-any.whl">tinything</a>' >"$folder/index.html"
	forget
	guest python3 -m venv /tmp/venv
	guest /tmp/venv/bin/pip install -q --disable-pip-version-check --index-url https://files.example.com/pypi/simple/ tinything
	is "$(guest /tmp/venv/bin/python -c 'import tinything; print(tinything.answer)')" 42
	is "$(seen requests '.path | endswith(".whl")')" 1
}
t "pip installs a wheel from an index" pip_installs

npm_installs() {
	local folder=$PUBLISHED/npm package=$TMP/npm/package
	mkdir -p "$package" "$folder/archives"
	echo '{"name":"tinything","version":"1.0.0","main":"index.js"}' >"$package/package.json"
	echo 'module.exports = 42' >"$package/index.js"
	tar -C "$TMP/npm" -czf "$folder/archives/tinything-1.0.0.tgz" package
	jq -n --arg sum "$(sha1sum <"$folder/archives/tinything-1.0.0.tgz" | cut -d' ' -f1)" '{
		name: "tinything", "dist-tags": {latest: "1.0.0"}, versions: {"1.0.0": {name: "tinything", version: "1.0.0",
		dist: {shasum: $sum, tarball: "https://files.example.com/npm/archives/tinything-1.0.0.tgz"}}}}' >"$folder/tinything"
	forget
	guest npm config set registry https://files.example.com/npm/
	guest npm install --prefix /tmp/node --no-audit --no-fund --no-update-notifier tinything
	is "$(guest node -p 'require("/tmp/node/node_modules/tinything")')" 42
	is "$(seen requests '.path | endswith(".tgz")')" 1
}
t "npm installs a package from a registry" npm_installs

# made in the guest, because not every host has dpkg-deb
make_debian_package() {
	mkdir -p "$CLIENTS/deb/DEBIAN" "$CLIENTS/deb/usr/share"
	printf '%s\n' 'Package: tinything' 'Version: 1.0' 'Architecture: all' 'Maintainer: t <t@t>' 'Description: tiny' \
		>"$CLIENTS/deb/DEBIAN/control"
	echo 42 >"$CLIENTS/deb/usr/share/tinything"
	chmod -R go-w "$CLIENTS/deb"
	guest dpkg-deb --root-owner-group -b "$CLIENTS/deb" "$CLIENTS/tinything.deb"
	mv "$CLIENTS/tinything.deb" "$1/tinything.deb"
}

apt_installs() {
	local folder=$PUBLISHED/debian
	mkdir -p "$folder"
	make_debian_package "$folder"
	{
		cat "$CLIENTS/deb/DEBIAN/control"
		echo "Filename: ./tinything.deb"
		echo "Size: $(stat -c %s "$folder/tinything.deb")"
		echo "SHA256: $(sha256sum <"$folder/tinything.deb" | cut -d' ' -f1)"
	} >"$folder/Packages"
	forget
	guest sh -c "echo 'deb [trusted=yes] http://files.example.com/debian ./' | sudo tee /etc/apt/world.list"
	guest sudo apt-get -o Dir::Etc::SourceList=/etc/apt/world.list -o Dir::Etc::SourceParts=- update
	guest sudo apt-get -o Dir::Etc::SourceList=/etc/apt/world.list -o Dir::Etc::SourceParts=- install -qy tinything
	is "$(guest cat /usr/share/tinything)" 42
	is "$(seen requests '.path | endswith(".deb")')" 1
}
t "apt-get updates and installs over http" apt_installs

# grpc_call METHOD MESSAGE: what the server of the world answers, called without generated code
grpc_call() {
	guest python3 -c '
import grpc, os, sys
roots = open(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"), "rb").read()
with grpc.secure_channel("grpc.example.com:443", grpc.ssl_channel_credentials(roots)) as channel:
    print(channel.unary_unary(sys.argv[1])(sys.argv[2].encode()).decode())' "$@"
}

grpc_calls() {
	forget
	is "$(grpc_call /t.T/Repeat tunnelled)" tunnelled
	# a rule about paths has the proxy look into it
	clients policy deny network grpc.example.com --method ANY --path '/t.T/Never' --sandbox clients
	is "$(grpc_call /t.T/Repeat looked-into)" looked-into
	fails 1 grpc_call /t.T/Never refused
	says "$(cat "$TMP/stderr")" PERMISSION_DENIED
	is "$(seen requests '.server == "grpc"')" 2
}
t "gRPC calls, tunnelled and looked into" grpc_calls

# websocket HOST PATH TEXT...: what a server repeats of them, by a client of RFC 6455; or the status it was refused with
websocket() {
	clients exec -i clients python3 - "$@" <<'END'
import base64, os, socket, ssl, sys
host, path, *texts = sys.argv[1:]
with ssl.create_default_context().wrap_socket(socket.create_connection((host, 443), 20), server_hostname=host) as peer:
    peer.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode())
    stream = peer.makefile("rb")
    status = stream.readline().split()[1].decode()
    while stream.readline() not in (b"\r\n", b""):
        pass
    if status != "101":
        sys.exit(print(status))
    for text in texts:
        mask = os.urandom(4)
        peer.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(text.encode())))
        print(stream.read(2 + len(text))[2:].decode())
END
}

websockets() {
	is "$(websocket www.example.com /websocket tunnelled)" tunnelled
	clients policy deny network files.example.com --method ANY --path '/never/**' --sandbox clients
	is "$(websocket files.example.com /websocket looked into | tr '\n' ' ')" 'looked into '
	is "$(websocket files.example.com /never/websocket x)" 403
}
t "WebSockets, tunnelled, and after a look at their handshake" websockets

# A program on java.net.http. The runtime's files are copied, as unpacking its packages would take minutes here; the package that
# makes its keystore is installed as any other.
java_installed() {
	cat >"$CLIENTS/Get.java" <<'END'
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

class Get {
	public static void main(String[] words) throws Exception {
		var request = HttpRequest.newBuilder(URI.create(words[0])).header("X-Key", "sbx-cs-java").build();
		System.out.println(HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body());
	}
}
END
	printf '%s' "$JAVA_SECRET" | clients secret set-custom --host api.example.com --env JAVA_KEY --placeholder sbx-cs-java
	clients mount clients "$JDK:ro"
	guest sudo sh -ec 'cp -R "$1/." / && ln -s /usr/lib/jvm/java-21-openjdk-amd64/bin/* /usr/bin/' - "$JDK/root"
	guest sudo env JAVA_TOOL_OPTIONS="$JAVA_LIGHT" dpkg -i "$JDK/ca-certificates-java.deb"
	guest javac $(printf -- '-J%s ' $JAVA_LIGHT) -d /var/tmp "$CLIENTS/Get.java"
}

# java_gets OPTION...
java_gets() {
	forget
	says "$(guest java $JAVA_LIGHT "$@" -cp /var/tmp Get https://api.example.com/echo)" '"server": "good"'
	is "$(seen requests ".headers[] | select(.[0] == \"x-key\") | .[1] == \"$JAVA_SECRET\"")" 1
}

java_doubts() {
	guest sh -ec 'cp /etc/ssl/certs/java/cacerts /tmp/others && keytool -delete -alias debian:sbx.pem -keystore /tmp/others -storepass changeit'
	fails 1 java_gets -Djavax.net.ssl.trustStore=/tmp/others
	says "$(cat "$TMP/stderr")" 'unable to find valid certification path'
	is "$(seen requests '.path == "/echo"')" 0
}

# An image may have Java's store, and the authority is another in each sandbox.
java_learns() {
	guest sudo sh -c 'cp /tmp/others /etc/ssl/certs/java/cacerts && rm /usr/local/share/ca-certificates/*'
	clients stop clients
	wait_for 200 java_gets
}

JAVA_SECRET=the-real-value-for-java-0123456789
# An emulated processor pays for each thread and each compilation of the virtual machine. With one compiler, no code is put in
# another's place while a thread enters it, which the emulator reads byte by byte: the likely cause of a crash of the JVM.
JAVA_LIGHT='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
if JDK=$("$here/world/jdk" 2>"$TMP/jdk.log"); then
	t "OpenJDK is installed, and a program for it compiled" java_installed
	t "Java trusts what a look into its connections shows it, and a secret is put in" java_gets
	t "without the authority it does not, and nothing is asked" java_doubts
	t "Java's keystore is told of another authority at the start" java_learns
else
	skip "Java trusts what a look into its connections shows it" "OpenJDK cannot be fetched: $(tail -n 1 "$TMP/jdk.log")"
fi

agent_is_guarded() {
	says "$(guest ssh-add -l)" 'key-of-the-host \(ED25519\)'
	fails 1 guest ssh-add -D
	guest ssh-keygen -q -t ed25519 -N '' -C key-of-the-guest -f /tmp/guest-key
	fails 1 guest ssh-add /tmp/guest-key
	fails 1 guest ssh-add -d /tmp/guest-key.pub
	SSH_AUTH_SOCK=$AGENT ssh-add -l >"$TMP/keys"
	is "$(wc -l <"$TMP/keys")" 1
	says "$(cat "$TMP/keys")" 'key-of-the-host'
}
t "the host's agent lists its keys to the guest, and takes and loses none by it" agent_is_guarded

# ssh_server: one in the world that lets in who has the key of the agent
ssh_server() {
	mkdir -p /run/sshd "$TMP/sshd"
	cp "$TMP/key.pub" "$TMP/sshd/authorized"
	ssh-keygen -q -t ed25519 -N '' -f "$TMP/sshd/host-key"
	cat >"$TMP/sshd/config" <<END
ListenAddress 93.184.216.34:22
HostKey $TMP/sshd/host-key
AuthorizedKeysFile $TMP/sshd/authorized
PidFile $TMP/sshd/pid
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
END
	in_world /usr/sbin/sshd -f "$TMP/sshd/config" -E "$TMP/sshd/log"
	wait_for 30 test -s "$TMP/sshd/pid"
}

git_over_ssh() {
	local ssh='ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'
	ssh_server
	clients stop clients # it forgets the names of this address whose connections are looked into, which ssh's are not
	git init -q --bare "$TMP/pushed.git"
	guest sh -c "cd /tmp && git init -q work && cd work && git config user.name t && git config user.email t@t &&
		git commit -q --allow-empty -m 'from the guest' &&
		GIT_SSH_COMMAND='$ssh' git push -q root@ssh.example.com:$TMP/pushed.git HEAD:refs/heads/main"
	is "$(git -C "$TMP/pushed.git" log --format=%s main)" 'from the guest'
	is "$(guest sh -c "cd /tmp && GIT_SSH_COMMAND='$ssh' git clone -q -b main root@ssh.example.com:$TMP/pushed.git again && git -C again log --format=%s")" 'from the guest'
	fails 255 guest env -u SSH_AUTH_SOCK $ssh root@ssh.example.com true
}
if [ -x /usr/sbin/sshd ]; then
	t "git pushes and clones over ssh, signed by the host's agent" git_over_ssh
else
	skip "git pushes and clones over ssh, signed by the host's agent" "no sshd"
fi

# datagram_returns PORT: one to the published port and the answer to it
datagram_returns() {
	in_host python3 - "$1" <<'END'
import socket, sys
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.settimeout(1)  # it may be lost, or nobody there yet: the caller tries again
peer.sendto(b"hello", ("127.0.0.1", int(sys.argv[1])))
sys.exit(peer.recvfrom(100)[0] != b"hello")
END
}

datagrams() {
	local port
	clients ports clients -p 4000/udp4
	port=$(clients ports clients --json | jq '.[0].host_port')
	clients exec -d clients socat UDP4-RECVFROM:4000,fork EXEC:cat
	wait_for 60 datagram_returns "$port"
	datagram_returns "$port" || datagram_returns "$port"
	clients ports clients --unpublish 4000/udp4
	is "$(clients ports clients)" 'No published ports'
}
t "a published datagram port answers" datagrams

clients_end() {
	[ ! -s "$TMP/sshd/pid" ] || kill "$(cat "$TMP/sshd/pid")"
	clients reset -f
}
t "the area leaves nothing" clients_end
kill "$agent_pid"
wait "$agent_pid" 2>/dev/null
