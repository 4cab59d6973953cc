# The workspace: same path, both ways, at once; real git and a compiler; nothing above it.

in_guest() {
	sbx exec shared "$@"
}

same_path_both_ways() {
	echo from-host >"$SHARED/a"
	is "$(in_guest cat "$SHARED/a")" from-host
	in_guest sh -c 'echo from-guest > b'
	is "$(cat "$SHARED/b")" from-guest
	is "$(in_guest stat -c %U:%G a)" agent:agent
	is "$(stat -c %u "$SHARED/b")" "$(id -u)"
}
t "same path, both ways, owned by agent inside and by you outside" same_path_both_ways

host_changes_seen_at_once() {
	local i
	for i in $(seq 10); do
		echo "version $i" >"$SHARED/changing"
		is "$(in_guest cat changing)" "version $i"
	done
	mv "$SHARED/changing" "$SHARED/moved"
	fails 1 sbx exec shared cat changing
	is "$(in_guest cat moved)" "version 10"
	rm "$SHARED/moved"
	fails 1 sbx exec shared cat moved
	mkdir "$SHARED/new-folder"
	touch "$SHARED/new-folder/x"
	is "$(in_guest ls new-folder)" x
}
t "what the host writes, renames and removes is seen at once" host_changes_seen_at_once

host_changes_in_a_running_process() {
	# one process in the guest has the old content cached, and must see each new one
	echo 0 >"$SHARED/counter"
	sbx exec shared sh -c 'n=0; while [ $n -lt 5 ]; do v=$(cat counter); [ "$v" = $n ] && { echo $n > seen; n=$((n+1)); }; done' &
	local pid=$! i
	for i in 1 2 3 4; do
		wait_for 30 grep -qx $((i - 1)) "$SHARED/seen"
		echo $i >"$SHARED/counter"
	done
	wait $pid
	is "$(cat "$SHARED/seen")" 4
}
t "a process that has a file cached sees the host's new content" host_changes_in_a_running_process

inotify_in_guest() {
	mkdir "$SHARED/watched"
	cat >"$SHARED/watch.py" <<'P'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(0)
assert libc.inotify_add_watch(fd, b"watched", 0x100 | 0x200 | 0x2 | 0x8) >= 0
print("ready", flush=True)
seen = set()
while b"created" not in seen:
    data = os.read(fd, 4096)
    while data:
        _, mask, _, n = struct.unpack_from("iIII", data)
        seen.add(data[16:16 + n].rstrip(b"\0"))
        data = data[16 + n:]
print("saw created", flush=True)
P
	timeout 60 sbx exec shared python3 watch.py >"$TMP/watch" &
	local pid=$!
	wait_for 30 grep -q ready "$TMP/watch"
	touch "$SHARED/watched/created"
	wait $pid
	like "$(tail -n 1 "$TMP/watch")" "saw created"
}
t "inotify in the guest tells of a file made on the host" inotify_in_guest

# VIRTIO_FS_F_NOTIFICATION, virtio 1.2 5.11.3: the device's features are a string that begins with bit 0.
standard_notifications() {
	is "$(in_guest sh -c 'cut -c 1 /sys/bus/virtio/drivers/virtiofs/*/features')" 1
}
if [ "$(sbx inspect shared --json | jq -r .engine)" = qemu ]; then
	skip "events come by the notification queue of the standard" "QEMU does not offer it"
else
	t "events come by the notification queue of the standard" standard_notifications
fi

real_git() {
	mkdir "$SHARED/repo"
	sbx exec -w "$SHARED/repo" shared bash -ec '
		git init -q .
		git config user.name g; git config user.email g@g
		for i in $(seq 200); do echo "file $i" > f$i; done
		git add . && git commit -qm first
		git gc -q && git fsck --strict
		test -z "$(git status --porcelain)"'
	is "$(git -C "$SHARED/repo" -c safe.directory='*' log --format=%s)" first
	echo changed >"$SHARED/repo/f1"
	is "$(sbx exec -w "$SHARED/repo" shared git status --porcelain)" " M f1"
	sbx exec shared git clone -q repo clone
	is "$(ls "$SHARED/clone" | wc -l)" 200
}
t "git: init, commit, gc, fsck, clone, status of a change made outside" real_git

c_build() {
	mkdir "$SHARED/c"
	printf '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n' >"$SHARED/c/main.c"
	printf 'main: main.o\n\tcc -o main main.o\n' >"$SHARED/c/Makefile"
	sbx exec -w "$SHARED/c" shared make -s
	is "$(sbx exec -w "$SHARED/c" shared ./main)" built
}
t "make and a C compiler in the workspace" c_build

