"""test_program.py SBX-PROXY: the program as sbx-net, sbxd and real clients see it. TAP.

Cases named P.. are attacks on a TLS and HTTP proxy; each also checks what did not happen.
"""
import base64
import gzip
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from harness import (AGENT, ALARM, APPLIED, EACCES, ECONNREFUSED, PATIENCE, POLICY_BEGIN, POLICY_END,
                     SECRET_USED, SSH_AGENT, TOKENS, TRANSPARENT, TRUST, UPSTREAM, VERDICT,
                     VIA_UPSTREAM, Certificates, Daemon, Origin, Proxy, Server, carry, frame, number,
                     read_head, text, tlv, u64)

KEY = "sk-real-0123456789abcdef"
SENTINEL = "proxy-managed"
SERVICE = {"name": "api", "kind": 1, "targets": ["api.example"], "header": "authorization",
           "format": "Bearer %s", "sentinel": SENTINEL, "value": KEY}
CUSTOM = {"name": "TOKEN", "kind": 2, "targets": ["custom.example"], "sentinel": "sbx-cs-placeholder",
          "value": "real-custom-value-42"}
RULES = [("web", "allow", "*.example"), ("bank", "deny", "denied.example"),
         ("l7", "allow", "l7.example", "GET", "/org/**"), ("raw", "allow", "203.0.113.9")]
cases = []


def case(function):
    cases.append(function)
    return function


