#!/usr/bin/env python3
"""A virtio-fs server with two files, for the notification queue of the guest kernel.

Usage: notifications_server.py SOCKET

Speaks vhost-user to one QEMU. A guest that looks up the name "go-STEP" in the root
directory sets off the step of that name: see the class Steps. Everything may be cached
for an hour, so what a guest sees after a step it sees because of a notification.
"""

import errno
import mmap
import os
import selectors
import socket
import struct
import sys

HOUR = 3600
ROOT, FILE, LATE = 1, 2, 3
INVAL_INODE, INVAL_ENTRY, DELETE, FSNOTIFY = 2, 3, 6, 100
IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x40, 0x80, 0x100, 0x200


def inval_inode(node):
    return INVAL_INODE, struct.pack("<Qqq", node, 0, 0)


def inval_entry(name):
    return INVAL_ENTRY, struct.pack("<QII", ROOT, len(name), 0) + name + b"\0"


def delete(node, name):
    return DELETE, struct.pack("<QQII", ROOT, node, len(name), 0) + name + b"\0"


def fsnotify(mask, parent, child, name, cookie=0):
    body = struct.pack("<QQIIII", parent, child, mask, len(name), cookie, 0)
    return FSNOTIFY, body + name + b"\0"


class Steps:
    """What happens on the host, and how the guest is told."""

    def __init__(self, fs, notify, raw):
        self.fs, self.notify, self.raw = fs, notify, raw

    def change(self):
        self.fs.files[FILE] = b"changed on the host\n"
        self.notify(*inval_inode(FILE))
        self.notify(*fsnotify(IN_MODIFY, ROOT, FILE, b"file"))

    def create(self):
        self.fs.names[b"late"] = LATE
        self.notify(*inval_entry(b"late"))
        self.notify(*fsnotify(IN_CREATE, ROOT, 0, b"late"))

    def delete(self):
        del self.fs.names[b"late"]
        self.notify(*delete(LATE, b"late"))
        self.notify(*fsnotify(IN_DELETE, ROOT, LATE, b"late"))

    def rename(self):
        self.notify(*fsnotify(IN_MOVED_FROM, ROOT, 0, b"here", 7))
        self.notify(*fsnotify(IN_MOVED_TO, ROOT, 0, b"there", 7))

    def many(self):
        for _ in range(500):
            self.notify(*inval_inode(FILE))
        self.notify(*fsnotify(IN_CREATE, ROOT, 0, b"after-many"))

    def hostile(self):
        code, body = fsnotify(IN_CREATE, ROOT, 0, b"good")
        self.raw(b"")
        self.raw(b"\xff" * 15)
        self.raw(b"\xff" * 4096)
        self.raw(struct.pack("<IiQ", 16, code, 0))
        self.raw(struct.pack("<IiQ", 4096, code, 0) + body)
        self.raw(struct.pack("<IiQ", 16 + len(body), code, 1) + body)
        self.raw(struct.pack("<IiQ", 16 + len(body), code, 0) + body, used=0xFFFFFFFF)
        for length in range(len(body)):
            self.notify(code, body[:length])
        for other in (-1, 0, 1, 5, 7, 8, 99, 101):
            self.notify(other, body)
        for mask in (0, 0x1000, 0x40000000, 0xFFFFFFFF):
            self.notify(*fsnotify(mask, ROOT, 0, b"bad"))
        for name in (b"", b"a/b", b"a\0b", b"x" * 1025):
            self.notify(*fsnotify(IN_CREATE, ROOT, 0, name))
        self.notify(*fsnotify(IN_CREATE, FILE, 0, b"in-a-file"))
        self.notify(*fsnotify(IN_CREATE, 12345, 0, b"unknown"))
        self.notify(*fsnotify(IN_CREATE, 0, 0, b"nowhere"))
        self.notify(*fsnotify(0x400, ROOT, 0, b"self-without-child"))
        self.notify(*inval_inode(12345))
        self.notify(*inval_entry(b"no-such-name"))
        self.notify(*delete(12345, b"file"))
        self.notify(code, body)


