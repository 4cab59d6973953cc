/* On folders that are no cgroups, with the files that a controller would put there. */
#include "sbxd/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

static char top[64];
static int delegated;

static void begin(void)
{
	(void)snprintf(top, sizeof(top), "cgroup-XXXXXX");
	CHECK(mkdtemp(top) != NULL);
	delegated = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(delegated > 0);
}

static void end(void)
{
	(void)close(delegated);
	CHECK_EQ(file_remove_tree(AT_FDCWD, top), 0);
}

static void make_file(const char *path)
{
	int fd = openat(delegated, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	(void)close(fd);
}

static const char *content(const char *path)
{
	static char text[64];
	int fd = openat(delegated, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

TEST(the_line_of_version_2_is_the_path)
{
	char only[] = "0::/user.slice/a b.scope\n";
	char last[] = "5:memory:/x\n1:name=systemd:/\n0::/y\n";
	char ours[] = "0::/sbx.service/daemon\n";
	char none[] = "5:memory:/x\n", half[] = "0::", empty[] = "", root[] = "0::/\n";

	CHECK_STR(cgroup_parse(only), "/user.slice/a b.scope");
	CHECK_STR(cgroup_parse(last), "/y");
	CHECK_STR(cgroup_parse(ours), "/sbx.service");
	CHECK_STR(cgroup_parse(root), "/");
	CHECK(cgroup_parse(none) == NULL);
	CHECK(cgroup_parse(half) == NULL);
	CHECK(cgroup_parse(empty) == NULL);
}

TEST(limits_are_set_where_there_is_a_controller)
{
	const struct cgroup_limits limits = { .memory_bytes = 5368709120, .processes = 1024 };
	struct err err = ERR_INIT;
	int cgroup = -1;

	begin();
	CHECK_EQ(cgroup_make(delegated, "demo", &limits, &cgroup, &err), 0);
	(void)close(cgroup);
	CHECK_EQ(faccessat(delegated, "sandbox-demo/memory.max", F_OK, 0), -1);
	make_file("sandbox-demo/memory.max");
	make_file("sandbox-demo/pids.max");
	make_file("sandbox-demo/cgroup.procs");
	CHECK_EQ(cgroup_make(delegated, "demo", &limits, &cgroup, &err), 0);
	CHECK_STR(content("sandbox-demo/memory.max"), "5368709120");
	CHECK_STR(content("sandbox-demo/pids.max"), "1024");
	CHECK_EQ(cgroup_add(cgroup, 4711), 0);
	CHECK_STR(content("sandbox-demo/cgroup.procs"), "4711");
	(void)close(cgroup);
	end();
}

TEST(one_that_has_ended_is_removed)
{
	const struct cgroup_limits limits = { .memory_bytes = 1, .processes = 1 };
	struct err err = ERR_INIT;
	int cgroup = -1;

	begin();
	CHECK_EQ(cgroup_make(delegated, "demo", &limits, &cgroup, &err), 0);
	(void)close(cgroup);
	cgroup_remove(0, "demo");
	CHECK_EQ(faccessat(delegated, "sandbox-demo", F_OK, 0), 0);
	cgroup_remove(delegated, "demo");
	CHECK_EQ(faccessat(delegated, "sandbox-demo", F_OK, 0), -1);
	end();
}

TEST(a_link_in_its_place_is_refused)
{
	const struct cgroup_limits limits = { .memory_bytes = 1, .processes = 1 };
	struct err err = ERR_INIT;
	int cgroup = -1;

	begin();
	CHECK_EQ(symlinkat("/", delegated, "sandbox-demo"), 0);
	CHECK(cgroup_make(delegated, "demo", &limits, &cgroup, &err) < 0);
	CHECK_STR(err.text, "cannot make the cgroup of sandbox 'demo': Not a directory");
	end();
}

TEST_MAIN()
