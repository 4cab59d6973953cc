"""Runs in the guest, on the shared folder: one line "ok WHAT" or "not ok WHAT: WHY" a case.

The host does what it is asked in the file `ask` (see run), so that a case can look at both sides.
"""
import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import random
import struct
import subprocess
import time

top = os.getcwd()
libc = ctypes.CDLL(None, use_errno=True)
cases = []


def case(function):
    cases.append(function)
    return function


def ask(command):
    """Leaves a command for the host's shell; what it brings about is waited for, not its end."""
    with open(f"{top}/ask.new", "w") as file:
        file.write(command)
    os.rename(f"{top}/ask.new", f"{top}/ask")


def asked(command):
    """A command of the host, and its output when it is done; words in capitals are for the test itself."""
    ask(command if command.isupper() else f"({command}) >answer.new 2>&1; mv answer.new answer")
    answer = f"{top}/answer"
    wait(lambda: os.path.exists(answer), f"the host to answer: {command}")
    with open(answer) as file:
        text = file.read()
    os.unlink(answer)
    return text.strip()


def wait(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.001)


def content(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def error_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "no error"


def git(*arguments):
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "safe.directory=*", *arguments],
                          check=True, capture_output=True, text=True).stdout


@case
def host_changes_are_seen_at_once():
    write("f", "one")
    old = os.open("f", os.O_RDONLY)
    assert os.pread(old, 9, 0) == b"one" and not os.path.exists("g")
    ask("printf two-longer >f")
    wait(lambda: os.pread(old, 20, 0) == b"two-longer", "new content in an open file")
    assert content("f") == "two-longer" and os.stat("f").st_size == 10
    ask("printf x >g")
    wait(lambda: os.path.exists("g"), "a new name")
    assert "g" in os.listdir(".")
    ask("mv g h")
    wait(lambda: os.path.exists("h"), "a renamed file")
    wait(lambda: not os.path.exists("g") and "g" not in os.listdir("."), "the old name to go")
    ask("chmod 640 h")
    wait(lambda: os.stat("h").st_mode & 0o777 == 0o640, "a changed mode")
    ask("printf replaced >t; mv t f")
    wait(lambda: content("f") == "replaced", "a replaced file")
    ask("truncate -s 0 f")
    wait(lambda: os.stat("f").st_size == 0, "a truncated file")
    ask("mkdir -p d/e; echo x >d/e/x")
    wait(lambda: os.path.exists("d/e/x"), "a new folder")
    ask("rm -r d h")
    wait(lambda: not os.path.exists("d") and not os.path.exists("h"), "removed names")


@case
def mapped_pages_follow_the_host():
    with open("m", "wb") as file:
        file.write(b"a" * 8192)
    with open("m", "r+b") as file, mmap.mmap(file.fileno(), 8192) as memory:
        assert memory[4096] == ord("a")
        ask("printf b | dd of=m bs=1 seek=4096 conv=notrunc status=none")
        wait(lambda: memory[4096] == ord("b"), "a changed page")
        memory[0:5] = b"guest"
        memory.flush()
    assert asked("head -c 5 m") == "guest"


@case
def watchers_hear_of_the_host():
    os.mkdir("watched")
    write("watched/known", "")
    queue = libc.inotify_init1(os.O_NONBLOCK)
    libc.inotify_add_watch(queue, b"watched", 0x3c6)
    seen = []

    def events():
        try:
            raw = os.read(queue, 65536)
        except BlockingIOError:
            raw = b""
        while raw:
            _, mask, cookie, length = struct.unpack_from("iIII", raw)
            seen.append((mask, cookie, raw[16:16 + length].rstrip(b"\0").decode()))
            raw = raw[16 + length:]
        return seen

    ask("echo x >>watched/known")
    wait(lambda: any(mask & 0x2 and name == "known" for mask, _, name in events()), "IN_MODIFY")
    ask("touch watched/new; mv watched/new watched/moved; rm watched/moved")
    wait(lambda: any(mask & 0x200 and name == "moved" for mask, _, name in events()), "IN_DELETE")
    moves = {mask & 0xc0: (cookie, name) for mask, cookie, name in seen if mask & 0xc0}
    assert moves[0x40][1] == "new" and moves[0x80][1] == "moved" and moves[0x40][0] == moves[0x80][0] != 0, seen
    before = len(seen)
    write("watched/own", "x")
    events()
    assert [name for mask, _, name in seen[before:] if mask & 0x100] == ["own"], seen[before:]
    os.close(queue)