random_io() {
	cat >"$SHARED/io.py" <<'P'
import hashlib, mmap, os, random, sys
random.seed(int(sys.argv[2]))
size = 4 << 20
model = bytearray(size)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_TRUNC)
os.ftruncate(fd, size)
for step in range(400):
    off = random.randrange(size)
    n = min(random.randrange(1, 70000), size - off)
    op = random.randrange(4)
    if op == 0:
        data = random.randbytes(n)
        os.pwrite(fd, data, off); model[off:off + n] = data
    elif op == 1:
        assert os.pread(fd, n, off) == bytes(model[off:off + n]), (step, off, n)
    elif op == 2:
        with mmap.mmap(fd, size) as m:
            data = random.randbytes(min(n, 5000))
            m[off:off + len(data)] = data[:size - off]
            m.flush()
        model[off:off + len(data)] = data[:size - off]
    else:
        cut = random.randrange(size // 2, size)
        os.ftruncate(fd, cut); os.ftruncate(fd, size)
        model[cut:] = bytes(size - cut)
os.fsync(fd)
print(hashlib.sha256(model).hexdigest())
P
	local seed
	for seed in 1 2 3; do
		is "$(sbx exec shared python3 io.py "random.$seed" "$seed")" "$(sha256sum <"$SHARED/random.$seed" | cut -d' ' -f1)"
	done
}
t "random reads, writes, mmap and truncation agree with a model and with the host" random_io

odd_files() {
	sbx exec shared bash -ec '
		truncate -s 1G sparse; test "$(stat -c %b sparse)" -lt 100
		ln -s a link; test "$(readlink link)" = a
		ln a hard; test "$(stat -c %h a)" = 2
		mkfifo fifo; test -p fifo
		python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")"; test -S sock
		name=$(printf "n%.0s" $(seq 255)); touch "$name"; rm "$name"
		touch "$(printf "a b\nc")"
		if mknod dev c 1 3 2>/dev/null || sudo mknod dev c 1 3 2>/dev/null; then exit 1; fi
		mv -n a moved && mv moved a
		cp /bin/true suid && chmod u+s suid; true'
	test ! -u "$SHARED/suid"
	test -e "$SHARED/$(printf 'a b\nc')"
}
t "sparse, links, FIFOs, sockets, odd names; no device nodes, no setuid on the host" odd_files

locks() {
	sbx exec shared flock lockfile sh -c 'echo held > holding; while [ ! -e release ]; do sleep 0.05; done' &
	local pid=$!
	wait_for 20 test -e "$SHARED/holding"
	fails 1 sbx exec shared flock -n lockfile true
	fails 1 flock -n "$SHARED/lockfile" true
	touch "$SHARED/release"
	wait $pid
	flock -n "$SHARED/lockfile" true
}
t "a lock held in the guest holds in the guest and on the host" locks

nothing_above() {
	echo secret >"$TMP/secret"
	ln -s ../secret "$SHARED/up"
	ln -s "$TMP/secret" "$SHARED/absolute"
	ln -s /etc/hostname "$SHARED/etc"
	fails 1 sbx exec shared cat up
	fails 1 sbx exec shared cat absolute
	is "$(sbx exec shared cat etc)" shared
	fails 2 sbx exec shared ls "$XDG_STATE_HOME"
	is "$(sbx exec shared ls -A "$(dirname "$SHARED")")" "$(basename "$SHARED")"
}
t "links lead to the guest's own files, and the folders above are empty" nothing_above

rename_race() {
	# the guest swaps a folder and a link to the outside while it reads through it: it must never read the outside
	mkdir -p "$TMP/outside" "$SHARED/race/in"
	echo secret >"$TMP/outside/f"
	echo public >"$SHARED/race/in/f"
	ln -s "$TMP/outside" "$SHARED/race/link"
	cat >"$SHARED/race/swap.py" <<'P'
import ctypes, os, threading
libc = ctypes.CDLL(None)
stop = False
def swap():
    while not stop:
        libc.renameat2(-100, b"in", -100, b"link", 2)
threading.Thread(target=swap, daemon=True).start()
leaks = 0
for _ in range(3000):
    try:
        leaks += open("in/f").read() == "secret\n"
    except OSError:
        pass
stop = True
print("leaks", leaks)
P
	is "$(sbx exec -w "$SHARED/race" shared python3 swap.py)" "leaks 0"
}
t "swapping a folder with a link under a reader never shows the outside" rename_race

ten_thousand_files() {
	sbx exec shared python3 -c '
import os
os.mkdir("many")
for i in range(10000):
    open(f"many/{i}", "w").close()
assert len(os.listdir("many")) == 10000'
	is "$(ls "$SHARED/many" | wc -l)" 10000
	sbx exec shared rm -r many
	test ! -e "$SHARED/many"
}
t "ten thousand files made, listed and removed" ten_thousand_files
