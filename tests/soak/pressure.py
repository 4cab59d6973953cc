"""A host that is short of memory: some processes may take little more than they have, for a while.

By a memory cgroup of their own, of either version; where none can be made, by a limit of their address space. Memory that they had before stays
theirs. Beyond the room a cgroup lets them wait for memory (a limit named `high`) or has one of them killed; a limit of the address
space lets their allocations fail.
"""
import os
import resource
import time

MIB = 1 << 20
# Where a group can be made, and the files that limit its memory: they wait, or they are killed.
KINDS = (("/sys/fs/cgroup", {"high": "memory.high", "max": "memory.max"}),
         ("/sys/fs/cgroup/memory", {"max": "memory.limit_in_bytes"}))
EMPTY_SECONDS = 60  # until those that were killed have left the group


def is_version_2(root):
    return os.path.exists(f"{root}/cgroup.controllers")


def group_of(pid, root):
    """The folder of the group in which a process is, below a root."""
    for line in open(f"/proc/{pid}/cgroup"):
        _, controllers, path = line.strip().split(":", 2)
        if controllers == "" if is_version_2(root) else "memory" in controllers.split(","):
            return f"{root}/{path.lstrip('/')}"
    return root


def enter(group, pid):
    try:
        with open(f"{group}/cgroup.procs", "r+") as procs:
            procs.write(str(pid))
    except (FileNotFoundError, ProcessLookupError):
        pass  # it ended, or its group did


class Group:
    """A new group with room for so many bytes; OSError where there is none to be had."""

    def __init__(self, root, limits, how, room):
        self.root, self.before = root, {}
        self.path = f"{root}/sbx-soak-{os.getpid()}"
        self.limit = limits.get(how) or limits["max"]
        os.mkdir(self.path)
        try:
            with open(f"{self.path}/{self.limit}", "r+") as limit:
                limit.write(str(room))
        except OSError:
            os.rmdir(self.path)
            raise

    def __enter__(self):
        return self

    def take(self, pid):
        try:
            self.before[pid] = group_of(pid, self.root)
        except FileNotFoundError:
            return  # it ended
        enter(self.path, pid)

    def __exit__(self, *_):
        """Gives the memory back first, so that whoever waits for it can leave."""
        with open(f"{self.path}/{self.limit}", "r+") as limit:
            limit.write("-1" if self.limit == "memory.limit_in_bytes" else "max")
        for pid, group in self.before.items():
            enter(group, pid)
        deadline = time.monotonic() + EMPTY_SECONDS
        while True:
            for pid in open(f"{self.path}/cgroup.procs").read().split():
                enter(self.root, pid)  # was started in it
            try:
                os.rmdir(self.path)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


class AddressSpace:
    """The same by a limit of each process's address space."""
    limit = "RLIMIT_AS"

    def __init__(self, room):
        self.room, self.before = room, {}

    def __enter__(self):
        return self

    def take(self, pid):
        try:
            pages = int(open(f"/proc/{pid}/statm").read().split()[0])
            _, hard = self.before[pid] = resource.prlimit(pid, resource.RLIMIT_AS)
            resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + self.room, hard))
        except (FileNotFoundError, ProcessLookupError):
            return

    def __exit__(self, *_):
        for pid, limits in self.before.items():
            try:
                resource.prlimit(pid, resource.RLIMIT_AS, limits)
            except ProcessLookupError:
                continue


def squeeze(how, room):
    """A context that processes can be taken into; how: 'high' or 'max', where there is a choice."""
    for root, limits in KINDS:
        try:
            return Group(root, limits, how, room)
        except OSError:
            continue
    return AddressSpace(room)