class World:
    """What every case begins with."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="sbx-proxy-")
        self.proxy = Proxy(program, self.folder)
        self.net, self.daemon = self.proxy.net, self.proxy.daemon
        self.certificates = Certificates(self.folder)
        self.authority = self.proxy.authority(self.certificates)
        self.bases = {}
        self.port = self.net.listen()
        self.reset()

    def reset(self):
        self.net.places.clear()
        self.daemon.policy(*[r for r in RULES if r[0] not in ("l7",)], ("l7", "allow", "l7.other"),
                           ("no-put", "deny", "l7.example", "PUT,DELETE", "/**"),
                           ("no-org", "deny", "l7.example", "ANY", "/evil/**"))
        self.daemon.credentials(SERVICE, CUSTOM)
        self.daemon.forget()  # by now what the case before was told has come

    def base(self, name):
        if name not in self.bases:
            self.bases[name] = self.certificates.make(name, "/CN=" + name, "DNS:" + name)
        return self.bases[name]

    def origin(self, name, reply=None, port=443, **how):
        context = self.certificates.server(self.base(name), **how) if port != 80 else None
        origin = Origin(reply, context)
        self.net.places[name, port] = origin.place
        return origin

    def curl(self, *args, through=True, trust=None):
        """Exit status, body, and what it said."""
        proxy = ["-x", f"http://127.0.0.1:{self.port}"] if through else []
        done = subprocess.run(["curl", "-sS", "-i", "--suppress-connect-headers", "-m",
                               str(PATIENCE), "--cacert", trust or self.authority, *proxy, *args],
                              capture_output=True)
        return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")

    def connect(self, host, port=443):
        """A connection of the guest after its CONNECT."""
        flow = self.net.flow()
        flow.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head, rest = read_head(flow)
        assert head.startswith("HTTP/1.1 200"), head
        assert rest == b""
        return flow

    def tls(self, flow, name, alpn=("http/1.1",), trust=None):
        context = ssl.create_default_context(cafile=trust or self.authority)
        context.check_hostname = name is not None
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context.wrap_socket(flow, server_hostname=name)

    def verdict(self, name, **wanted):
        def check(found):
            return text(found, 7) == name and all(
                number(found, tag) == value for tag, value in wanted.items())
        return self.daemon.wait(VERDICT, check)


def request(stream, head, body=b""):
    stream.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return answer(stream)


def answer(stream):
    head, rest = read_head(stream)
    assert head is not None, "closed"
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            while len(rest) < int(line.split(":")[1]):
                rest += stream.recv(65536)
    return head, rest.decode("latin-1")


def closed(stream):
    """Whether the other end closes, whatever comes before."""
    try:
        while stream.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def drain(stream):
    try:
        closed(stream)
    except (OSError, ssl.SSLError):
        pass


def hello(*extensions):
    """A ClientHello with these (type, value)."""
    data = b"".join(struct.pack(">HH", kind, len(value)) + value for kind, value in extensions)
    body = (b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" +
            struct.pack(">H", len(data)) + data)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def server_name(name):
    name = name.encode()
    return 0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name


def client_hello_of(name):
    context = ssl.create_default_context()
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(ours, theirs, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return theirs.read()


# ---- what must work


@case
def plain_http_by_the_explicit_proxy(w):
    origin = w.origin("a.example", port=80)
    status, said, _ = w.curl("http://a.example/x?y")
    assert status == 0 and said.startswith("HTTP/1.1 200") and said.endswith("ok\n"), said
    assert origin.requests[0][0].startswith("GET /x?y HTTP/1.1")
    found = w.verdict("a.example")
    assert number(found, 19) == 1 and text(found, 24) == "/x" and text(found, 13) == "web"


@case
def a_host_that_nothing_concerns_is_tunnelled(w):
    w.origin("a.example")
    trust = w.certificates.authority + ".pem"
    status, said, why = w.curl("https://a.example/", trust=trust)
    assert status == 0 and "200 OK" in said, why
    assert number(w.verdict("a.example"), 22) == 2  # forward-bypass


@case
def a_host_with_a_credential_is_intercepted(w):
    origin = w.origin("api.example")
    status, said, why = w.curl("https://api.example/v1", "-H", f"Authorization: Bearer {SENTINEL}")
    assert status == 0 and "200 OK" in said, why
    assert f"authorization: bearer {KEY}" in origin.requests[0][0].lower()
    assert text(w.daemon.wait(SECRET_USED), 3) == "api"
    assert number(w.verdict("api.example"), 22) == 1  # forward


@case
def a_denied_host_shows_the_block_page(w):
    for url in ("https://denied.example/", "http://denied.example/"):
        port = 443 if url.startswith("https") else 80
        w.net.places["denied.example", port] = (EACCES, "bank", "denied by rule bank")
        status, said, why = w.curl(url)
        assert status == 0 and said.startswith("HTTP/1.1 403"), why
        assert "x-sbx-deny: rule=bank" in said.lower()
        assert said.endswith(f"Blocked by network policy: domain denied.example:{port}\n"), said
        assert number(w.verdict("denied.example"), 19) == 0


@case
def transparent_connections_are_treated_alike(w):
    origin = w.origin("api.example")
    port = w.net.listen(TRANSPARENT, "203.0.113.1", 443)
    status, said, why = w.curl("--connect-to", f"::127.0.0.1:{port}", "https://api.example/t",
                               through=False)
    assert status == 0 and "200 OK" in said, why
    assert KEY in origin.requests[0][0]
    assert w.net.dials[-1][0] == "api.example"
    w.origin("a.example", port=80)
    port = w.net.listen(TRANSPARENT, "203.0.113.1", 80)
    status, said, why = w.curl("--connect-to", f"::127.0.0.1:{port}", "http://a.example/t",
                               through=False)
    assert status == 0 and "200 OK" in said, why


@case
def several_requests_share_a_connection(w):
    origin = w.origin("api.example")
    status, said, _ = w.curl(*[f"https://api.example/{i}" for i in range(5)])
    assert status == 0 and said.count("200 OK") == 5, said
    assert len(origin.requests) == 5 and origin.count == 1


@case
def an_origin_that_closes_is_dialled_again(w):
    origin = w.origin("api.example", lambda head, body:
                      b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nok\n")
    origin.talk_once = True
    status, said, why = w.curl(*[f"https://api.example/{i}" for i in range(3)])
    assert status == 0 and said.count("200 OK") == 3, said + why
    assert origin.count >= 2


@case
def large_bodies_pass_both_ways(w):
    data = os.urandom(3 << 20)
    path = os.path.join(w.folder, "body")
    with open(path, "wb") as file:
        file.write(data)
    for port in (443, 80):
        origin = w.origin("api.example", lambda head, body:
                          [f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode(), body],
                          port=port)
        url = ("https" if port == 443 else "http") + "://api.example/up"
        done = subprocess.run(["curl", "-sS", "-m", "60", "--cacert", w.authority, "-x",
                               f"http://127.0.0.1:{w.port}", "--data-binary", "@" + path, url],
                              capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout == data
        assert origin.requests[0][1] == data


@case
def chunked_streams_are_not_gathered(w):
    go_on = threading.Event()

    def reply(head, body):
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" \
              b"Transfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n"
        assert go_on.wait(PATIENCE)
        yield b"5\r\nlast\n\r\n0\r\n\r\n"

    w.origin("api.example", reply)
    stream = w.tls(w.connect("api.example"), "api.example")
    stream.sendall(b"GET /events HTTP/1.1\r\nHost: api.example\r\n\r\n")
    data = b""
    while b"first" not in data:
        data += stream.recv(65536)
    go_on.set()
    while not data.endswith(b"0\r\n\r\n"):
        data += stream.recv(65536)
    assert b"last" in data


UPGRADE = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n" \
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


def with_websocket(w, name, serve, *more):
    """A connection of the guest to a server that switches, with these fields, and then serves."""
    heads = []

    def handle(connection):
        heads.append(read_head(connection)[0])
        connection.sendall(b"\r\n".join((b"HTTP/1.1 101 Switching Protocols", b"Connection: Upgrade",
                                         b"Upgrade: websocket", b"Sec-WebSocket-Accept: x", *more, b"", b"")))
        serve(connection)

    w.net.places[name, 443] = Server(handle, w.certificates.server(w.base(name))).place
    stream = w.tls(w.connect(name), name)
    head, rest = request(stream, f"GET /ws HTTP/1.1\nHost: {name}\n{UPGRADE}\n"
                                 "Sec-WebSocket-Extensions: permessage-deflate")
    return stream, heads[0], head, rest.encode("latin-1")


def receive(stream, data, wanted):
    while len(data) < len(wanted):
        more = stream.recv(65536)
        assert more, data
        data += more
    assert data == wanted, data


@case
def websockets_pass_after_their_handshake(w):
    def echo(connection):
        while data := connection.recv(65536):
            connection.sendall(b"\x82" + bytes([len(data)]) + data)

    stream, asked, head, rest = with_websocket(w, "api.example", echo)
    assert " 101 " in head and KEY in asked, head + asked
    stream.sendall(b"\x81\x85\1\2\3\4hello")
    receive(stream, rest, b"\x82\x0b\x81\x85\1\2\3\4hello")


@case
def expect_continue_waits_for_the_origin(w):
    origin = w.origin("api.example", port=443)
    status, said, why = w.curl("-H", "Expect: 100-continue", "-d", "x" * 2000,
                               "--expect100-timeout", "0.2", "https://api.example/")
    assert status == 0 and "200 OK" in said, why
    assert len(origin.requests[0][1]) == 2000


@case
def another_protocol_in_a_connect_is_tunnelled(w):
    def handle(connection):
        connection.sendall(b"SSH-2.0-server\r\n")
        connection.sendall(b"got " + connection.recv(100))

    w.net.places["git.example", 22] = Server(handle).place
    flow = w.connect("git.example", 22)
    assert flow.recv(100) == b"SSH-2.0-server\r\n"
    flow.sendall(b"SSH-2.0-client\r\n")
    assert flow.recv(100) == b"got SSH-2.0-client\r\n"
    assert closed(flow)


@case
def half_closed_tunnels_go_on(w):
    def handle(connection):
        data = b""
        while more := connection.recv(65536):
            data += more
        connection.sendall(b"%d" % len(data))

    w.net.places["git.example", 9999] = Server(handle).place
    flow = w.connect("git.example", 9999)
    flow.sendall(b"x" * 500000)
    flow.shutdown(socket.SHUT_WR)
    assert flow.recv(100) == b"500000"
    assert closed(flow)


@case
def upstream_http_proxies_are_talked_through(w):
    heads = []

    def handle(connection):
        head, rest = read_head(connection)
        heads.append(head)
        to = socket.create_connection(origin.place)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=carry, args=(to, connection), daemon=True).start()
        carry(connection, to)

    origin = w.origin("api.example")
    w.daemon.send(frame(UPSTREAM, tlv(3, "http://me:p%40ss@corp:3128")))
    w.net.places["api.example", 443] = (*Server(handle).place, VIA_UPSTREAM)
    status, said, why = w.curl("https://api.example/")
    w.daemon.send(frame(UPSTREAM))
    assert status == 0 and "200 OK" in said, why
    assert heads[0].startswith("CONNECT api.example:443 HTTP/1.1\r\n")
    assert base64.b64encode(b"me:p@ss").decode() in heads[0]


@case
def upstream_socks_proxies_are_talked_through(w):
    asked = []

    def handle(connection):
        assert connection.recv(4) == b"\x05\x02\x00\x02"
        connection.sendall(b"\x05\x02")
        assert connection.recv(100) == b"\x01\x02me\x03key"
        connection.sendall(b"\x01\x00")
        asked.append(connection.recv(100))
        to = socket.create_connection(origin.place)
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        threading.Thread(target=carry, args=(to, connection), daemon=True).start()
        carry(connection, to)

    origin = w.origin("api.example")
    w.daemon.send(frame(UPSTREAM, tlv(3, "socks5h://me:key@corp:1080")))
    w.net.places["api.example", 443] = (*Server(handle).place, VIA_UPSTREAM)
    status, said, why = w.curl("https://api.example/")
    w.daemon.send(frame(UPSTREAM))
    assert status == 0 and "200 OK" in said, why
    assert asked[0] == b"\x05\x01\x00\x03\x0bapi.example\x01\xbb"


@case
def an_upstream_proxy_that_refuses_is_named(w):
    def handle(connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    w.daemon.send(frame(UPSTREAM, tlv(3, "http://corp:3128")))
    w.net.places["api.example", 443] = (*Server(handle).place, VIA_UPSTREAM)
    _, said, why = w.curl("https://api.example/")
    w.daemon.send(frame(UPSTREAM))
    assert "502" in said and "upstream proxy refuses" in said and "407" in said, said + why


@case
def origins_that_fail_are_told_of(w):
    w.net.places["api.example", 443] = (ECONNREFUSED, None, None)
    _, said, why = w.curl("https://api.example/")
    assert said.startswith("HTTP/1.1 502") and "x-sbx-error: refused" in said.lower(), said + why
    w.net.places["api.example", 443] = Server(lambda c: read_head(c),
                                              w.certificates.server(w.base("api.example"))).place
    _, said, _ = w.curl("https://api.example/")
    assert said.startswith("HTTP/1.1 502") and "before it answered" in said, said
    garbage = Server(lambda c: (read_head(c), c.sendall(b"\0\1\2 not HTTP\r\n\r\n"))).place
    w.net.places["a.example", 80] = garbage
    _, said, _ = w.curl("http://a.example/")
    assert said.startswith("HTTP/1.1 502"), said


@case
def policy_changes_act_on_open_tunnels(w):
    def handle(connection):
        while data := connection.recv(100):
            connection.sendall(data)

    w.net.places["echo.example", 9999] = Server(handle).place
    flow = w.connect("echo.example", 9999)
    flow.sendall(b"ping")
    assert flow.recv(4) == b"ping"
    w.daemon.policy(("web", "allow", "*.example"), ("no", "deny", "echo.example"))
    assert closed(flow)


@case
def revoked_credentials_are_gone_at_once(w):
    origin = w.origin("api.example")
    w.daemon.policy(("web", "allow", "*.example"), ("l7", "deny", "api.example", "GET", "/never"))
    stream = w.tls(w.connect("api.example"), "api.example")
    request(stream, "GET /1 HTTP/1.1\nHost: api.example")
    w.daemon.credentials()
    request(stream, "GET /2 HTTP/1.1\nHost: api.example")
    assert KEY in origin.requests[0][0] and KEY not in origin.requests[1][0]


@case
def the_daemon_may_come_back(w):
    w.daemon.socket.close()
    origin = w.origin("api.example")
    status, said, _ = w.curl("https://api.example/")
    assert status == 0 and KEY in origin.requests[0][0]
    w.daemon = w.proxy.daemon = Daemon(w.proxy.path)
    w.daemon.generation = 1000
    w.reset()


@case
def ssh_agents_sign_and_nothing_else(w):
    heard = []

    def agent(connection):
        while data := connection.recv(4096):
            heard.append(data[4])
            reply = bytes([data[4] + 1]) + b"answer"
            connection.sendall(struct.pack(">I", len(reply)) + reply)

    def ask(kind, body=b""):
        flow.sendall(struct.pack(">IB", len(body) + 1, kind) + body)
        size = int.from_bytes(flow.recv(4), "big")
        return flow.recv(size)

    w.daemon.agent = agent
    flow = w.net.flow(SSH_AGENT)
    assert ask(11) == b"\x0canswer"
    assert ask(13, b"x" * 1000) == b"\x0eanswer"
    assert text(w.daemon.wait(SECRET_USED), 3) == "ssh-agent"
    for kind in (17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 1, 255):
        assert ask(kind, b"key") == b"\x05"
    assert heard == [11, 13]
    flow.sendall(struct.pack(">IB", 300000, 13))
    assert closed(flow)
    w.daemon.agent = None
    flow = w.net.flow(SSH_AGENT)
    assert ask(11) == b"\x05"


@case
def the_guest_does_not_use_up_the_agent(w):
    open_now = threading.Semaphore(0)

    def agent(connection):
        open_now.release()
        while connection.recv(4096):
            pass

    w.daemon.agent = agent
    flows = [w.net.flow(SSH_AGENT) for _ in range(40)]
    for flow in flows[32:]:
        assert closed(flow)
    for _ in range(32):
        assert open_now.acquire(timeout=PATIENCE)
    assert not open_now.acquire(blocking=False)
    for flow in flows:
        flow.close()
    w.daemon.agent = None
    while True:  # until those are gone
        flow = w.net.flow(SSH_AGENT)
        try:
            flow.sendall(struct.pack(">IB", 1, 11))
            if flow.recv(5) == b"\0\0\0\1\5":
                return
        except ConnectionError:
            pass


@case
def a_descriptor_in_pieces_stays_with_its_frame(w):
    """The read that brings it ends within its frame; the next one brings more frames."""
    wishes = queue.Queue()
    w.daemon.grant = wishes.put
    flow = w.net.flow(SSH_AGENT)
    wish = wishes.get(timeout=PATIENCE)
    ours, theirs = socket.socketpair()
    w.proxy.process.send_signal(signal.SIGSTOP)
    w.daemon.send(frame(TRUST, tlv(2, "x" * (16384 - 8 - 8 - 4))))
    socket.send_fds(w.daemon.socket, [frame(AGENT, tlv(99, b""), u64(11, wish))], [theirs.fileno()])
    theirs.close()
    w.daemon.send(frame(TRUST))
    w.proxy.process.send_signal(signal.SIGCONT)
    question = struct.pack(">IB", 1, 11)
    flow.sendall(question)
    ours.settimeout(PATIENCE)
    assert ours.recv(5) == question
    ours.close()
    del w.daemon.grant


@case
def what_sbxd_waits_for_never_gives_way_to_events(w):
    """An sbxd that is late finds dropped events, but is told that its policy is in force."""
    late = socket.socket(socket.AF_UNIX)
    late.connect(w.proxy.path)
    flow = w.net.flow()
    for _ in range(1000):
        flow.sendall(b"GET http://denied.example/%s HTTP/1.1\r\nHost: denied.example\r\n\r\n" % (b"x" * 1000))
        assert answer(flow)[0].startswith("HTTP/1.1 403")
    agent = w.net.flow(SSH_AGENT)
    agent.sendall(struct.pack(">IB", 1, 11))
    assert agent.recv(5) == b"\0\0\0\1\5"  # nobody can be asked for one, and that is said
    late.sendall(frame(POLICY_BEGIN, u64(16, 7)) + frame(POLICY_END, u64(16, 7)))
    late.settimeout(PATIENCE)
    data = b""
    while frame(APPLIED, u64(16, 7)) not in data:
        more = late.recv(1 << 20)
        assert more
        data = data[-100:] + more
    w.daemon = w.proxy.daemon = Daemon(w.proxy.path)
    w.daemon.generation = 2000
    w.reset()


@case
def tokens_of_a_login_stay_on_the_host(w):
    real = {"access": "real-access-token-1", "refresh": "real-refresh-token-1"}

    def reply(head, body):
        data = json.dumps({"access_token": real["access"], "refresh_token": real["refresh"],
                           "expires_in": 3600, "scope": "all"}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" \
               % len(data) + data

    def oauth(**more):
        return {"name": "claude", "kind": 4, "targets": ["model.example"], "header": "authorization",
                "format": "Bearer %s", "sentinel": "sk-access-managed",
                "token_url": "https://login.example/v1/oauth/token",
                "refresh_sentinel": "sk-refresh-managed", **more}

    w.daemon.credentials(oauth())
    origin = w.origin("login.example", reply)
    status, said, why = w.curl("-H", "Content-Type: application/json", "-d",
                               '{"grant_type":"authorization_code","code":"abc"}',
                               "https://login.example/v1/oauth/token")
    assert status == 0 and " 200 " in said, said + why
    assert '"sk-access-managed"' in said and '"sk-refresh-managed"' in said and '"all"' in said
    assert "real-" not in said
    found = w.daemon.wait(TOKENS)
    assert text(found, 13) == real["access"] and text(found, 14) == real["refresh"]
    assert number(found, 15) > time.time() + 3000
    w.daemon.credentials(oauth(value=real["access"], refresh=real["refresh"]))
    status, said, why = w.curl("-H", "Content-Type: application/json", "-d",
                               '{"grant_type":"refresh_token","refresh_token":"sk-refresh-managed"}',
                               "https://login.example/v1/oauth/token")
    assert status == 0 and "real-" not in said, said + why
    assert real["refresh"] in origin.requests[1][1].decode()
    model = w.origin("model.example")
    w.curl("-H", "Authorization: Bearer sk-access-managed", "https://model.example/v1/messages")
    assert real["access"] in model.requests[0][0]
    w.origin("login.example", lambda head, body:
             b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n{nojs}")
    _, said, _ = w.curl("-d", "a=b", "https://login.example/v1/oauth/token")
    assert said.startswith("HTTP/1.1 502") and "nojs" not in said, said
    real["access"] = "real-" + "x" * 20000  # more than the vault takes
    w.origin("login.example", reply)
    _, said, _ = w.curl("-d", "a=b", "https://login.example/v1/oauth/token")
    assert said.startswith("HTTP/1.1 502") and "real-" not in said, said


def literal(name, value):
    """A field without index and without Huffman (RFC 7541 §6.2.2)."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def h2_frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def h2_get(stream, authority, path="/", method="GET", *more):
    fields = [(":method", method), (":scheme", "https"), (":authority", authority),
              (":path", path), *more]
    return h2_frame(1, 5, stream, b"".join(literal(*field) for field in fields))


