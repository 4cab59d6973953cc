#include "fs/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/fs/client.h"
#include "tests/unit/test.h"

static struct client client;

TEST(names_are_single_components)
{
	CHECK(name_is_valid("a"));
	CHECK(name_is_valid("..."));
	CHECK(name_is_valid(".git"));
	CHECK(!name_is_valid(""));
	CHECK(!name_is_valid("."));
	CHECK(!name_is_valid(".."));
	CHECK(!name_is_valid("a/b"));
	CHECK(!name_is_valid("/"));
}

TEST(nothing_above_the_folder_opens)
{
	client_init(&client, false);
	CHECK_EQ(beneath_open(client.folder, "..", O_RDONLY, 0), -EXDEV);
	CHECK_EQ(beneath_open(client.folder, "/etc/passwd", O_RDONLY, 0), -EXDEV);
	CHECK_EQ(symlinkat("/etc", client.folder, "etc"), 0);
	CHECK_EQ(beneath_open(client.folder, "etc", O_RDONLY, 0), -ELOOP);
	CHECK_EQ(beneath_open(client.folder, "etc/passwd", O_RDONLY, 0), -ELOOP);
	client_finish(&client);
}

/* F06: whoever opens a FIFO that nobody writes to waits for ever. */
TEST(a_fifo_does_not_make_it_wait)
{
	client_init(&client, false);
	CHECK_EQ(mkfifoat(client.folder, "fifo", 0600), 0);
	CHECK_EQ(beneath_open(client.folder, "fifo", O_WRONLY, 0), -ENXIO);
	client_finish(&client);
}

TEST(a_held_file_opens_anew_after_its_name_is_gone)
{
	autoclose int held = -1, opened = -1;
	char byte;

	client_init(&client, false);
	client_host_file(&client, "f", "x");
	held = beneath_open(client.folder, "f", O_PATH, 0);
	CHECK(held >= 0);
	CHECK_EQ(unlinkat(client.folder, "f", 0), 0);
	opened = beneath_reopen(client.proc_fd, held, O_RDONLY);
	CHECK(opened >= 0);
	CHECK_EQ(read(opened, &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	client_finish(&client);
}

TEST_MAIN()