@case
def locks_hold_on_both_sides():
    write("lock", "x")
    mine = os.open("lock", os.O_RDWR)
    fcntl.flock(mine, fcntl.LOCK_EX)
    assert asked("flock -n lock true; echo $?") == "1"
    fcntl.flock(mine, fcntl.LOCK_UN)
    ask("flock lock sh -c 'touch held; while [ ! -e letgo ]; do sleep 0.01; done'")
    wait(lambda: os.path.exists("held"), "the host to hold the lock")
    assert error_of(fcntl.flock, mine, fcntl.LOCK_EX | fcntl.LOCK_NB) == "EAGAIN"
    write("letgo", "")
    fcntl.flock(mine, fcntl.LOCK_EX)  # waits for the host
    fcntl.lockf(mine, fcntl.LOCK_EX)
    child = os.fork()
    if child == 0:
        other = os.open("lock", os.O_RDWR)
        os._exit(0 if error_of(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB) == "EAGAIN" else 1)
    assert os.waitpid(child, 0)[1] == 0
    os.close(mine)


@case
def record_locks_end_with_their_process():
    mine = os.open("shared-lock", os.O_CREAT | os.O_RDWR)  # made before the fork, as servers do
    child = os.fork()
    if child == 0:
        fcntl.lockf(mine, fcntl.LOCK_EX)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert error_of(fcntl.lockf, mine, fcntl.LOCK_EX | fcntl.LOCK_NB) == "no error"
    os.close(mine)


