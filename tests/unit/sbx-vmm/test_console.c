#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sbx-vmm/console.h"
#include "sbx-vmm/serial.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 5000 };

struct fixture {
	struct loop *loop;
	struct serial serial;
	struct console console;
	char folder[64], path[80];
	int listen;
};

static bool init(struct fixture *f)
{
	*f = (struct fixture){ .folder = "test-console-XXXXXX" };
	serial_init(&f->serial, NULL);
	if (mkdtemp(f->folder) == NULL || loop_create(&f->loop) < 0)
		return false;
	(void)snprintf(f->path, sizeof(f->path), "%s/socket", f->folder);
	return fd_listen_unix(f->path, &f->listen) == 0 &&
	       console_init(&f->console, f->loop, f->listen, &f->serial) == 0;
}

static void finish(struct fixture *f)
{
	console_finish(&f->console);
	serial_finish(&f->serial);
	loop_destroy(f->loop);
	(void)close(f->listen);
	(void)unlink(f->path);
	(void)rmdir(f->folder);
}

/* Connects, and runs the loop until the console has another reader than before. */
static int connect_reader(struct fixture *f)
{
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;
	int before = f->console.reader.fd, fd = -1;

	if (fd_connect_unix(f->path, &fd) < 0)
		return -1;
	do
		(void)loop_step(f->loop, clock_left_ms(deadline));
	while (f->serial.output == before && clock_left_ms(deadline) > 0);
	return fd;
}

static void say(struct fixture *f, const char *text)
{
	for (; *text != '\0'; text++)
		serial_write(&f->serial, 0, (uint8_t)*text);
}

TEST(who_connects_reads_from_then_on)
{
	struct fixture f;
	char got[16] = "";
	int fd;

	CHECK(init(&f));
	say(&f, "before\n");
	fd = connect_reader(&f);
	say(&f, "after\n");
	CHECK_EQ(read(fd, got, sizeof(got)), 6);
	CHECK_STR(got, "after\n");
	(void)close(fd);
	while (f.console.reader.fd >= 0)
		CHECK_EQ(loop_step(f.loop, PATIENCE_MS), 0);
	CHECK_EQ(f.serial.output, -1);
	finish(&f);
}

TEST(what_a_reader_types_is_thrown_away)
{
	struct fixture f;
	char got[16] = "";
	int fd;

	CHECK(init(&f));
	fd = connect_reader(&f);
	CHECK_EQ(write(fd, "reboot\n", 7), 7);
	CHECK_EQ(loop_step(f.loop, PATIENCE_MS), 0);
	say(&f, "ok\n");
	CHECK_EQ(read(fd, got, sizeof(got)), 3);
	(void)close(fd);
	finish(&f);
}

TEST(without_a_socket_there_is_no_reader)
{
	struct console console;
	struct loop *loop = NULL;

	CHECK_EQ(loop_create(&loop), 0);
	CHECK_EQ(console_init(&console, loop, -1, NULL), 0);
	console_finish(&console);
	loop_destroy(loop);
}

TEST_MAIN()