def h2_begin(stream):
    stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_frame(4, 0, 0, b"\0\x04" + b"\x7f\xff\xff\xff") +
                   h2_frame(8, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))


def h2_read(stream, wanted):
    """Up to the end of `wanted` streams: {stream: (data, whether reset or ended by trailers)}."""
    data, found, over = b"", {}, set()
    while len(over) < wanted:
        while len(data) < 9 or len(data) < 9 + int.from_bytes(data[:3], "big"):
            more = stream.recv(65536)
            if not more:
                return found
            data += more
        size, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
        number, payload = int.from_bytes(data[5:9], "big"), data[9:9 + size]
        data = data[9 + size:]
        body, reset = found.get(number, (b"", False))
        if number and kind == 0:
            found[number] = body + payload, reset
        if kind == 3 or (kind == 1 and body):
            found[number] = body, "reset" if kind == 3 else "trailers"
        if number and (kind == 3 or (kind in (0, 1) and flags & 1)):
            over.add(number)
        if kind == 4 and not flags & 1:
            stream.sendall(h2_frame(4, 1, 0, b""))
    return found


class Nghttpd:
    """An HTTP/2 origin that nobody here wrote."""

    def __init__(self, w, name, *args):
        self.folder = tempfile.mkdtemp(dir=w.folder)
        with open(os.path.join(self.folder, "file"), "wb") as file:
            file.write(bytes(range(256)) * 8192)
        probe = socket.create_server(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        base = w.base(name)
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            ["nghttpd", "-v", "-a", "127.0.0.1", "-d", self.folder, *args, str(port),
             base + ".key", base + ".pem"], stdout=self.log, stderr=self.log)
        w.net.places[name, 443] = ("127.0.0.1", port)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError("nghttpd does not listen")

    def said(self):
        with open(self.log.name) as log:
            return log.read()

    def stop(self):
        self.process.kill()
        self.process.wait()


