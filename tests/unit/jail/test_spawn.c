/*
 * Starts tests/unit/jail/probe.c in a jail and reads what it found there. Run
 * twice: as who runs the tests, and with --ordinary as a user without rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "jail/inspect.h"
#include "jail/jail.h"
#include "jail/spawn.h"
#include "tests/unit/test.h"

enum { DEADLINE_MS = 60000, ORDINARY_ID = 61234 };

/* One started probe and what it said so far. */
struct probe {
	struct spawned child;
	int output; /* read end of its standard output */
	int talk;   /* closed to end it */
	char folder[64];
	char text[4096];
	size_t len;
};

static void probe_finish(struct probe *probe)
{
	if (probe->talk >= 0)
		(void)close(probe->talk);
	if (probe->child.pidfd >= 0 && probe->child.gate < 0)
		(void)waitid(P_PIDFD, (id_t)probe->child.pidfd, &(siginfo_t){ 0 }, WEXITED);
	spawned_finish(&probe->child);
	if (probe->output >= 0)
		(void)close(probe->output);
	if (probe->folder[0] != '\0')
		(void)file_remove_tree(AT_FDCWD, probe->folder);
}

#define autoprobe autocall(probe_finish)

static struct probe probe_none(void)
{
	return (struct probe){ .child = { .pidfd = -1, .gate = -1 }, .output = -1, .talk = -1 };
}

