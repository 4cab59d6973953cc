"""What the benchmarks share: a private home with one sandbox, a bare QEMU as the peer, and one JSON line a row."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

PROGRAMS = pathlib.Path(os.environ["SBX_PROGRAMS"])
KERNEL = os.environ["SBX_KERNEL"]
# The template of one layer, which boots without sbx-init.
IMAGE = json.loads((pathlib.Path(os.environ["SBX_TEMPLATES"]) / "base.json").read_text())["layers"][0]


def row(bench, what, unit, ours, peer=None, peer_name=None, **more):
    """Prints one row; ours and peer are lists of figures, of which median, least and most are shown."""
    line = {"bench": bench, "what": what, "unit": unit, **spread("", ours), "runs": len(ours)}
    if peer:
        line |= {"peer": peer_name, **spread("peer_", peer),
                 "ratio": round(statistics.median(ours) / statistics.median(peer), 3)}
    print(json.dumps(line | more), flush=True)


def spread(prefix, figures):
    return {prefix + "median": round(statistics.median(figures), 3), prefix + "min": round(min(figures), 3),
            prefix + "max": round(max(figures), 3)}


@contextlib.contextmanager
def home():
    """A private home: yields a function that runs sbx with arguments, and a workspace folder."""
    top = pathlib.Path(tempfile.mkdtemp())
    env = os.environ | {"HOME": str(top), "XDG_STATE_HOME": str(top / "state"), "XDG_RUNTIME_DIR": str(top / "run")}
    (top / "work").mkdir()
    (top / "run").mkdir(mode=0o700)

    def sbx(*arguments, check=True):
        done = subprocess.run([PROGRAMS / "sbx/sbx", *arguments], env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if check and done.returncode:
            raise SystemExit(f"sbx {' '.join(arguments)}: {done.stderr}")
        return done

    try:
        yield sbx, top / "work"
    finally:
        sbx("reset", "--force", check=False)
        shutil.rmtree(top, ignore_errors=True)


def timed_ms(function, *arguments):
    begin = time.monotonic()
    function(*arguments)
    return (time.monotonic() - begin) * 1000


class BareQemu:
    """The peer: QEMU alone, same kernel and image by its own virtio-blk, a shell of the image as pid 1 behind virtio-serial."""

    SCRIPT = "exec </dev/hvc1 >/dev/hvc1 2>&1; stty raw -echo; echo up; while read -r c; do $c; echo $?; done"

    def __init__(self, memory="2G"):
        # without the counter's rate the guest cannot calibrate it on a busy host, and hangs
        with open("/proc/cpuinfo") as info:
            khz = next(round(float(line.split(":")[1]) * 1000) for line in info if line.startswith("cpu MHz"))
        self.begin = time.monotonic()
        ours, theirs = socket.socketpair()
        self.stream = ours.makefile("rw", buffering=1)
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "microvm,acpi=on,isa-serial=off", "-accel", "tcg,thread=multi", "-cpu", "max",
             "-smp", str(os.cpu_count()), "-m", memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-global", "virtio-mmio.force-legacy=false", "-kernel", KERNEL, "-append",
             f"quiet tsc=reliable tsc_early_khz={khz} lpj={khz * 10} console=hvc0 root=/dev/vda rootfstype=erofs ro reboot=t panic=-1 init=/bin/bash -- -c "
             f'"mount -t devtmpfs none /dev; {self.SCRIPT}"',
             "-drive", f"if=none,id=d,format=raw,readonly=on,file={IMAGE}", "-device", "virtio-blk-device,drive=d",
             "-device", "virtio-serial-device", "-chardev", "null,id=log", "-device", "virtconsole,chardev=log",
             "-chardev", f"socket,id=c,fd={theirs.fileno()}", "-device", "virtconsole,chardev=c"],
            pass_fds=[theirs.fileno()])
        theirs.close()
        if self.stream.readline().strip() != "up":
            raise RuntimeError("the peer did not boot")
        self.boot_ms = (time.monotonic() - self.begin) * 1000

    def run(self, command):
        self.stream.write(command + "\n")
        return int(self.stream.readline())

    def close(self):
        self.process.kill()
        self.process.wait()


def pss(pid):
    """What a process takes itself and its part of the guest's memory (the only shared memory it maps), in bytes."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        kib = {words[0]: int(words[1]) for words in map(str.split, rollup) if words[-1] == "kB"}
    return (kib["Pss:"] - kib["Pss_Shmem:"]) * 1024, kib["Pss_Shmem:"] * 1024