def with_nghttpd(function):
    """A case that needs nghttpd, which is not everywhere."""
    function.needs = "nghttpd"
    return case(function)


# ---- HTTP/2


@with_nghttpd
def http2_passes_on_both_sides(w):
    origin = Nghttpd(w, "api.example")
    try:
        path = os.path.join(w.folder, "got")
        status, said, why = w.curl("--http2", "-o", path, "-w", "%{http_version} %{http_code}",
                                   "https://api.example/file")
        assert (status, said) == (0, "2 200"), said + why
        assert f"authorization: Bearer {KEY}" in origin.said()
        with open(path, "rb") as got:
            assert got.read().endswith(bytes(range(256)) * 8192)
    finally:
        origin.stop()


@with_nghttpd
def http2_streams_are_served_side_by_side(w):
    origin = Nghttpd(w, "api.example")
    try:
        stream = w.tls(w.connect("api.example"), "api.example", alpn=("h2",))
        assert stream.selected_alpn_protocol() == "h2"
        h2_begin(stream)
        stream.sendall(b"".join(h2_get(i, "api.example", "/none") for i in range(1, 101, 2)))
        found = h2_read(stream, 50)
        assert sum(1 for number, (_, reset) in found.items() if number and not reset) == 50, found
    finally:
        origin.stop()


