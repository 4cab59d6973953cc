/*
 * virtiofsd, in Rust, as the backend of our frontend: a FUSE session is opened
 * and a file is looked up and read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/interop/guest.h"
#include "tests/unit/test.h"

enum { REQUESTS = 1 }; /* the queue after that of high priority */

static struct interop_guest guest;
static uint64_t unique;

/* One request and its answer; the answer's error, or -ETIMEDOUT. */
static int call(uint32_t opcode, uint64_t node, const void *body, size_t len, uint32_t answer)
{
	struct fuse_in_header in = { .len = (uint32_t)(sizeof(in) + len),
				     .opcode = opcode,
				     .unique = ++unique,
				     .nodeid = node,
				     .pid = 1 };
	struct fuse_out_header out;
	int written;

	memcpy(interop_given(&guest, REQUESTS), &in, sizeof(in));
	memcpy(interop_given(&guest, REQUESTS) + sizeof(in), body, len);
	interop_offer(&guest, REQUESTS, in.len, (uint32_t)sizeof(out) + answer);
	written = interop_await(&guest, REQUESTS);
	if (written < (int)sizeof(out))
		return written < 0 ? written : -EPROTO;
	memcpy(&out, interop_taken(&guest, REQUESTS), sizeof(out));
	return out.unique == unique ? out.error : -EPROTO;
}

static const void *answer(void)
{
	return interop_taken(&guest, REQUESTS) + sizeof(struct fuse_out_header);
}

static int start(void)
{
	char socket[128], shared[128], folder[96], path[128];
	char *words[] = { socket, shared, (char[]){ "--sandbox=none" }, NULL };
	int fd, r = interop_init(&guest);

	if (r < 0)
		return r;
	(void)snprintf(folder, sizeof(folder), "%s/share", guest.folder);
	(void)snprintf(path, sizeof(path), "%s/file", folder);
	(void)snprintf(socket, sizeof(socket), "--socket-path=%s", guest.socket);
	(void)snprintf(shared, sizeof(shared), "--shared-dir=%s", folder);
	if (mkdir(folder, 0700) < 0)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "from the host", 13) != 13 || close(fd) < 0)
		return -errno;
	r = interop_start(&guest, "usr/libexec/virtiofsd", words);
	return r < 0 ? r : interop_begin(&guest, 0, 2);
}

TEST(our_frontend_drives_virtiofsd)
{
	const struct fuse_init_in hello = { .major = FUSE_KERNEL_VERSION,
					    .minor = 31,
					    .max_readahead = 65536 };
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	struct fuse_open_out opened;
	struct fuse_open_in how = { .flags = O_RDONLY };
	struct fuse_read_in what = { .size = 4096 };

	if (!interop_has("usr/libexec/virtiofsd"))
		SKIP("SBX_PEERS has no virtiofsd; ./dev test fetches it");
	if (start() < 0)
		printf("# %s\n", guest.err.text);
	CHECK(guest.queues == 2);
	CHECK_EQ(call(FUSE_INIT, 0, &hello, sizeof(hello), sizeof(init)), 0);
	memcpy(&init, answer(), sizeof(init));
	CHECK_EQ(init.major, FUSE_KERNEL_VERSION);
	CHECK_EQ(call(FUSE_LOOKUP, FUSE_ROOT_ID, "none", 5, sizeof(entry)), -ENOENT);
	CHECK_EQ(call(FUSE_LOOKUP, FUSE_ROOT_ID, "file", 5, sizeof(entry)), 0);
	memcpy(&entry, answer(), sizeof(entry));
	CHECK_EQ(entry.attr.size, 13);
	CHECK_EQ(call(FUSE_OPEN, entry.nodeid, &how, sizeof(how), sizeof(opened)), 0);
	memcpy(&opened, answer(), sizeof(opened));
	what.fh = opened.fh;
	CHECK_EQ(call(FUSE_READ, entry.nodeid, &what, sizeof(what), 4096), 0);
	CHECK_MEM(answer(), "from the host", 13);
	interop_finish(&guest);
}

TEST_MAIN()
