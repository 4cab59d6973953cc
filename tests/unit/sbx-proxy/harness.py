"""The real sbx-proxy, with this program in the place of sbx-net and of sbxd.

Net answers dials with connections to servers on the loopback, and opens connections of
"the guest": Net.flow() is a socket, Net.listen() a port on the loopback for programs.
"""
import array
import os
import queue
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

POLICY_BEGIN, POLICY_RULE, POLICY_END, AUTHORITY, TRUST, UPSTREAM = 1, 2, 3, 4, 5, 6
CREDENTIALS_BEGIN, CREDENTIAL, CREDENTIALS_END, AGENT = 7, 8, 9, 10
VERDICT, APPLIED, SECRET_USED, ALARM, TOKENS, AGENT_WANTED = 32, 33, 34, 35, 36, 37
EXPLICIT, TRANSPARENT, SSH_AGENT = 1, 2, 3
NET_FLOW, NET_DIALLED, NET_DIAL = 64, 65, 96
VIA_UPSTREAM = 2
EACCES, ECONNREFUSED = 13, 111
PATIENCE = 60  # seconds; only a failure takes that long


def tlv(tag, value):
    if isinstance(value, str):
        value = value.encode()
    return struct.pack("<HHI", tag, 0, len(value)) + value


def u32(tag, value):
    return tlv(tag, struct.pack("<I", value))


def u64(tag, value):
    return tlv(tag, struct.pack("<Q", value))


def frame(kind, *fields):
    payload = b"".join(fields)
    return struct.pack("<IHH", len(payload), kind, 0) + payload


def fields_of(payload):
    found = {}
    while payload:
        tag, _, length = struct.unpack_from("<HHI", payload)
        found.setdefault(tag, []).append(payload[8:8 + length])
        payload = payload[8 + length:]
    return found


def number(found, tag):
    return int.from_bytes(found[tag][0], "little") if tag in found else 0


def text(found, tag):
    return found[tag][0].decode() if tag in found else None


def pair(kind=socket.SOCK_STREAM):
    return socket.socketpair(socket.AF_UNIX, kind)