@with_nghttpd
def http2_uploads_pass(w):
    origin = Nghttpd(w, "api.example", "--echo-upload")
    try:
        data = os.urandom(300000)
        path = os.path.join(w.folder, "up")
        with open(path, "wb") as file:
            file.write(data)
        done = subprocess.run(["curl", "-sS", "--http2", "-m", str(PATIENCE), "--cacert",
                               w.authority, "-x", f"http://127.0.0.1:{w.port}", "--data-binary",
                               "@" + path, "https://api.example/up"], capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout == data
    finally:
        origin.stop()


@with_nghttpd
def http2_trailers_pass(w):
    origin = Nghttpd(w, "api.example", "--trailer", "grpc-status: 0")
    try:
        stream = w.tls(w.connect("api.example"), "api.example", alpn=("h2",))
        h2_begin(stream)
        stream.sendall(h2_get(1, "api.example", "/file", "GET", ("te", "trailers")))
        body, end = h2_read(stream, 1)[1]
        assert (len(body), end) == (2 << 20, "trailers")
        assert "te: trailers" in origin.said()
    finally:
        origin.stop()


@with_nghttpd
def P03_another_authority_on_one_stream_goes_nowhere(w):
    origin = Nghttpd(w, "api.example")
    other = w.origin("a.example")
    try:
        stream = w.tls(w.connect("api.example"), "api.example", alpn=("h2",))
        h2_begin(stream)
        stream.sendall(h2_get(1, "api.example", "/file") + h2_get(3, "a.example", "/file"))
        found = h2_read(stream, 2)
        assert b"this connection is for api.example:443, not for a.example:443" in found[3][0]
        assert len(found[1][0]) == 2 << 20
        assert other.count == 0 and "a.example" not in origin.said()
    finally:
        origin.stop()


@with_nghttpd
def P10_malformed_streams_go_nowhere(w):
    origin = Nghttpd(w, "api.example")
    try:
        bad = [h2_get(1, "api.example", "/x", "GET", ("Upper", "x")),
               h2_get(1, "api.example", "/x", "GET", (":path", "/y")),
               h2_get(1, "api.example", "/x", "GET", ("connection", "x")),
               h2_get(1, "api.example", "/x", "GET", ("a", "b\r\nc: d")),
               h2_get(1, "api.example", "/x", "GET", ("content-length", "5")),
               h2_get(1, "api.example", "/x", "GET", ("transfer-encoding", "chunked"))]
        for frames in bad:
            stream = w.tls(w.connect("api.example"), "api.example", alpn=("h2",))
            h2_begin(stream)
            stream.sendall(frames)
            found = h2_read(stream, 1)
            assert 1 not in found or found[1][1] or b"40" in found[1][0], (frames, found)
        assert "/x" not in origin.said()
    finally:
        origin.stop()


@with_nghttpd
def P10_floods_end_the_connection(w):
    origin = Nghttpd(w, "api.example")
    try:
        reset = b"".join(h2_get(i, "api.example") + h2_frame(3, 0, i, b"\0\0\0\x08")
                         for i in range(1, 40001, 2))
        more = h2_frame(1, 1, 1, literal(":method", "GET")) + \
            h2_frame(9, 0, 1, literal("x", "y" * 100) * 20) * 2000
        for flood in (reset, more, h2_frame(4, 0, 0, b"") * 200000, h2_frame(6, 0, 0, bytes(8)) * 200000):
            stream = w.tls(w.connect("api.example"), "api.example", alpn=("h2",))
            h2_begin(stream)
            threading.Thread(target=drain, args=(stream,), daemon=True).start()
            try:
                for i in range(0, len(flood), 16384):
                    stream.sendall(flood[i:i + 16384])
            except (OSError, ssl.SSLError):
                continue
            # Whoever takes all of it answers all of it, and still serves.
        status, said, why = w.curl("--http2", "https://api.example/none")
        assert status == 0 and " 404" in said, said + why
    finally:
        origin.stop()


@case
def a_block_page_is_shown_in_http2_too(w):
    w.net.places["denied.example", 443] = (EACCES, "bank", "denied by rule bank")
    stream = w.tls(w.connect("denied.example"), "denied.example", alpn=("h2",))
    h2_begin(stream)
    stream.sendall(h2_get(1, "denied.example"))
    assert h2_read(stream, 1)[1][0] == b"Blocked by network policy: domain denied.example:443\n"


# ---- attacks


@case
def P01_an_allowed_name_at_another_address_is_refused(w):
    # sbx-net knows which addresses the name has; the name is what it is asked for.
    w.net.places["a.example", 443] = (EACCES, None, "203.0.113.66 is not an address of a.example")
    flow = w.net.flow(TRANSPARENT, "203.0.113.66", 443)
    stream = w.tls(flow, "a.example")
    head, body = request(stream, "GET / HTTP/1.1\nHost: a.example")
    assert " 403 " in head and "203.0.113.66" in head
    assert w.net.dials[-1][:2] == ("a.example", 443)


@case
def P02_another_Host_than_the_server_name_goes_nowhere(w):
    origin, other = w.origin("api.example"), w.origin("a.example")
    stream = w.tls(w.connect("api.example"), "api.example")
    head, _ = request(stream, "GET / HTTP/1.1\nHost: a.example")
    assert " 421 " in head, head
    assert origin.requests == [] and other.requests == []
    head, _ = request(stream, "GET / HTTP/1.1\nHost: api.example:443")
    assert " 200 " in head, head
    head, _ = request(stream, "GET / HTTP/1.1\nHost: api.example:8443")
    assert " 421 " in head, head


@case
def P04_TLS_without_a_name_goes_by_address_only(w):
    w.origin("a.example")
    w.net.places["203.0.113.1", 443] = (EACCES, None, "no rule allows 203.0.113.1:443")
    flow = w.net.flow(TRANSPARENT, "203.0.113.1", 443)
    try:
        w.tls(flow, None)
    except (ssl.SSLError, OSError):
        pass
    assert w.net.dials[-1][:2] == ("203.0.113.1", 443)
    w.verdict("203.0.113.1", **{})
    w.net.places["203.0.113.9", 443] = w.net.places["a.example", 443]
    flow = w.net.flow(TRANSPARENT, "203.0.113.9", 443)
    stream = w.tls(flow, None, trust=w.certificates.authority + ".pem")
    head, _ = request(stream, "GET / HTTP/1.1\nHost: a.example")
    assert " 200 " in head


@case
def P05_malformed_hellos_are_refused(w):
    before = len(w.net.dials)
    two = hello(server_name("a.example"), server_name("b.example"))
    for bad in (two, hello((0, b"\0\x05\0\0\x02a.")), hello(server_name("a b")),
                b"\x16\x03\x01\xff\xff" + b"\1" * 100, b"\x16\x03\x01\0\0"):
        for flow in (w.net.flow(TRANSPARENT, "203.0.113.1", 443), w.connect("a.example")):
            flow.sendall(bad)
            assert closed(flow)
    assert len(w.net.dials) == before


@case
def P05_byte_by_byte_and_large_hellos_work(w):
    w.origin("a.example")
    data = client_hello_of("a.example")
    flow = w.net.flow(TRANSPARENT, "203.0.113.1", 443)
    for i in range(len(data)):
        flow.send(data[i:i + 1])
    assert flow.recv(3)[:2] == b"\x16\x03"
    large = hello((0x1a1a, b""), server_name("a.example"), (21, bytes(15000)))
    large = large[5:]
    body = large[4:]
    extra = struct.pack(">HH", 0x2a2a, 40000) + bytes(40000)
    at = 2 + 32 + 1 + 4 + 2
    total = struct.unpack(">H", body[at:at + 2])[0] + len(extra)
    body = body[:at] + struct.pack(">H", total) + body[at + 2:] + extra
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    flow = w.net.flow(TRANSPARENT, "203.0.113.1", 443)
    before = len(w.net.dials)
    for i in range(0, len(message), 16000):
        part = message[i:i + 16000]
        flow.sendall(b"\x16\x03\x01" + struct.pack(">H", len(part)) + part)
    closed(flow)  # the origin does not take it; that it was asked for is what counts
    assert w.net.dials[before][0] == "a.example"


@case
def P06_encrypted_hellos_are_looked_into(w):
    w.origin("a.example")
    flow = w.net.flow(TRANSPARENT, "203.0.113.1", 443)
    keys = (51, b"\0\x26\0\x1d\0\x20" + bytes(31) + b"\x09")
    flow.sendall(hello(server_name("a.example"), (43, b"\x02\x03\x04"), (10, b"\0\x02\0\x1d"), keys,
                       (13, b"\0\x02\x04\x03"), (0xfe0d, b"\0\0\1\0\1\0")))
    assert number(w.verdict("a.example"), 22) in (1, 3)
    closed(flow)
    assert "a.example" in [dial[0] for dial in w.net.dials]


@case
def P07_the_client_speaks_what_was_agreed(w):
    w.origin("api.example", alpn=("http/1.1",))
    stream = w.tls(w.connect("api.example"), "api.example", alpn=("h2", "http/1.1"))
    assert stream.selected_alpn_protocol() == "http/1.1"
    stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    assert closed(stream)


@case
def P08_CONNECT_and_TLS_must_agree(w):
    origin, other = w.origin("a.example"), w.origin("b.example")
    before = len(w.net.dials)
    stream = w.tls(w.connect("a.example"), "b.example")
    head, body = request(stream, "GET / HTTP/1.1\nHost: b.example")
    assert " 421 " in head and "CONNECT was for a.example" in body
    assert len(w.net.dials) == before
    assert origin.count == 0 and other.count == 0


@case
def P08_nested_CONNECT_is_refused(w):
    w.origin("a.example", port=80)
    flow = w.connect("a.example", 80)
    flow.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")
    head, _ = read_head(flow)
    assert head is None or not head.startswith("HTTP/1.1 2"), head
    assert "evil.example" not in [dial[0] for dial in w.net.dials]
    w.origin("api.example")
    stream = w.tls(w.connect("api.example"), "api.example")
    stream.sendall(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")
    head, _ = read_head(stream)
    assert head is None or not head.startswith("HTTP/1.1 2"), head
    assert "evil.example" not in [dial[0] for dial in w.net.dials]


@case
def P08_CONNECT_to_an_address_goes_by_address(w):
    w.net.places["203.0.113.5", 443] = (EACCES, None, "no rule allows 203.0.113.5:443")
    flow = w.connect("203.0.113.5")
    try:
        stream = w.tls(flow, "a.example")
        head, _ = request(stream, "GET / HTTP/1.1\nHost: a.example")
        assert " 421 " in head or " 403 " in head, head
    except (ssl.SSLError, OSError):
        pass
    flow = w.connect("203.0.113.5")
    flow.sendall(hello())
    closed(flow)
    assert w.net.dials[-1][:2] == ("203.0.113.5", 443)


@case
def P09_ambiguous_requests_go_nowhere(w):
    origin = w.origin("a.example", port=80)
    head = "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
    for bad in ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                "Transfer-Encoding: xchunked\r\n", "Content-Length: 3, 3\r\n",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "Content-Length: +3\r\n", "Content-Length: -1\r\n", "Content-Length : 3\r\n",
                "X: a\r\n b\r\n", "X: a\n", "Host: b.example\r\n",
                "Content-Length: 99999999999999999999\r\n"):
        flow = w.net.flow()
        flow.sendall((head + bad + "\r\nabc").encode())
        said, _ = read_head(flow)
        assert said is None or said.split(" ")[1][0] == "4", (bad, said)
        flow.close()
    assert origin.requests == []


@case
def P11_h2c_is_refused(w):
    origin = w.origin("a.example", port=80)
    flow = w.net.flow(TRANSPARENT, "203.0.113.1", 80)
    flow.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    assert closed(flow)
    flow = w.net.flow()
    head, _ = request(flow, "GET http://a.example/ HTTP/1.1\nHost: a.example\n"
                            "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\n"
                            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    assert " 101 " not in head
    assert all("h2c" not in got[0] for got in origin.requests)


@case
def P13_rules_hold_for_tricky_paths_and_methods(w):
    origin = w.origin("l7.example")
    stream = w.tls(w.connect("l7.example"), "l7.example")
    allowed = ["GET /org/x", "GET /", "POST /org/"]
    denied = ["PUT /org/x", "GET /evil/x", "GET //evil/x", "GET /./evil/x", "GET /a/../evil/x",
              "GET /%65vil/x", "GET /a/%2e%2e/evil/x", "GET /%2e%2e/evil", "GET /evil%2fx",
              "GET /%2565vil/x", "GET /a;/../evil/x", "GET /evil/x?/org", "DELETE /"]
    for line in allowed:
        extra = "\nContent-Length: 0" if line.startswith("POST") else ""
        head, _ = request(stream, f"{line} HTTP/1.1\nHost: l7.example{extra}")
        assert " 200 " in head, (line, head)
    count = len(origin.requests)
    for line in denied:
        extra = "\nContent-Length: 0" if line.startswith(("PUT", "DELETE")) else ""
        head, _ = request(stream, f"{line} HTTP/1.1\nHost: l7.example{extra}")
        assert " 403 " in head, (line, head)
    for field in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        head, _ = request(stream, f"POST / HTTP/1.1\nHost: l7.example\nContent-Length: 0\n"
                                  f"{field}: DELETE")
        assert " 403 " in head, (field, head)
    for field in ("X-Original-URL", "X-Rewrite-URL"):
        head, _ = request(stream, f"GET /org/x HTTP/1.1\nHost: l7.example\n{field}: /evil/x")
        assert " 403 " in head, (field, head)
    assert len(origin.requests) == count


@case
def P14_redirects_are_not_followed(w):
    origin = w.origin("api.example", lambda head, body:
                      b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\n"
                      b"Content-Length: 0\r\n\r\n")
    evil = w.origin("evil.example")
    status, said, _ = w.curl("https://api.example/")
    assert status == 0 and " 302 " in said and KEY in origin.requests[0][0]
    assert evil.count == 0


@case
def P14_without_TLS_no_key_goes_out(w):
    origin = w.origin("api.example", port=80)
    w.net.places["api.example", 443] = origin.place
    for url in ("http://api.example/", "http://api.example:443/"):
        status, said, why = w.curl(url)
        assert status == 0 and "200 OK" in said, said + why
        status, said, _ = w.curl(url, "-H", f"Authorization: Bearer {SENTINEL}")
        assert said.startswith("HTTP/1.1 403") and "without TLS" in said, said
        assert text(w.daemon.wait(ALARM), 3) == "api"
    flow = w.connect("api.example")
    flow.sendall(b"GET /inside HTTP/1.1\r\nHost: api.example:443\r\n\r\n")
    assert read_head(flow)[0].startswith("HTTP/1.1 200")
    assert len(origin.requests) == 3 and all(KEY not in head for head, _ in origin.requests)
    w.daemon.credentials({"name": "claude", "kind": 4, "targets": ["model.example"], "header": "authorization",
                          "format": "Bearer %s", "sentinel": "sk-access-managed", "refresh": "real-refresh-token-1",
                          "token_url": "https://login.example/v1/oauth/token",
                          "refresh_sentinel": "sk-refresh-managed", "value": "real-access-token-1"})
    origin = w.origin("login.example", port=80)
    w.net.places["login.example", 443] = origin.place
    w.curl("-d", "refresh_token=sk-refresh-managed", "http://login.example:443/v1/oauth/token")
    assert not any("real-" in head + str(body) for head, body in origin.requests), origin.requests


@case
def P15_a_reply_that_holds_the_secret_is_masked(w):
    def reply(head, body):
        shown = head.encode() + b' {"json":"' + KEY.encode() + b'"} ' + \
            base64.b64encode(b"x" + KEY.encode())
        if "/gzip" in head:
            data = gzip.compress(shown)
            return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX-Echo: %s\r\n" \
                   b"Content-Length: %d\r\n\r\n" % (KEY.encode(), len(data)) + data
        parts = [shown[i:i + 7] for i in range(0, len(shown), 7)]
        return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] + \
            [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]

    origin = w.origin("api.example", reply)
    for path in ("gzip", "chunks"):
        status, said, why = w.curl("--compressed", f"https://api.example/{path}")
        assert status == 0 and "GET /" + path in said and "****" in said, said + why
        assert KEY not in said
        assert base64.b64encode(b"x" + KEY.encode()).decode()[4:-4] not in said
        assert text(w.daemon.wait(ALARM), 3) == "api"
    assert KEY in origin.requests[0][0]


@case
def P15_what_comes_before_the_answer_is_masked(w):
    for first, more in (b"103 Early Hints\r\nX-Echo: a%sz\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""), \
                       (b"101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        b"Sec-WebSocket-Accept: x\r\nX-Echo: a%sz\r\n\r\n\x81\x02ok", UPGRADE):
        w.origin("api.example", lambda head, body, first=first: b"HTTP/1.1 " + first % KEY.encode())
        stream = w.tls(w.connect("api.example"), "api.example")
        stream.sendall(f"GET / HTTP/1.1\nHost: api.example\n{more}\n\n".replace("\n\n\n", "\n\n").replace("\n", "\r\n").encode())
        data = b""
        while not data.endswith(b"ok"):
            came = stream.recv(65536)
            assert came, data
            data += came
        assert b"x-echo: a****" in data.lower() and KEY.encode() not in data, data


@case
def P15_a_websocket_that_says_the_secret_is_masked(w):
    key = KEY.encode()
    parts = [b"\x81" + bytes([len(key)]) + key, b"\x01\x07" + key[:7], b"\x89\0", b"\x80" + bytes([len(key) - 7]) + key[7:]]
    stars = [b"\x81" + bytes([len(key)]) + b"*" * len(key), b"\x01\x07" + b"*" * 7, b"\x89\0",
             b"\x80" + bytes([len(key) - 7]) + b"*" * (len(key) - 7)]

    def say(connection):
        for part in parts:
            connection.sendall(part)

    stream, asked, head, rest = with_websocket(w, "api.example", say)
    assert " 101 " in head and "permessage-deflate" not in asked, head + asked
    receive(stream, rest, b"".join(stars))
    stream.close()
    assert text(w.daemon.wait(ALARM), 3) == "api"


@case
def P15_a_websocket_that_hides_what_it_says_ends(w):
    deflated = b"\xc1\x05secre"
    stream, _, head, rest = with_websocket(w, "api.example", lambda connection: connection.sendall(deflated))
    assert " 101 " in head and deflated not in rest
    assert closed(stream)
    _, _, head, _ = with_websocket(w, "api.example", drain, b"Sec-WebSocket-Extensions: permessage-deflate")
    assert " 502 " in head, head
    # where no credential is, nothing is looked for
    stream, asked, head, rest = with_websocket(w, "l7.example", lambda connection: connection.sendall(deflated))
    assert " 101 " in head and "permessage-deflate" in asked, head + asked
    receive(stream, rest, deflated)


@case
def P15_a_trailer_that_holds_the_secret_is_masked(w):
    w.origin("api.example", lambda head, body:
             b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
             b"X-Echo: a%sz\r\nGrpc-Status: 0\r\n\r\n" % KEY.encode())
    stream = w.tls(w.connect("api.example"), "api.example")
    stream.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\nTE: trailers\r\n\r\n")
    _, data = read_head(stream)
    while not data.endswith(b"\r\n\r\n"):
        data += stream.recv(65536)
    assert b"grpc-status: 0\r\n" in data and b"x-echo: a****" in data, data
    assert KEY.encode() not in data


@case
def P15_an_encoding_that_hides_is_not_passed_on(w):
    w.origin("api.example", lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Encoding: compress\r\n"
                                               b"Content-Length: 3\r\n\r\nabc")
    _, said, _ = w.curl("https://api.example/")
    assert said.startswith("HTTP/1.1 502"), said


@case
def P17_credentials_of_the_client_are_taken_away(w):
    origin = w.origin("api.example")
    w.curl("https://api.example/?key=mine", "-H", "Authorization: Bearer mine", "-H",
           "X-Api-Key: mine", "-H", "Api-Key: mine", "-H", "X-Goog-Api-Key: mine")
    head = origin.requests[0][0].lower()
    assert f"authorization: bearer {KEY}" in head
    assert head.count("authorization:") == 1 and "api-key" not in head, head


@case
def P17_P19_trailers_stay_where_there_are_secrets(w):
    taken = []

    def handle(connection):
        _, data = read_head(connection)
        while b"0\r\n" not in data or not data.endswith(b"\r\n\r\n"):
            data += connection.recv(65536)
        taken.append(data)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    for name in ("api.example", "custom.example"):
        origin = Server(handle, w.certificates.server(w.base(name)))
        w.net.places[name, 443] = origin.place
        stream = w.tls(w.connect(name), name)
        stream.sendall(f"POST / HTTP/1.1\r\nHost: {name}\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n0\r\nX-Token: sbx-cs-placeholder\r\nX-Key: mine\r\n\r\n".encode())
        assert read_head(stream)[0].startswith("HTTP/1.1 200")
        assert taken[-1].endswith(b"\r\n0\r\n\r\n") and b"x-" not in taken[-1].lower(), taken


@case
def P19_a_placeholder_for_another_host_stops(w):
    origin = w.origin("api.example")
    for args in (["-H", "X-Token: sbx-cs-placeholder"], ["-H", "Cookie: a=sbx-cs-placeholder"]):
        status, said, _ = w.curl("https://api.example/", *args)
        assert said.startswith("HTTP/1.1 403"), said
        assert text(w.daemon.wait(ALARM), 3) == "TOKEN"
    assert origin.requests == []
    origin = w.origin("custom.example")
    w.curl("https://custom.example/", "-H", "X-Token: a-sbx-cs-placeholder-b")
    assert "a-real-custom-value-42-b" in origin.requests[0][0]


@case
def P20_origins_that_cannot_be_verified_are_refused(w):
    certificates = w.certificates
    wrong = certificates.make("wrong", "/CN=wrong", "DNS:other.example")
    alone = certificates.make("alone", "/CN=alone", "DNS:api.example", signed=False)
    old = certificates.make("old", "/CN=old", "DNS:api.example", days="-1")
    limited = certificates.make("limited", "/CN=limited", None,
                                "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth"
                                "\nsubjectAltName=DNS:api.example")
    for base, words in ((wrong, "is for other.example"), (alone, "self-signed"),
                        (old, "has expired"), (limited, "certificate of api.example")):
        seen = []
        origin = Server(lambda c: seen.append(c.recv(100)), certificates.server(base))
        w.net.places["api.example", 443] = origin.place
        _, said, why = w.curl("https://api.example/")
        assert said.startswith("HTTP/1.1 502") and words in said, (words, said, why)
        assert "x-sbx-error: tls" in said.lower()
        assert seen in ([], [b""])


@case
def P21_a_client_that_pins_is_told_of(w):
    w.origin("api.example")
    status, _, why = w.curl("https://api.example/", trust=w.certificates.authority + ".pem")
    assert status == 60, (status, why)
    found = w.daemon.wait(VERDICT, lambda found: text(found, 7) == "api.example" and text(found, 14) is not None)
    assert "pins certificates" in text(found, 14)


@case
def P22_client_certificates_pass_in_tunnels_only(w):
    asked = w.certificates.server(w.base("a.example"))
    asked.verify_mode = ssl.CERT_REQUIRED
    asked.load_verify_locations(w.certificates.authority + ".pem")
    origin = Origin(context=asked)
    w.net.places["a.example", 443] = origin.place
    client = w.certificates.make("client", "/CN=client", "DNS:client")
    trust = w.certificates.authority + ".pem"
    status, said, why = w.curl("--cert", client + ".pem", "--key", client + ".key",
                               "https://a.example/", trust=trust)
    assert status == 0 and "200 OK" in said, why
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        asked = w.certificates.server(w.base("api.example"))
        asked.verify_mode = ssl.CERT_REQUIRED
        asked.maximum_version = version
        asked.load_verify_locations(w.certificates.authority + ".pem")
        w.net.places["api.example", 443] = Origin(context=asked).place
        _, said, _ = w.curl("https://api.example/")
        assert said.startswith("HTTP/1.1 502") and "asks for a client certificate" in said, said


@case
def P24_heads_are_bounded(w):
    origin = w.origin("a.example", port=80)
    head = b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n"
    for big in (b"X: " + b"a" * (1 << 20), b"".join(b"x%d: y\r\n" % i for i in range(1000)),
                b"x" * (1 << 20)):
        flow = w.net.flow()
        try:
            flow.sendall(head + big + b"\r\n\r\n")
        except OSError:
            pass
        try:
            said, _ = read_head(flow)
        except OSError:
            said = None
        assert said is None or said.split(" ")[1][0] == "4", said
        flow.close()
    assert origin.requests == []


@case
def P24_a_bomb_does_not_grow_us(w):
    data = gzip.compress(bytes(200 << 20))
    w.origin("api.example", lambda head, body:
             [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data),
              data])
    subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "60", "--cacert", w.authority, "-x",
                    f"http://127.0.0.1:{w.port}", "https://api.example/bomb"])
    with open(f"/proc/{w.proxy.process.pid}/statm") as statm:
        pages = int(statm.read().split()[1])
    assert pages * 4096 < 600 << 20  # with the sanitizers' own


