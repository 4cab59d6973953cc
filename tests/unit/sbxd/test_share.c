#include "sbxd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "sbxd/mounts.h"
#include "tests/unit/sbxd/folder.h"
#include "tests/unit/test.h"
#include "wire/fs.h"

/* sbx-fs: takes one request with its descriptor and gives one answer. */
struct fake {
	int listen_fd;
	struct fs_message answer, request;
	bool has_fd;
	struct stat shared;
	pthread_t thread;
};

static char folder[PATH_MAX], socket_path[PATH_MAX];
static struct paths paths;

static void *serve(void *context)
{
	struct fake *fake = context;
	int fd = accept(fake->listen_fd, NULL, NULL), passed = -1;
	uint8_t bytes[4096];
	size_t count = 1;
	ssize_t n = fd_recv(fd, bytes, sizeof(bytes), &passed, &count);
	struct frame frame;
	struct buf out;

	if (n > 0 && frame_parse(bytes, (size_t)n, &frame) > 0)
		(void)fs_message_decode(&frame, &fake->request);
	fake->has_fd = count == 1 && fstat(passed, &fake->shared) == 0;
	if (fake->has_fd)
		(void)close(passed);
	buf_init(&out, 4096);
	(void)fs_message_append(&out, &fake->answer);
	(void)fd_write_full(fd, out.data, out.len);
	buf_finish(&out);
	(void)close(fd);
	return NULL;
}

static int fake_start(struct fake *fake)
{
	int r = folder_make(folder, &paths);

	(void)snprintf(socket_path, sizeof(socket_path), "%.4000s/fs.sock", folder);
	if (r == 0)
		r = fd_listen_unix(socket_path, &fake->listen_fd);
	return r < 0 ? r : pthread_create(&fake->thread, NULL, serve, fake);
}

static void fake_end(struct fake *fake)
{
	(void)pthread_join(fake->thread, NULL);
	(void)close(fake->listen_fd);
	folder_remove(folder, &paths);
}

TEST(a_mount_goes_with_its_descriptor)
{
	struct fake fake = { .answer = { .type = FS_OK } };
	struct mount mount = { .source = folder, .read_only = true };
	struct err err = ERR_INIT;
	struct stat st;
	int fd;

	CHECK_EQ(fake_start(&fake), 0);
	CHECK_EQ(stat(folder, &st), 0);
	fd = open(folder, O_PATH | O_CLOEXEC);
	CHECK_EQ(share_add(socket_path, &mount, fd, 15, clock_now_ms() + 10000, &err), 0);
	(void)close(fd);
	fake_end(&fake);
	CHECK_EQ(fake.request.type, FS_MOUNT);
	CHECK_STR(fake.request.name, "m15");
	CHECK_EQ(fake.request.flags, FS_FLAG_READ_ONLY);
	CHECK(fake.has_fd && fake.shared.st_ino == st.st_ino);
}

TEST(a_refusal_is_told)
{
	struct fake fake = { .answer = { .type = FS_ERROR, .error = EEXIST, .text = "there" } };
	struct err err = ERR_INIT;

	CHECK_EQ(fake_start(&fake), 0);
	CHECK_EQ(share_remove(socket_path, 1, clock_now_ms() + 10000, &err), -EEXIST);
	fake_end(&fake);
	CHECK(strstr(err.text, "there") != NULL);
	CHECK(!fake.has_fd);
}

TEST_MAIN()