class FileSystem:
    def __init__(self):
        self.files = {FILE: b"as it was\n", LATE: b"late\n"}
        self.names = {b"file": FILE}

    def attributes(self, node):
        mode = 0o40755 if node == ROOT else 0o100644
        size = len(self.files.get(node, b""))
        return struct.pack("<6Q10I", node, size, 1, 1, 1, 1, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def lookup(self, node, body):
        # A node id of 0 is a name that is not there, to be remembered for an hour; but
        # not that of a step, which can be taken again.
        name = body.split(b"\0")[0]
        child = self.names.get(name, 0)
        remember = 0 if name.startswith(b"go-") else HOUR
        entry = struct.pack("<4Q2I", child, 0, remember, HOUR, 0, 0)
        return entry + self.attributes(child)

    def getattr(self, node, body):
        return struct.pack("<QII", HOUR, 0, 0) + self.attributes(node)

    def open(self, node, body):
        return struct.pack("<QII", 0, 1 << 1, 0)  # FOPEN_KEEP_CACHE

    def read(self, node, body):
        offset, size = struct.unpack_from("<QI", body, 8)
        return self.files[node][offset:offset + size]

    def init(self, node, body):
        return struct.pack("<4I2H2I2H8I", 7, 31, 1 << 17, 0, 16, 12, 1 << 17, 1, 32, 0, *[0] * 8)

    def nothing(self, node, body):
        return b""

    OPERATIONS = {1: lookup, 3: getattr, 14: open, 15: read, 18: nothing, 25: nothing,
                  26: init, 27: open, 29: nothing, 38: nothing}
    WITHOUT_REPLY = (2, 42)  # FORGET, BATCH_FORGET

    def request(self, data):
        """Returns the reply, None if there is none, and the name of a step."""
        _, opcode, unique, node = struct.unpack_from("<IIQQ", data)
        body = data[40:]
        if opcode in self.WITHOUT_REPLY:
            return None, None
        operation = self.OPERATIONS.get(opcode)
        error, out = 0, b""
        if operation:
            out = operation(self, node, body)
        else:
            error = -errno.ENOSYS
        step = body[3:-1].decode() if opcode == 1 and body.startswith(b"go-") else None
        return struct.pack("<IiQ", 16 + len(out), error, unique) + out, step


class Queue:
    """The device's side of a split virtqueue."""

    def __init__(self, memory):
        self.memory = memory
        self.kick = self.call = -1
        self.number = self.next = 0

    def set_addresses(self, descriptors, used, available):
        self.descriptors, self.used, self.available = descriptors, used, available

    def take(self):
        """The next chain: its head, the bytes to read, the places to write; or None."""
        if self.next == self.memory.unpack("<H", self.available + 2)[0]:
            return None
        slot = self.available + 4 + 2 * (self.next % self.number)
        head = index = self.memory.unpack("<H", slot)[0]
        self.next = (self.next + 1) & 0xFFFF
        readable, writable = b"", []
        while True:
            address, length, flags, following = self.memory.unpack(
                "<QIHH", self.descriptors + 16 * index)
            place = self.memory.guest(address)
            if flags & 2:
                writable.append((place, length))
            else:
                readable += self.memory.read(place, length)
            if not flags & 1:
                return head, readable, writable
            index = following

    def give(self, head, writable, data, used=None):
        rest = data
        for place, length in writable:
            self.memory.write(place, rest[:length])
            rest = rest[length:]
        index = self.memory.unpack("<H", self.used + 2)[0]
        self.memory.write(self.used + 4 + 8 * (index % self.number),
                          struct.pack("<II", head, len(data) if used is None else used))
        self.memory.write(self.used + 2, struct.pack("<H", (index + 1) & 0xFFFF))
        if self.call >= 0:
            os.write(self.call, struct.pack("<Q", 1))


class Memory:
    """The guest's memory; a place in it is an offset into all regions joined together."""

    def __init__(self):
        self.regions = []

    def map(self, payload, fds):
        count = struct.unpack_from("<I", payload)[0]
        self.regions, base = [], 0
        for i, fd in zip(range(count), fds):
            guest, size, user, offset = struct.unpack_from("<4Q", payload, 8 + 32 * i)
            self.regions.append((base, size, guest, user, mmap.mmap(fd, offset + size), offset))
            base += size
            os.close(fd)

    def translate(self, address, kind):
        for region in self.regions:
            if region[kind] <= address < region[kind] + region[1]:
                return region[0] + address - region[kind]
        raise ValueError(f"address {address:#x} is not in guest memory")

    def guest(self, address):
        return self.translate(address, 2)

    def user(self, address):
        return self.translate(address, 3)

    def locate(self, place):
        for base, size, _, _, data, offset in self.regions:
            if base <= place < base + size:
                return data, place - base + offset
        raise ValueError(f"place {place:#x} is not in guest memory")

    def read(self, place, length):
        data, offset = self.locate(place)
        return data[offset:offset + length]

    def write(self, place, value):
        data, offset = self.locate(place)
        data[offset:offset + len(value)] = value

    def unpack(self, layout, place):
        return struct.unpack(layout, self.read(place, struct.calcsize(layout)))


class Device:
    """vhost-user: hiprio, one request queue, and the last queue for notifications."""

    FEATURES = 1 << 30 | 1 << 32  # VHOST_USER_F_PROTOCOL_FEATURES, VIRTIO_F_VERSION_1
    PROTOCOL_FEATURES = 1 << 0  # MQ
    HIPRIO, REQUESTS, NOTIFICATIONS, COUNT = 0, 1, 2, 3

    def __init__(self, connection):
        self.connection = connection
        self.selector = selectors.DefaultSelector()
        self.selector.register(connection, selectors.EVENT_READ, self.message)
        self.memory = Memory()
        self.queues = [Queue(self.memory) for _ in range(self.COUNT)]
        self.pending = []
        self.steps = Steps(FileSystem(), self.notify, self.raw)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if not key.data(key.fileobj):
                    return

    def message(self, connection):
        header, fds, _, _ = socket.recv_fds(connection, 12, 8)
        if len(header) < 12:
            return False
        request, _, size = struct.unpack("<III", header)
        payload = connection.recv(size, socket.MSG_WAITALL) if size else b""
        answer = self.handle(request, payload, fds)
        if answer is not None:
            connection.sendall(struct.pack("<III", request, 5, len(answer)) + answer)
        return True

    def handle(self, request, payload, fds):
        number = struct.unpack_from("<Q", payload)[0] if len(payload) >= 8 else 0
        index, value = struct.unpack_from("<II", payload) if len(payload) >= 8 else (0, 0)
        if request == 1:
            return struct.pack("<Q", self.FEATURES)
        if request == 15:
            return struct.pack("<Q", self.PROTOCOL_FEATURES)
        if request == 17:
            return struct.pack("<Q", self.COUNT)
        if request == 5:
            self.memory.map(payload, fds)
        elif request == 8:
            self.queues[index].number = value
        elif request == 9:
            _, _, descriptors, used, available, _ = struct.unpack_from("<II4Q", payload)
            self.queues[index].set_addresses(*map(self.memory.user,
                                                  (descriptors, used, available)))
        elif request == 10:
            self.queues[index].next = value
        elif request == 11:
            self.set_kick(self.queues[index], -1)
            return struct.pack("<II", index, self.queues[index].next)
        elif request == 12:
            self.set_kick(self.queues[number & 0xFF], fds[0] if fds else -1)
        elif request == 13:
            self.queues[number & 0xFF].call = fds[0] if fds else -1
        return None

    def set_kick(self, queue, fd):
        if queue.kick >= 0:
            self.selector.unregister(queue.kick)
            os.close(queue.kick)
        queue.kick = fd
        if fd >= 0:
            self.selector.register(fd, selectors.EVENT_READ, self.kicked)

    def kicked(self, fd):
        os.read(fd, 8)
        for queue in self.queues[:self.NOTIFICATIONS]:
            while queue.kick >= 0 and (chain := queue.take()):
                head, data, writable = chain
                reply, step = self.steps.fs.request(data)
                queue.give(head, writable, reply or b"")
                if step:
                    getattr(self.steps, step)()
        self.flush()
        return True

    def notify(self, code, body):
        self.raw(struct.pack("<IiQ", 16 + len(body), code, 0) + body)

    def raw(self, data, used=None):
        self.pending.append((data, used))

    def flush(self):
        queue = self.queues[self.NOTIFICATIONS]
        while self.pending and queue.kick >= 0 and (chain := queue.take()):
            head, data, writable = chain
            assert not data and sum(length for _, length in writable) == 4096
            queue.give(head, writable, *self.pending.pop(0))


def main():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen()
        connection, _ = listener.accept()
        Device(connection).run()


main()
