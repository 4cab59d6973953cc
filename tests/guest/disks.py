#!/usr/bin/env python3
"""Disks of sbx-blk in a real guest: boots the kernel with disks_guest.c as pid 1 under QEMU. TAP.

Environment: SBX_BLK, the program. The host's side of each check follows the guest's."""
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
READ_ONLY, WRITABLE = 16 << 20, 128 << 20


def need(condition, reason):
    if not condition:
        print(f"1..0 # SKIP {reason}")
        sys.exit()


def kernel():
    path = os.environ.get("SBX_TEST_KERNEL") or subprocess.run(
        [TOP / "guest/kernel/build", "--print-path"], capture_output=True, text=True, check=True).stdout.strip()
    need(os.path.exists(path), "the guest kernel is not built: guest/kernel/build")
    return path


def make_images(work):
    with open(work / "vda", "wb") as image:
        for start in range(0, READ_ONLY // 8, 1 << 17):
            image.write(struct.pack(f"<{1 << 17}Q", *range(start, start + (1 << 17))))
    with open(work / "vdb", "wb") as image:
        image.truncate(WRITABLE)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", work / "vdb"], check=True)


def start_backend(work):
    """Returns the process and the frontend's ends of its two sockets."""
    pairs = [socket.socketpair(), socket.socketpair()]
    images = [os.open(work / "vda", os.O_RDONLY), os.open(work / "vdb", os.O_RDWR)]
    theirs = [pairs[0][1].fileno(), images[0], pairs[1][1].fileno(), images[1]]
    # First out of the way of 3…6, then there.
    moves = [f"{20 + i}<&{fd}" for i, fd in enumerate(theirs)] + [f"{3 + i}<&{20 + i}" for i in range(4)]
    process = subprocess.Popen(["bash", "-c", f"exec {' '.join(moves)}; exec \"$SBX_BLK\" --weak ro rw"],
                               pass_fds=theirs, stderr=subprocess.DEVNULL)
    for fd in images:
        os.close(fd)
    for _, end in pairs:
        end.close()
    return process, [end for end, _ in pairs]


def start_qemu(work, ends):
    with open("/proc/cpuinfo") as info:
        khz = next(int(float(line.split(":")[1]) * 1000) for line in info if line.startswith("cpu MHz"))
    command = [
        "qemu-system-x86_64", "-M", "microvm,acpi=on,memory-backend=memory", "-accel", "tcg,thread=multi",
        "-cpu", "max", "-smp", "2", "-m", "256", "-object", "memory-backend-memfd,id=memory,size=256M,share=on",
        "-global", "virtio-mmio.force-legacy=false", "-nodefaults", "-no-user-config", "-no-reboot",
        "-display", "none", "-serial", "stdio", "-kernel", kernel(), "-initrd", work / "initramfs",
        "-append", f"console=ttyS0 quiet panic=-1 tsc=reliable tsc_early_khz={khz} lpj={khz}0"]
    for number, end in enumerate(ends):
        command += ["-chardev", f"socket,id=c{number},fd={end.fileno()}",
                    "-device", f"vhost-user-blk,chardev=c{number},bus=virtio-mmio-bus.{number + 1}"]
    return subprocess.Popen(command, pass_fds=[end.fileno() for end in ends], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True, errors="replace")


def follow(work, qemu, backend):
    """Passes the guest's checks on, growing vdb when it asks; returns how many there were."""
    checks = 0
    for line in qemu.stdout:
        if line.startswith("# grow"):
            os.truncate(work / "vdb", 2 * WRITABLE)
            backend.send_signal(signal.SIGHUP)
        elif line.startswith(("ok ", "not ok ", "# ")):
            checks += not line.startswith("# ")
            print(line.strip(), flush=True)
    return checks


def main():
    need(shutil.which("qemu-system-x86_64") and shutil.which("mke2fs"), "qemu-system-x86 or e2fsprogs is not installed")
    kernel()
    work = pathlib.Path(tempfile.mkdtemp())
    try:
        subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror",
                        "-static", "-o", work / "init", HERE / "disks_guest.c"], check=True)
        subprocess.run([sys.executable, TOP / "tools/gen-initramfs", work / "init", work / "initramfs"], check=True)
        make_images(work)
        backend, ends = start_backend(work)
        qemu = start_qemu(work, ends)
        for end in ends:
            end.close()
        checks = follow(work, qemu, backend)
        host = {"QEMU ends well": lambda: qemu.wait() == 0,
                "sbx-blk ends with its VM": lambda: backend.wait(timeout=60) == 0,
                "the file system is clean": lambda: subprocess.run(["e2fsck", "-fn", work / "vdb"],
                                                                   capture_output=True).returncode == 0,
                "discarded space is the host's again": lambda: os.stat(work / "vdb").st_blocks * 512 < 44 << 20}
        for name, holds in host.items():
            checks += 1
            print("ok" if holds() else "not ok", checks, "-", name)
        print(f"1..{checks}")
    finally:
        shutil.rmtree(work)


main()
