/*
 * The input is a session: records of opcode, which of the ids learnt so far to
 * use, flags, length, and that many bytes of arguments. A folder is shared that
 * lies beside a file that is not; whatever the guest says, that file stays as
 * it is and nothing appears beside it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fs/fs.h"
#include "tests/fuzz/fuzz.h"

enum {
	RECORD_HEAD = 4,
	IDS = 16,
	BODY_MAX = 8192,
	FILE_MAX = 1 << 20,

	USE_HANDLE = 1 << 0, /* the last handle goes into the first eight bytes of the arguments */
	USE_NODE = 1 << 1,   /* the last id does */
};

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

struct guest {
	struct fs *fs;
	uint64_t id[IDS];
	unsigned ids;
	uint64_t handle;
	unsigned buffers; /* for notifications */
};

/* In memory where there is a place: files come and go all the time. */
static char in_memory[] = "/dev/shm/sbx-fuzz-XXXXXX", on_disk[] = "/tmp/sbx-fuzz-XXXXXX";
static const char *top;
static int top_fd = -1, proc_fd;

static bool can_notify(void *host)
{
	(void)host;
	return true;
}

static int notify(void *host, const void *bytes, size_t len)
{
	struct guest *guest = host;
	struct fuse_out_header head;

	REQUIRE(len >= sizeof(head) && len <= FS_NOTIFICATION_MAX);
	memcpy(&head, bytes, sizeof(head));
	REQUIRE(head.len == len && head.unique == 0 && head.error > 0);
	return guest->buffers-- > 0 ? 0 : -EAGAIN;
}

static void answer(void *host, uint64_t token, const void *bytes, size_t len)
{
	(void)host;
	(void)token;
	(void)bytes;
	REQUIRE(len == sizeof(struct fuse_out_header));
}

static const struct fs_host_impl impl = { can_notify, notify, answer };

static void clean_up(void)
{
	(void)file_remove_tree(AT_FDCWD, top);
}

static void write_file(const char *path, const char *content)
{
	int fd = openat(top_fd, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	REQUIRE(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	(void)close(fd);
}

static void prepare(void)
{
	struct rlimit small = { FILE_MAX, FILE_MAX };

	(void)umask(0);
	(void)signal(SIGXFSZ, SIG_IGN);
	top = mkdtemp(in_memory);
	if (top == NULL)
		top = mkdtemp(on_disk);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0 && top != NULL);
	(void)atexit(clean_up);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(top_fd >= 0 && proc_fd >= 0);
	write_file("outside", "untouched");
}

static struct fs *share(struct guest *guest)
{
	struct fs_config config = {
		.impl = &impl,
		.host = guest,
		.proc_fd = proc_fd,
		.uid = 1000,
		.gid = 1000,
		.max_nodes = 20,
		.max_folders = 6,
		.max_handles = 6,
	};
	struct fs *fs;

	REQUIRE(mkdirat(top_fd, "share", 0755) == 0 && mkdirat(top_fd, "share/d", 0755) == 0);
	write_file("share/f", "content");
	REQUIRE(symlinkat("../outside", top_fd, "share/l") == 0);
	REQUIRE(fs_create(&config, &fs) == 0);
	REQUIRE(fs_mount(fs, "m", openat(top_fd, "share", O_PATH | O_CLOEXEC), false) == 0);
	REQUIRE(fs_mount(fs, "r", openat(top_fd, "share", O_PATH | O_CLOEXEC), true) == 0);
	return fs;
}

/* Notes ids and handles of a reply, so that later records can use them. */
static void learn(struct guest *guest, uint32_t opcode, const uint8_t *body, size_t len)
{
	struct fuse_entry_out entry;
	struct fuse_open_out opened;

	if (opcode == FUSE_OPEN && len >= sizeof(opened)) {
		memcpy(&guest->handle, body, sizeof(guest->handle));
		return;
	}
	if (len < sizeof(entry) || opcode == FUSE_READ || opcode == FUSE_READDIR ||
	    opcode == FUSE_READDIRPLUS)
		return;
	memcpy(&entry, body, sizeof(entry));
	guest->id[guest->ids++ % IDS] = entry.nodeid;
	if (len >= sizeof(entry) + sizeof(opened))
		memcpy(&guest->handle, body + sizeof(entry), sizeof(guest->handle));
}

static void say(struct guest *guest, const uint8_t *record, const uint8_t *args, size_t len)
{
	static uint8_t out[sizeof(struct fuse_out_header) + BODY_MAX];
	struct fuse_in_header head = {
		.len = (uint32_t)(sizeof(head) + len),
		.opcode = record[0],
		.unique = 42,
		.nodeid = guest->id[record[1] % IDS],
	};
	uint8_t copy[256];
	struct iovec from[] = { { &head, sizeof(head) }, { copy, len } };
	struct iovec to[] = { { out, 20 }, { out + 20, sizeof(out) - 20 } };
	struct fuse_out_header reply;
	ssize_t n;

	memcpy(copy, args, len);
	if ((record[2] & USE_HANDLE) != 0 && len >= sizeof(guest->handle))
		memcpy(copy, &guest->handle, sizeof(guest->handle));
	if ((record[2] & USE_NODE) != 0 && len >= sizeof(guest->id[0]))
		memcpy(copy, &guest->id[(guest->ids - 1) % IDS], sizeof(guest->id[0]));
	n = fs_serve(guest->fs, from, 2, to, 2, 1);
	if (n <= 0)
		return;
	memcpy(&reply, out, sizeof(reply));
	REQUIRE((size_t)n >= sizeof(reply) && (size_t)n <= sizeof(out) && reply.len == (size_t)n);
	REQUIRE(reply.unique == 42 && reply.error <= 0 && reply.error > -4096);
	if (reply.error == 0)
		learn(guest, record[0], out + sizeof(reply), (size_t)n - sizeof(reply));
}

static void check_outside(void)
{
	char content[16] = "";
	int fd = openat(top_fd, "outside", O_RDONLY | O_CLOEXEC);
	DIR *folder;
	int entries = 0;

	REQUIRE(fd >= 0 && read(fd, content, sizeof(content) - 1) == 9);
	REQUIRE(strcmp(content, "untouched") == 0);
	(void)close(fd);
	folder = fdopendir(openat(top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	REQUIRE(folder != NULL);
	while (readdir(folder) != NULL)
		entries++;
	REQUIRE(entries == 4); /* ".", "..", "outside", "share" */
	(void)closedir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest guest = { .id = { FUSE_ROOT_ID }, .ids = 1, .buffers = 100 };

	if (top_fd < 0)
		prepare();
	guest.fs = share(&guest);
	while (size >= RECORD_HEAD && size - RECORD_HEAD >= data[3]) {
		if (data[0] != FUSE_SYNCFS) /* of the whole machine's disk */
			say(&guest, data, data + RECORD_HEAD, data[3]);
		(void)fs_watch_run(guest.fs);
		size -= RECORD_HEAD + (size_t)data[3];
		data += RECORD_HEAD + (size_t)data[3];
	}
	fs_retry_locks(guest.fs);
	fs_destroy(guest.fs);
	check_outside();
	REQUIRE(file_remove_tree(top_fd, "share") == 0);
	return 0;
}