class Net:
    """sbx-net: names to (host, port) on the loopback, or to (errno, rule, text)."""

    def __init__(self, link):
        self.link = link
        self.places = {}
        self.dials = []
        self.last = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                packet = self.link.recv(1 << 17)
            except OSError:
                return
            if not packet:
                return
            found = fields_of(packet[8:])
            ask = number(found, 9), text(found, 7), number(found, 8), number(found, 15)
            self.dials.append(ask[1:])
            threading.Thread(target=self.answer, args=ask[:3], daemon=True).start()

    def answer(self, dial, name, port):
        place = self.places.get((name, port), self.places.get(name))
        flags = 0
        if place is None:
            place = (EACCES, None, f"no rule allows {name}:{port}")
        if isinstance(place[0], str) and len(place) == 3:
            flags, place = place[2], place[:2]
        if isinstance(place[0], str):
            try:
                to = socket.create_connection(place)
            except OSError as error:
                place = (error.errno, None, None)
            else:
                reply = frame(NET_DIALLED, u64(9, dial), u32(1, flags))
                socket.send_fds(self.link, [reply], [to.fileno()])
                to.close()
                return
        error, rule, why = place
        parts = [u64(9, dial), u32(12, error)]
        if rule is not None:
            parts.append(tlv(13, rule))
        if why is not None:
            parts.append(tlv(14, why))
        self.link.send(frame(NET_DIALLED, *parts))

    def flow(self, kind=EXPLICIT, address=None, port=0):
        ours, theirs = pair()
        with self.lock:
            self.last += 1
            parts = [u64(9, self.last), u32(10, kind), u32(8, port)]
        if address:
            parts.append(tlv(11, address))
        socket.send_fds(self.link, [frame(NET_FLOW, *parts)], [theirs.fileno()])
        theirs.close()
        ours.settimeout(PATIENCE)
        return ours

    def listen(self, kind=EXPLICIT, address=None, port=0):
        """A port on the loopback; each connection to it is one of the guest."""
        door = socket.create_server(("127.0.0.1", 0), backlog=1024)

        def serve():
            while True:
                try:
                    client, _ = door.accept()
                except OSError:
                    return
                flow = self.flow(kind, address, port)
                flow.settimeout(None)
                for a, b in ((client, flow), (flow, client)):
                    threading.Thread(target=carry, args=(a, b), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        return door.getsockname()[1]


def carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one of them is gone; what the other end said before is still carried
        for end, how in ((source, socket.SHUT_RD), (target, socket.SHUT_WR)):
            try:
                end.shutdown(how)
            except OSError:
                pass


class Daemon:
    """sbxd: says what is in force, gathers events."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.events = queue.Queue()
        self.seen = []
        self.agent = None
        self.generation = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        data = b""
        while True:
            try:
                more = self.socket.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while len(data) >= 8 and len(data) >= 8 + int.from_bytes(data[:4], "little"):
                length, kind, _ = struct.unpack_from("<IHH", data)
                found = fields_of(data[8:8 + length])
                data = data[8 + length:]
                if kind == AGENT_WANTED:
                    self.grant(number(found, 11))
                self.events.put((kind, found))

    def grant(self, wish):
        reply = frame(AGENT, u64(11, wish))
        if self.agent is None:
            self.socket.send(reply)
            return
        ours, theirs = pair()
        threading.Thread(target=self.agent, args=(ours,), daemon=True).start()
        socket.send_fds(self.socket, [reply], [theirs.fileno()])
        theirs.close()

    def wait(self, kind, check=lambda found: True):
        """The first event of that kind that passes; also of those that came before."""
        for place, (seen, found) in enumerate(self.seen):
            if seen == kind and check(found):
                del self.seen[place]
                return found
        while True:
            seen, found = self.events.get(timeout=PATIENCE)
            if seen == kind and check(found):
                return found
            self.seen.append((seen, found))

    def forget(self):
        """What came so far concerns nobody any more."""
        self.seen.clear()
        while not self.events.empty():
            self.events.get()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def policy(self, *rules):
        """Rules: (id, "allow" or "deny", resource[, methods, path])."""
        self.generation += 1
        frames = [frame(POLICY_BEGIN, u64(16, self.generation))]
        for rule in rules:
            name, decision, resource = rule[:3]
            parts = [tlv(1, name), u32(2, decision == "allow"), u32(3, 1), u32(4, 1), u32(5, 1),
                     tlv(6, resource)]
            if len(rule) > 3:
                parts += [tlv(7, rule[3]), tlv(8, rule[4])]
            frames.append(frame(POLICY_RULE, *parts))
        frames.append(frame(POLICY_END, u64(16, self.generation)))
        self.send(*frames)
        self.wait(APPLIED, lambda found: number(found, 16) == self.generation)

    def credentials(self, *items):
        """Items: dictionaries of the fields of PROXY_CREDENTIAL."""
        tags = {"name": 3, "header": 6, "format": 7, "sentinel": 8, "value": 9, "username": 10,
                "token_url": 17, "refresh_sentinel": 18, "refresh": 14}
        self.generation += 1
        frames = [frame(CREDENTIALS_BEGIN)]
        for item in items:
            parts = [u32(4, item["kind"])] + [tlv(5, t) for t in item["targets"]]
            parts += [tlv(tag, item[key]) for key, tag in tags.items() if key in item]
            frames.append(frame(CREDENTIAL, *parts))
        frames.append(frame(CREDENTIALS_END, u64(16, self.generation)))
        self.send(*frames)
        self.wait(APPLIED, lambda found: number(found, 16) == self.generation)


class Certificates:
    """An authority, and certificates of it, by the openssl program."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = self.make("authority", "/CN=authority", None,
                                   "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign")

    def make(self, name, subject, names, extra="", days="30", signed=True):
        base = os.path.join(self.folder, name)
        config = base + ".ext"
        with open(config, "w") as file:
            file.write(extra + (f"\nsubjectAltName={names}" if names else "") + "\n")
        run = lambda *args: subprocess.run(["openssl", *args], check=True, capture_output=True)
        run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", base + ".key", "-out", base + ".csr", "-subj", subject)
        sign = ["-signkey", base + ".key"]
        if names and signed:
            sign = ["-CA", self.authority + ".pem", "-CAkey", self.authority + ".key",
                    "-CAcreateserial"]
        run("x509", "-req", "-in", base + ".csr", *sign, "-extfile", config, "-days", days,
            "-out", base + ".pem")
        return base

    def server(self, base, alpn=("http/1.1",), minimum=ssl.TLSVersion.TLSv1_2):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = minimum
        context.load_cert_chain(base + ".pem", base + ".key")
        context.set_alpn_protocols(list(alpn))
        return context