@case
def P27_explicit_and_transparent_decide_alike(w):
    w.net.places["denied.example", 443] = (EACCES, "bank", "denied by rule bank")
    _, explicit, _ = w.curl("https://denied.example/")
    port = w.net.listen(TRANSPARENT, "203.0.113.1", 443)
    _, transparent, _ = w.curl("--connect-to", f"::127.0.0.1:{port}", "https://denied.example/",
                               through=False)
    assert explicit == transparent and " 403 " in explicit


@case
def P29_alternatives_are_not_shown(w):
    w.origin("api.example", lambda head, body: b"HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"\r\n"
                                               b"Content-Length: 0\r\n\r\n")
    _, said, _ = w.curl("https://api.example/")
    assert "200 OK" in said and "alt-svc" not in said.lower()


@case
def P30_paths_of_a_host_are_told_apart(w):
    w.daemon.policy(("org", "allow", "git.example", "ANY", "/mine/**"))
    origin = w.origin("git.example")
    stream = w.tls(w.connect("git.example"), "git.example")
    head, _ = request(stream, "GET /mine/repo.git/info/refs?service=git-receive-pack HTTP/1.1\n"
                              "Host: git.example")
    assert " 200 " in head
    head, body = request(stream, "GET /theirs/repo.git/info/refs?service=git-receive-pack HTTP/1.1\n"
                                 "Host: git.example")
    assert " 403 " in head and "git.example:443" in body
    assert len(origin.requests) == 1