static int make_folder(struct probe *probe, int *ret)
{
	(void)snprintf(probe->folder, sizeof(probe->folder), "/tmp/sbx-jail-XXXXXX");
	if (mkdtemp(probe->folder) == NULL)
		return -errno;
	*ret = open(probe->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

/* Starts the probe up to its gate, with descriptors 3 (its end) and 4 (a folder). */
static int probe_spawn(struct probe *probe, const char *mode, const struct jail_bind *binds,
		       struct err *err)
{
	char *argv[] = { (char *)"probe", (char *)(uintptr_t)mode, NULL };
	autoclose int folder = -1, theirs = -1, out = -1;
	int talk[2], output[2];
	int fds[2];

	if (make_folder(probe, &folder) < 0 || fd_socketpair(talk) < 0 ||
	    pipe2(output, O_CLOEXEC) < 0)
		return err_set(err, -errno, "the test cannot make its descriptors");
	probe->talk = talk[0];
	theirs = talk[1];
	probe->output = output[0];
	out = output[1];
	fds[0] = theirs;
	fds[1] = folder;
	return jail_spawn(&(struct spawn_config){ .program = getenv("JAIL_PROBE"),
						  .argv = argv,
						  .fds = fds,
						  .fds_count = countof(fds),
						  .stdout_fd = out,
						  .binds = binds,
						  .network = strcmp(mode, "network") == 0 },
			  &probe->child, err);
}

/* Reads until the probe said `line` or its output ended. */
static bool probe_read_until(struct probe *probe, const char *line)
{
	while (strstr(probe->text, line) == NULL) {
		struct pollfd poll_fd = { .fd = probe->output, .events = POLLIN };
		ssize_t n;

		if (poll(&poll_fd, 1, DEADLINE_MS) <= 0)
			return false;
		n = read(probe->output, probe->text + probe->len,
			 sizeof(probe->text) - 1 - probe->len);
		if (n <= 0)
			return false;
		probe->len += (size_t)n;
	}
	return true;
}

static int probe_start(struct probe *probe, const char *mode, const struct jail_bind *binds)
{
	struct err err = ERR_INIT;
	int r = probe_spawn(probe, mode, binds, &err);

	if (r == 0)
		r = jail_spawn_release(&probe->child, &err);
	if (r == 0)
		(void)probe_read_until(probe, "ready 1\n");
	else
		printf("# %s\n", err.text);
	return r;
}

/* The number after key; -1 when it was not said. */
static long long said(const struct probe *probe, const char *key)
{
	char pattern[64];
	const char *found;
	long long value = -1;

	(void)snprintf(pattern, sizeof(pattern), "\n%s ", key);
	found = strstr(probe->text, pattern);
	if (found == NULL && strncmp(probe->text, pattern + 1, strlen(pattern + 1)) == 0)
		found = probe->text - 1;
	if (found != NULL)
		(void)sscanf(found + strlen(pattern), "%lld", &value);
	return value;
}

static bool pidfd_ended(int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, DEADLINE_MS) == 1;
}

/* How it ended, as waitid() says; the pidfd is used up. */
static siginfo_t wait_ended(struct probe *probe)
{
	siginfo_t info = { 0 };

	(void)waitid(P_PIDFD, (id_t)probe->child.pidfd, &info, WEXITED);
	(void)close(take_fd(&probe->child.pidfd));
	return info;
}

TEST(every_step_holds)
{
	autoprobe struct probe probe = probe_none();

	CHECK_EQ(probe_start(&probe, "report", NULL), 0);
	CHECK_EQ(said(&probe, "skipped"), 0);
	CHECK_EQ(said(&probe, "pid"), 1);
	CHECK_EQ(said(&probe, "uid"), (long long)geteuid());
	CHECK_EQ(said(&probe, "capabilities"), 0);
	CHECK_EQ(said(&probe, "no_new_privs"), 1);
	CHECK_EQ(said(&probe, "core"), 0);
	CHECK_EQ(said(&probe, "locked"), 0);
	CHECK_EQ(said(&probe, "open_beyond"), 0);
	CHECK_EQ(said(&probe, "make_folder"), EROFS);
	CHECK(said(&probe, "open_passwd") > 0);
	CHECK(said(&probe, "open_proc") > 0);
	CHECK_EQ(said(&probe, "uname"), EPERM);
}

/* The folder came as a descriptor, so only landlock stands in the way. */
TEST(landlock_denies_paths_below_descriptors)
{
	autoprobe struct probe probe = probe_none();

	CHECK_EQ(probe_start(&probe, "report", NULL), 0);
	CHECK_EQ(said(&probe, "folder_open"), EACCES);
	CHECK(said(&probe, "folder_device") > 0);
}

TEST(landlock_lets_files_be_served)
{
	autoprobe struct probe probe = probe_none();

	CHECK_EQ(probe_start(&probe, "files", NULL), 0);
	CHECK_EQ(said(&probe, "skipped"), 0);
	CHECK_EQ(said(&probe, "folder_open"), 0);
	CHECK_EQ(said(&probe, "folder_rename"), 0);
	CHECK(said(&probe, "folder_device") > 0);
}

TEST(inspect_agrees)
{
	autoprobe struct probe probe = probe_none();
	struct jail_report report = { 0 };

	CHECK_EQ(probe_start(&probe, "report", NULL), 0);
	CHECK_EQ(jail_inspect(probe.child.id.pid, &report), 0);
	CHECK_EQ(report.own_namespaces, JAIL_NS_USER | JAIL_NS_MOUNT | JAIL_NS_PID | JAIL_NS_IPC |
						JAIL_NS_UTS | JAIL_NS_NET);
	CHECK_EQ(report.capabilities, 0);
	CHECK_EQ(report.seccomp_mode, 2);
	CHECK_EQ(report.seccomp_filters, 1);
	CHECK(report.no_new_privs);
	CHECK(report.root_is_empty);
	CHECK_EQ(jail_has_landlock(&report, false), jail_landlock_abi() > 0);
}

/* Only the network's namespace stays the caller's. */
TEST(network_is_kept_where_it_is_wanted)
{
	autoprobe struct probe probe = probe_none();
	struct jail_report report = { 0 };

	CHECK_EQ(probe_start(&probe, "network", NULL), 0);
	CHECK_EQ(said(&probe, "skipped"), 0);
	CHECK_EQ(said(&probe, "capabilities"), 0);
	CHECK_EQ(jail_inspect(probe.child.id.pid, &report), 0);
	CHECK_EQ(report.own_namespaces,
		 JAIL_NS_USER | JAIL_NS_MOUNT | JAIL_NS_PID | JAIL_NS_IPC | JAIL_NS_UTS);
}

TEST(memory_is_locked_where_it_is_wanted)
{
	autoprobe struct probe probe = probe_none();

	CHECK_EQ(probe_start(&probe, "locked", NULL), 0);
	CHECK_EQ(said(&probe, "skipped"), 0);
	CHECK_EQ(said(&probe, "locked"), 8192);
}

TEST(inspect_tells_who_is_not_jailed)
{
	struct jail_report report = { 0 };

	CHECK_EQ(jail_inspect(getpid(), &report), 0);
	CHECK_EQ(report.own_namespaces, 0);
	CHECK(!report.root_is_empty);
	CHECK_EQ(jail_inspect(0x3ffffffe, &report), -ESRCH);
}

TEST(forbidden_call_kills)
{
	autoprobe struct probe probe = probe_none();
	siginfo_t info;

	CHECK_EQ(probe_start(&probe, "forbidden", NULL), 0);
	CHECK(pidfd_ended(probe.child.pidfd));
	info = wait_ended(&probe);
	CHECK(info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
	CHECK_EQ(info.si_status, SIGSYS);
	CHECK_EQ(said(&probe, "socket"), -1);
}

TEST(foreign_program_sees_only_its_binds)
{
	const char *program = getenv("JAIL_PROBE");
	const struct jail_bind binds[] = { { "/usr", "/usr", false },
					   { "/usr/lib", "/lib", false },
					   { "/lib64", "/lib64", false },
					   { program, "/opt/probe", false },
					   { NULL, NULL, false } };
	autoprobe struct probe probe = probe_none();
	struct jail_report report = { 0 };

	CHECK_EQ(probe_start(&probe, "foreign", binds), 0);
	CHECK_EQ(said(&probe, "ready"), 1);
	CHECK_EQ(said(&probe, "pid"), 1);
	CHECK_EQ(said(&probe, "capabilities"), 0);
	CHECK_EQ(said(&probe, "no_new_privs"), 1);
	CHECK_EQ(said(&probe, "open_beyond"), 0);
	CHECK(said(&probe, "make_folder") > 0);
	CHECK(said(&probe, "open_passwd") > 0);
	CHECK(said(&probe, "open_proc") > 0);
	CHECK(said(&probe, "write_program") > 0);
	CHECK_EQ(jail_inspect(probe.child.id.pid, &report), 0);
	CHECK_EQ(report.capabilities, 0);
	CHECK(report.root_is_empty);
}

TEST(gate_breaks_with_its_parent)
{
	autoprobe struct probe first = probe_none(), second = probe_none();
	struct err err = ERR_INIT;

	/* The second child must not keep the first one's gate in one piece. */
	CHECK_EQ(probe_spawn(&first, "report", NULL, &err), 0);
	CHECK_EQ(probe_spawn(&second, "report", NULL, &err), 0);
	(void)close(take_fd(&first.child.gate));
	CHECK(pidfd_ended(first.child.pidfd));
	CHECK_EQ(wait_ended(&first).si_code, CLD_EXITED);
	CHECK_EQ(first.text[0], '\0');
}

TEST(finish_ends_an_unreleased_child)
{
	autoprobe struct probe probe = probe_none();
	struct process_id now;
	struct err err = ERR_INIT;
	pid_t pid;

	CHECK_EQ(probe_spawn(&probe, "report", NULL, &err), 0);
	pid = probe.child.id.pid;
	CHECK(probe.child.id.start_ticks > 0);
	spawned_finish(&probe.child);
	CHECK_EQ(process_identify(pid, &now), -ESRCH);
}

static int spawn_simple(const char *program, const int *fds, size_t count, char *const *argv,
			int out, struct spawned *ret, struct err *err)
{
	return jail_spawn(&(struct spawn_config){ .program = program,
						  .argv = argv,
						  .fds = fds,
						  .fds_count = count,
						  .stdout_fd = out },
			  ret, err);
}

TEST(what_cannot_be_executed_is_said)
{
	char *argv[] = { (char *)"x", NULL };
	struct spawned child = { .pidfd = -1, .gate = -1 };
	struct err err = ERR_INIT;

	CHECK_EQ(spawn_simple("/nonexistent/program", NULL, 0, argv, -1, &child, &err), -ENOENT);
	CHECK(strstr(err.text, "/nonexistent/program") != NULL);
	CHECK_EQ(spawn_simple("/etc/passwd", NULL, 0, argv, -1, &child, &err), 0);
	CHECK_EQ(jail_spawn_release(&child, &err), -EACCES);
	CHECK(strstr(err.text, "cannot execute it") != NULL);
	spawned_finish(&child);
	CHECK_EQ(child.pidfd, -1);
}

static int make_readable(const char *text)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	(void)fd_write_full(pair[1], text, strlen(text));
	(void)close(pair[1]);
	return pair[0];
}

/* Puts fd at number, whatever is there; the source is closed. */
static bool put_at(int fd, int number)
{
	bool done = fd >= 0 && (fd == number || dup3(fd, number, O_CLOEXEC) == number);

	if (fd >= 0 && fd != number)
		(void)close(fd);
	return done;
}

/* Sources that stand where targets go, in the opposite order. */
TEST(descriptors_are_placed_whatever_their_numbers)
{
	char *argv[] = { (char *)"probe", (char *)"read", (char *)"3",
			 (char *)"4",	  (char *)"5",	  NULL };
	const int fds[] = { 5, 4, 3 };
	const char *const texts[] = { "one", "two", "three" };
	autoprobe struct probe probe = probe_none();
	struct err err = ERR_INIT;
	int output[2];

	CHECK_EQ(pipe2(output, O_CLOEXEC), 0);
	CHECK(put_at(output[1], 40) && put_at(output[0], 41));
	probe.output = 41;
	for (int i = 0; i < 3; i++)
		CHECK(put_at(make_readable(texts[i]), 50 + i));
	for (int i = 0; i < 3; i++)
		CHECK(put_at(50 + i, fds[i]));
	CHECK_EQ(spawn_simple(getenv("JAIL_PROBE"), fds, 3, argv, 40, &probe.child, &err), 0);
	CHECK_EQ(jail_spawn_release(&probe.child, &err), 0);
	CHECK_EQ(close_range(3, 5, 0), 0);
	CHECK_EQ(close(40), 0);
	(void)probe_read_until(&probe, "open_beyond 0\n");
	CHECK(strstr(probe.text, "fd3 one\nfd4 two\nfd5 three\nopen_beyond 0\n") != NULL);
}

/* Started without jail_spawn(), with the host's namespaces. */
static int run_bare(const char *mode, struct probe *probe)
{
	int output[2], talk[2];
	pid_t pid;

	if (pipe2(output, O_CLOEXEC) < 0 || fd_socketpair(talk) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)dup2(output[1], STDOUT_FILENO);
		(void)dup2(talk[1], 3);
		(void)close(talk[0]);
		(void)execl(getenv("JAIL_PROBE"), "probe", mode, (char *)NULL);
		_exit(127);
	}
	(void)close(output[1]);
	(void)close(talk[1]);
	probe->output = output[0];
	(void)probe_read_until(probe, "ready 1\n");
	(void)close(talk[0]);
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

TEST(a_bare_start_is_refused)
{
	autoprobe struct probe probe = probe_none();

	CHECK_EQ(run_bare("report", &probe), 0);
	CHECK_EQ(said(&probe, "refused"), EPERM);
	CHECK(strstr(probe.text, "namespaces") != NULL);
}

TEST(weak_goes_on_and_says_what_is_missing)
{
	autoprobe struct probe probe = probe_none();

	CHECK_EQ(run_bare("weak", &probe), 0);
	CHECK_EQ(said(&probe, "skipped") & (JAIL_NAMESPACES | JAIL_ROOT),
		 JAIL_NAMESPACES | JAIL_ROOT);
	CHECK_EQ(said(&probe, "skipped") & (JAIL_NO_NEW_PRIVS | JAIL_SECCOMP | JAIL_LANDLOCK), 0);
	CHECK_EQ(said(&probe, "no_new_privs"), 1);
}

static bool write_file(const char *path, const char *text)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/*
 * Becomes a host that refuses user namespaces: the limit is one of the user
 * namespace it is set in.
 */
static bool forbid_namespaces(void)
{
	char uid_map[32], gid_map[32];

	(void)snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uid_map) &&
	       write_file("/proc/self/gid_map", gid_map) &&
	       write_file("/proc/sys/user/max_user_namespaces", "0");
}