class Proxy:
    """sbx-proxy itself. env: for sanitizers."""

    def __init__(self, program, folder):
        self.folder = folder
        link, theirs = pair(socket.SOCK_SEQPACKET)
        path = os.path.join(folder, "proxy.sock")
        if os.path.exists(path):
            os.unlink(path)
        door = socket.socket(socket.AF_UNIX)
        door.bind(path)
        door.listen(4)
        self.log = tempfile.NamedTemporaryFile(dir=folder, prefix="log", delete=False)

        def arrange():
            high = [os.dup2(theirs.fileno(), 50), os.dup2(door.fileno(), 51)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen([program, "--weak"], preexec_fn=arrange, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        theirs.close()
        door.close()
        self.path = path
        self.link = link
        self.net = Net(link)
        self.daemon = Daemon(path)

    def authority(self, certificates):
        """The sandbox's authority: what clients in the guest trust."""
        base = certificates.make("sandbox", "/CN=sandbox", None,
                                 "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign")
        with open(base + ".pem") as a, open(base + ".key") as b:
            self.daemon.send(frame(AUTHORITY, tlv(2, a.read() + b.read())))
        with open(certificates.authority + ".pem") as trusted:
            self.daemon.send(frame(TRUST, tlv(2, trusted.read()), u32(1, 2)))
        return base + ".pem"

    def stop(self):
        """Its exit status once sbx-net is gone."""
        self.link.shutdown(socket.SHUT_RDWR)
        self.link.close()
        return self.process.wait(timeout=PATIENCE)

    def said(self):
        with open(self.log.name) as log:
            return log.read()


class Server:
    """A server on the loopback that calls handle(connection) in a thread of its own."""

    def __init__(self, handle, context=None):
        self.door = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.place = self.door.getsockname()
        self.handle, self.context = handle, context
        self.count = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.door.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.handle(connection)
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()


def read_head(connection, data=b""):
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None, data
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode("latin-1"), rest


class Origin(Server):
    """HTTP/1.1: answers with what `reply(head, body)` gives; keeps heads and bodies."""

    def __init__(self, reply=None, context=None):
        self.requests = []
        self.reply = reply or (lambda head, body: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        super().__init__(self.talk, context)

    def talk(self, connection):
        data = b""
        while True:
            head, data = read_head(connection, data)
            if head is None:
                return
            body = b""
            lines = {k.lower(): v.strip() for k, _, v in
                     (line.partition(":") for line in head.split("\r\n")[1:])}
            if "content-length" in lines:
                length = int(lines["content-length"])
                while len(data) < length:
                    data += connection.recv(65536)
                body, data = data[:length], data[length:]
            elif lines.get("transfer-encoding") == "chunked":
                body, data = read_chunks(connection, data)
            self.requests.append((head, body))
            reply = self.reply(head, body)
            for part in [reply] if isinstance(reply, bytes) else reply:
                connection.sendall(part)


def read_chunks(connection, data):
    body = b""
    while True:
        while b"\r\n" not in data:
            data += connection.recv(65536)
        size, data = data.split(b"\r\n", 1)
        size = int(size, 16)
        while len(data) < size + 2:
            data += connection.recv(65536)
        body, data = body + data[:size], data[size + 2:]
        if size == 0:
            return body, data
