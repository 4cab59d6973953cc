"""A guest whose workspace is served by sbx-fs or by a peer: QEMU microvm, the guest kernel, the base image as root.

The guest's pid 1 is a busybox script that mounts the share on /mnt and runs /mnt/<script>; what the script
writes comes back line by line. Used by the benchmark beside this file and by
tests/e2e-fs.
"""
import os
import pathlib
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# The image as root, the share on /mnt, and file systems that programs expect.
BOOT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs none /dev
$b mount -t erofs -o ro /dev/vda /root
for fs in proc:/proc sysfs:/sys devtmpfs:/dev tmpfs:/tmp tmpfs:/root tmpfs:/srv; do $b mount -t ${fs%:*} none /root${fs#*:}; done
$b mkdir /root/srv/share
$b mount -t virtiofs sbx /root/srv/share && $b mount -o bind /root/srv/share@SUB@ /root/mnt
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
$b chroot /root /bin/sh -c 'cd /mnt; exec sh @SCRIPT@' </root/dev/null >/root/dev/hvc0 2>&1
$b poweroff -f
"""


def cpio(entries):
    """A newc archive of (name, mode, content)."""
    out = b""
    for name, mode, content in [*entries, ("TRAILER!!!", 0, b"")]:
        fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + content
        out += b"\0" * (-len(out) % 4)
    return out


def initramfs(script, sub):
    init = BOOT.replace("@SUB@", sub).replace("@SCRIPT@", script).encode()
    return cpio([(name, 0o40755, b"") for name in ("dev", "root", "bin")] +
                [("bin/busybox", 0o100755, pathlib.Path("/bin/busybox").read_bytes()), ("init", 0o100755, init)])


def tsc_khz():
    """A busy host makes the guest's own measurement fail, and the boot with it."""
    rates = [line.split(":")[1] for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("cpu MHz")]
    return round(float(rates[0]) * 1000)


def sbx_fs_command(program, names):
    """The program in namespaces of its own, as the supervisor starts it."""
    return ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount", "--ipc", "--uts", "--net",
            str(program), *names]


class Server:
    """A file server for one folder with its end of the vhost-user socket."""

    def __init__(self, kind, folder, program=None):
        self.kind, self.top, self.sub = kind, tempfile.TemporaryDirectory(), ""
        self.notifies = kind == "sbx-fs"  # the last of two request queues carries notifications
        if kind == "sbx-fs":
            self.start_ours(program, folder)
        else:
            self.start_peer(folder)

    def start_ours(self, program, folder):
        ours, self.qemu_end = socket.socketpair()
        control = socket.socket(socket.AF_UNIX)
        self.control_path = f"{self.top.name}/control"
        control.bind(self.control_path)
        control.listen(1)
        share = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        wanted = [ours.fileno(), control.fileno(), share]

        def place():
            moved = [os.dup(fd) if fd < 20 else fd for fd in wanted]
            moved = [fd if fd >= 20 else os.dup2(fd, 20 + i) for i, fd in enumerate(moved)]
            for i, fd in enumerate(moved):
                os.dup2(fd, 3 + i)

        self.process = subprocess.Popen(sbx_fs_command(program, ["work:rw"]), preexec_fn=place, close_fds=False)
        ours.close()
        control.close()
        os.close(share)
        self.sub = "/work"
        self.chardev = f"socket,id=fs,fd={self.qemu_end.fileno()}"

    def start_peer(self, folder):
        path = f"{self.top.name}/socket"
        command = subprocess.run([HERE / "peer"], capture_output=True, text=True, check=True).stdout.split()
        self.process = subprocess.Popen([*command, f"--socket-path={path}", f"--shared-dir={folder}", "--sandbox=namespace"],
                                        stderr=subprocess.DEVNULL)
        while not os.path.exists(path):
            time.sleep(0.01)
        self.qemu_end, self.chardev = None, f"socket,id=fs,path={path}"

    def pid(self):
        """The process that serves: the youngest child of what was started."""
        pid = self.process.pid
        while children := pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            pid = int(children[-1])
        return pid

    def cpu_s(self):
        """Seconds of processor time that it has used, its threads included."""
        fields = pathlib.Path(f"/proc/{self.pid()}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self.qemu_end:
            self.qemu_end.close()
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.top.cleanup()


class Machine:
    """One boot that runs a script of the share."""

    def __init__(self, server, script, kernel, image, memory_mb=1024, log=None):
        out, self.output = socket.socketpair()
        fds = [out.fileno()] + ([server.qemu_end.fileno()] if server.qemu_end else [])
        self.initramfs = tempfile.NamedTemporaryFile()
        self.initramfs.write(initramfs(script, server.sub))
        self.initramfs.flush()
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-no-user-config", "-M", "microvm,acpi=on,memory-backend=ram", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,erms=off,fsrm=off",
             "-smp", "2", "-m", f"{memory_mb}M", "-nodefaults", "-display", "none", "-no-reboot",
             "-global", "virtio-mmio.force-legacy=false",
             "-object", f"memory-backend-memfd,id=ram,size={memory_mb}M,share=on",
             "-kernel", str(kernel), "-initrd", self.initramfs.name,
             "-append", ("console=ttyS0 " if log else "quiet ") + "panic=-1 "
             f"{'virtiofs.notify_last=1 ' if server.notifies else ''}random.trust_cpu=on tsc_early_khz={tsc_khz()}",
             "-drive", f"if=none,id=root,file={image},format=raw,readonly=on", "-device", "virtio-blk-device,drive=root",
             "-chardev", server.chardev,
             "-device", "vhost-user-fs-device,chardev=fs,tag=sbx,queue-size=1024,"
             f"num-request-queues={2 if server.notifies else 1}",
             "-chardev", f"socket,id=out,fd={out.fileno()}", "-device", "virtio-serial-device", "-device", "virtconsole,chardev=out",
             *(["-serial", f"file:{log}"] if log else [])],
            pass_fds=fds, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL if not log else None)
        out.close()
        if server.qemu_end:
            server.qemu_end.close()
            server.qemu_end = None

    def lines(self, timeout_s):
        """Yields the script's lines until the guest is off; TimeoutError after so long without one."""
        self.output.settimeout(timeout_s)
        with self.output.makefile("r", errors="replace") as stream:
            for line in stream:
                yield line.rstrip("\r\n")

    def close(self):
        self.output.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