@case
def unknown_protocols_on_ports_of_the_web_go_by_address(w):
    w.net.places["203.0.113.7", 443] = (EACCES, None, "no")
    flow = w.net.flow(TRANSPARENT, "203.0.113.7", 443)
    flow.sendall(b"SSH-2.0-x\r\n")
    assert closed(flow)
    assert w.net.dials[-1][:2] == ("203.0.113.7", 443)
    flow = w.connect("api.example")
    before = len(w.net.dials)
    flow.sendall(b"\0\1\2\3")
    assert closed(flow) and len(w.net.dials) == before


@case
def nothing_is_allowed_before_the_first_policy(w):
    other = Proxy(sys.argv[1], tempfile.mkdtemp(prefix="sbx-proxy-"))
    flow = other.net.flow()
    origin = Origin()
    other.net.places["a.example", 80] = origin.place
    head, _ = request(flow, "GET http://a.example/ HTTP/1.1\nHost: a.example")
    assert " 403 " in head and origin.requests == []
    flow.close()
    assert other.stop() == 0, other.said()


@case
def it_ends_clean_when_sbx_net_does(w):
    flow = w.connect("a.example")
    assert w.proxy.stop() == 0, w.proxy.said()
    assert KEY not in w.proxy.said()
    flow.close()


def main():
    only = sys.argv[2:]
    chosen = [c for c in cases if not only or c.__name__ in only]
    print(f"1..{len(chosen)}", flush=True)
    w = World(sys.argv[1])
    failed = False
    for place, run in enumerate(chosen, 1):
        if shutil.which(getattr(run, "needs", "sh")) is None:
            print(f"ok {place} - {run.__name__} # SKIP no {run.needs} here", flush=True)
            continue
        try:
            if run.__name__ != "it_ends_clean_when_sbx_net_does":
                w.reset()
            run(w)
            print(f"ok {place} - {run.__name__}", flush=True)
        except Exception:
            failed = True
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {place} - {run.__name__}", flush=True)
            if w.proxy.process.poll() is not None:
                print("# it ended:", w.proxy.process.returncode)
                for line in w.proxy.said().splitlines()[-60:]:
                    print("#", line)
                break
    w.proxy.process.kill() if w.proxy.process.poll() is None else None
    return failed


if __name__ == "__main__":
    sys.exit(main())