@case
def both_sides_append():
    log = os.open("log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    os.write(log, b"g" * 10000)
    for _ in range(5):
        assert asked("head -c 5000 /dev/zero | tr '\\0' h >>log; echo done") == "done"
        os.write(log, b"G" * 30000)
    wait(lambda: hashlib.sha256(content("log").encode()).hexdigest() == asked("sha256sum <log").split()[0], "the same content")
    assert content("log") == "g" * 10000 + ("h" * 5000 + "G" * 30000) * 5
    fcntl.fcntl(log, fcntl.F_SETFL, 0)  # from here on bytes go where they are put
    os.pwrite(log, b"0", 0)
    assert asked("wc -c <log; head -c 2 log").split() == ["185000", "0g"]
    os.close(log)


@case
def mounts_come_and_go():
    assert not os.path.exists("/srv/share/later")
    assert asked("MOUNT") == "32"
    wait(lambda: os.path.exists("/srv/share/later"), "the mount to come")
    assert content("/srv/share/later/there") == "yes"
    assert asked("MOUNT") == "33" and asked("MOUNT AND HANG UP") == "gone"
    write("later/there", "changed")  # the same folder, by the other mount
    wait(lambda: content("/srv/share/later/there") == "changed", "the other mount to be told")
    ask("echo host >later/there")
    wait(lambda: content("/srv/share/later/there") == content("later/there") == "host\n", "both mounts to be told")
    assert error_of(os.rename, "/srv/share/later/there", f"{top}/elsewhere") == "EXDEV"
    assert asked("UNMOUNT") == "32"
    wait(lambda: not os.path.exists("/srv/share/later"), "the mount to go")


@case
def space_is_allocated_and_copied():
    fd, other = os.open("space", os.O_CREAT | os.O_RDWR), os.open("copy", os.O_CREAT | os.O_RDWR)
    os.posix_fallocate(fd, 0, 1 << 20)
    assert os.fstat(fd).st_size == 1 << 20 and asked("stat -c %s space") == str(1 << 20)
    os.pwrite(fd, b"abc", 5)
    assert os.copy_file_range(fd, other, 8, 0, 0) == 8 and os.pread(other, 8, 0) == bytes(5) + b"abc"
    os.link("copy", "second")
    assert os.stat("copy").st_nlink == 2
    os.utime("copy", ns=(1, 10**18))
    assert asked("stat -c %Y copy") == str(10**9)
    os.fdatasync(fd)
    os.sync()


@case
def git_works():
    os.mkdir("repo")
    os.chdir("repo")
    try:
        git("init", "-q")
        for number in range(50):
            write(f"file{number}", f"{number}\n")
        git("add", ".")
        git("commit", "-qm", "first")
        git("mv", "file0", "moved")
        git("commit", "-qm", "second")
        git("gc", "-q")
        assert git("status", "--porcelain") == "" and len(git("log", "--oneline").splitlines()) == 2
        git("fsck", "--strict")
        asked("echo changed >repo/file1")
        assert git("status", "--porcelain") == " M file1\n"
    finally:
        os.chdir(top)
    assert asked("git -C repo -c safe.directory='*' log --oneline | wc -l") == "2"


@case
def names_come_and_go():
    os.mkdir("many")
    for number in range(2000):
        os.close(os.open(f"many/{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    assert len(os.listdir("many")) == 2000 and asked("ls many | wc -l") == "2000"
    for number in range(2000):
        os.unlink(f"many/{number}")
    os.rmdir("many")
    assert asked("test -e many; echo $?") == "1"


@case
def who_opens_never_meets_a_stale_name():
    os.mkdir("saved")
    write("saved/f", "0")
    ask("i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i >saved/host; mv saved/host saved/f; done; touch saved/end")
    child = os.fork()
    while not os.path.exists("saved/end"):
        if child == 0:
            write("saved/guest", "guest")
            os.rename("saved/guest", "saved/f")
        else:
            assert content("saved/f") != ""
            os.stat("saved/f")
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@case
def nameless_files_and_holes():
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(fd, b"nameless")
    assert os.fstat(fd).st_size == 8 and os.pread(fd, 8, 0) == b"nameless"
    os.close(fd)
    fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"x", 1 << 24)
    assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 24 and os.fstat(fd).st_blocks < 64
    os.unlink("sparse")
    assert os.pread(fd, 1, 1 << 24) == b"x" and os.fstat(fd).st_nlink == 0
    os.close(fd)


@case
def what_must_not_pass_does_not():
    write("x", "")
    for name in ("security.capability", "trusted.x"):
        assert error_of(os.setxattr, "x", name, b"1") in ("ENOTSUP", "EINVAL"), name
    os.setxattr("x", "user.x", b"1")
    assert os.listxattr("x") == ["user.x"]
    os.removexattr("x", "user.x")
    os.chmod("x", 0o6755)
    assert asked("stat -c %a x") == "755"
    assert error_of(os.mknod, "null", 0o20666, os.makedev(1, 3)) == "EPERM"
    os.mkfifo("fifo")
    os.symlink("/etc/hostname", "link")
    assert asked("readlink link") == "/etc/hostname" and os.stat("x").st_uid == 1000
    assert error_of(os.chown, "x", 0, 0) == "EPERM"


@case
def random_input_and_output():
    rng, model = random.Random(7), bytearray()
    fd = os.open("fsx", os.O_CREAT | os.O_RDWR)
    for step in range(1500):
        offset, length = rng.randrange(300000), rng.randrange(1, 70000)
        kind = rng.choice(("write", "write", "read", "read", "truncate", "map"))
        if kind == "write":
            data = rng.randbytes(length)
            model.extend(bytes(max(0, offset - len(model))))
            model[offset:offset + length] = data
            assert os.pwrite(fd, data, offset) == length
        elif kind == "read":
            assert os.pread(fd, length, offset) == model[offset:offset + length], (step, offset, length)
        elif kind == "truncate" and step % 5 == 0:
            os.truncate(fd, offset)
            model = model[:offset] + bytes(max(0, offset - len(model)))
        elif kind == "map" and len(model) > 0:
            with mmap.mmap(fd, len(model)) as memory:
                at = rng.randrange(len(model))
                memory[at] = model[at] = rng.randrange(256)
                memory.flush()
    os.fsync(fd)
    digest = hashlib.sha256(model).hexdigest()
    assert asked("sha256sum <fsx").split()[0] == digest
    assert asked("head -c 200000 /dev/urandom | dd of=fsx bs=1 seek=1000 conv=notrunc iflag=fullblock obs=1M status=none; echo done") == "done"
    assert hashlib.sha256(open("fsx", "rb").read()).hexdigest() == asked("sha256sum <fsx").split()[0]


for function in cases:
    name = function.__name__.replace("_", " ")
    try:
        function()
        print(f"ok {name}", flush=True)
    except Exception as error:  # the next case is told apart from this one
        print(f"not ok {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)
print("end", flush=True)
