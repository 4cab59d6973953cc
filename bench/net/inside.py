"""The network from inside: one guest, which QEMU emulates, on sbx-net, trixie's passt and QEMU's user network, in turns."""
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "fs")]
import machine

ROUNDS = int(os.environ.get("ROUNDS", "2"))
SOURCE = (HERE / "load.c").read_text()
MIB, CONNECTIONS = (int(re.search(rf"LOAD_{name} = (\d+)", SOURCE)[1]) for name in ("MIB", "CONNECTIONS"))
LOADS = {"up": ("one TCP stream from the guest, from inside", "Gbit/s", MIB * 2**20 * 8 / 1e9),
         "down": ("one TCP stream to the guest, from inside", "Gbit/s", MIB * 2**20 * 8 / 1e9),
         "connect": ("TCP connections, one after another, from inside", "1/s", CONNECTIONS)}
BOOT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs none /dev
exec </dev/null >/dev/hvc0 2>&1
$b ip link set eth0 up mtu @MTU@
$b ip address add @ADDRESS@/24 dev eth0
$b ip route add default via @GATEWAY@
for run in @RUNS@; do
	for load in up down connect; do
		echo begin $load
		/load $load @SERVER@ @PORT@ || echo failed $load
		echo end $load
	done
done
echo done -
$b poweroff -f
"""
TAKES = ("mrg_rxbuf=on,csum=on,guest_csum=on,host_tso4=on,host_tso6=on,guest_tso4=on,guest_tso6=on,"
         "rx_queue_size=1024,tx_queue_size=1024")


def build_load(folder):
    subprocess.run(["cc", "-O2", "-static", "-o", folder / "load", HERE / "load.c"], check=True)
    return (folder / "load").read_bytes()


def initramfs(peer, load, server, port, runs):
    init = BOOT
    for name, value in {"MTU": peer.mtu, "ADDRESS": peer.guest[1], "GATEWAY": peer.guest[2], "SERVER": server, "PORT": port,
                        "RUNS": " ".join(map(str, range(runs)))}.items():
        init = init.replace(f"@{name}@", str(value))
    return machine.cpio([(name, 0o40755, b"") for name in ("dev", "bin")] +
                        [("bin/busybox", 0o100755, pathlib.Path("/bin/busybox").read_bytes()),
                         ("load", 0o100755, load), ("init", 0o100755, init.encode())])


def start_qemu(peer, initrd, out):
    """As engine `qemu` starts it; the card is the peer's."""
    return subprocess.Popen(
        ["qemu-system-x86_64", "-no-user-config", "-M", "microvm,acpi=on,memory-backend=ram", "-accel", "tcg,thread=multi,tb-size=256",
         "-cpu", "max,erms=off,fsrm=off", "-smp", "2", "-m", "512M", "-nodefaults", "-display", "none", "-no-reboot",
         "-global", "virtio-mmio.force-legacy=false", "-object", "memory-backend-memfd,id=ram,size=512M,share=on",
         "-kernel", os.environ["SBX_KERNEL"], "-initrd", initrd, "-append",
         f"quiet panic=-1 random.trust_cpu=on tsc=reliable tsc_early_khz={machine.tsc_khz()}",
         *peer.netdev, "-device", f"virtio-net-device,netdev=net,mac={peer.guest[0]},{TAKES}",
         "-chardev", f"socket,id=out,fd={out.fileno()}", "-device", "virtio-serial-device", "-device", "virtconsole,chardev=out"],
        pass_fds=[out.fileno()], stdin=subprocess.DEVNULL)


def run_guest(backend, load, server, port, runs, figures, cpu, cpu_seconds):
    """Times the loads by this host's clock: that of an emulated guest is none to measure with."""
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as initrd:
        top = pathlib.Path(folder)
        peer = backend.for_qemu(top)
        initrd.write(initramfs(peer, load, server, port, runs))
        initrd.flush()
        ours, theirs = socket.socketpair()
        qemu = start_qemu(peer, initrd.name, theirs)
        theirs.close()
        peer.connected(qemu)
        ours.settimeout(300)
        last = ""
        try:
            for last in map(str.strip, ours.makefile("r", errors="replace")):
                word, load_name = (last.split(maxsplit=1) + [""])[:2]
                if word == "begin":
                    begun, used = time.monotonic(), cpu_seconds(peer.process.pid)
                elif word == "end":
                    _, _, amount = LOADS[load_name]
                    figures[load_name].append(round(amount / (time.monotonic() - begun), 3))
                    cpu[load_name].append(round(cpu_seconds(peer.process.pid) - used, 3))
                elif word == "done":
                    return
            raise RuntimeError(f"{backend.name}: the guest did not come to its end: {last}")
        finally:
            for process in (qemu, peer.process):
                process.kill()
                process.wait()


def inside(backends, server, port, runs, cpu_seconds):
    figures = {backend.name: {load: [] for load in LOADS} for backend in backends}
    cpu = {backend.name: {load: [] for load in LOADS} for backend in backends}
    with tempfile.TemporaryDirectory() as folder:
        load = build_load(pathlib.Path(folder))
    for _ in range(ROUNDS):
        for backend in backends:
            run_guest(backend, load, server, port, runs, figures[backend.name], cpu[backend.name], cpu_seconds)
    for name, (what, unit, _) in LOADS.items():
        print(json.dumps({"bench": "net", "what": what, "unit": unit,
                          "median": {backend.name: statistics.median(figures[backend.name][name]) for backend in backends},
                          "runs": {backend.name: figures[backend.name][name] for backend in backends},
                          "CPU seconds of the backend": {backend.name: statistics.median(cpu[backend.name][name]) for backend in backends
                                                         if not backend.is_qemu}}), flush=True)