/* 0: refused with the sentence, and weak went on without; else what was wrong. */
static int try_without_namespaces(void)
{
	char *argv[] = { (char *)"probe", (char *)"weak", NULL };
	struct spawn_config config = { .program = getenv("JAIL_PROBE"),
				       .argv = argv,
				       .stdout_fd = -1 };
	struct spawned child = { .pidfd = -1, .gate = -1 };
	struct err err = ERR_INIT;
	siginfo_t info = { 0 };

	if (!forbid_namespaces())
		return 1;
	if (jail_spawn(&config, &child, &err) != -ENOSPC ||
	    strstr(err.text, "user namespaces") == NULL)
		return 2;
	config.weak = true;
	if (jail_spawn(&config, &child, &err) < 0 || jail_spawn_release(&child, &err) < 0)
		return 3;
	if (waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED) < 0 || info.si_code != CLD_EXITED ||
	    info.si_status != 0)
		return 4;
	spawned_finish(&child);
	return 0;
}

TEST(a_host_without_user_namespaces_is_named)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_without_namespaces());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

/* dumpable, as after an exec: else /proc/self belongs to root. */
static int become_ordinary(void)
{
	if (geteuid() != 0)
		return 0;
	return setgroups(0, NULL) < 0 || setgid(ORDINARY_ID) < 0 || setuid(ORDINARY_ID) < 0 ||
			       prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0
		       ? -errno
		       : 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--ordinary") == 0 && become_ordinary() < 0)
		return EXIT_FAILURE;
	return test_main();
}
