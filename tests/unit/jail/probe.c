/*
 * probe MODE: the program that the jail tests start. It jails itself (not in
 * mode "foreign", where that was done to it), tries what must not work and
 * says on standard output what came of it, one `key value` a line.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/err.h"
#include "jail/jail.h"
#include "seccomp_probe.h"

enum { TALK = 3, FOLDER = 4, KEPT = 5, LOOKED_AT = 64, LOCKED_BYTES = 8192 };

/* 0, or the errno of a call that failed. */
static void say(const char *key, int result)
{
	(void)dprintf(STDOUT_FILENO, "%s %d\n", key, result < 0 ? errno : 0);
}

static void say_number(const char *key, unsigned long long number)
{
	(void)dprintf(STDOUT_FILENO, "%s %llu\n", key, number);
}

static unsigned long long count_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	unsigned long long count = 0;

	if (syscall(SYS_capget, &header, data) < 0)
		return 999;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		count += (unsigned)__builtin_popcount(data[i].effective | data[i].permitted |
						      data[i].inheritable);
	for (unsigned long cap = 0; cap < 64; cap++)
		count += prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1;
	return count;
}

static unsigned long long count_open(int from)
{
	unsigned long long count = 0;

	for (int fd = from; fd < LOOKED_AT; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void say_process(void)
{
	struct rlimit core = { 1, 1 }, locked = { 1, 1 };

	say_number("pid", (unsigned long long)getpid());
	say_number("uid", getuid());
	say_number("capabilities", count_capabilities());
	say_number("no_new_privs", (unsigned long long)prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	(void)getrlimit(RLIMIT_CORE, &core);
	say_number("core", core.rlim_max);
	(void)getrlimit(RLIMIT_MEMLOCK, &locked);
	say_number("locked", locked.rlim_max);
	say_number("open_beyond", count_open(KEPT));
}

static void say_paths(void)
{
	say("open_passwd", open("/etc/passwd", O_RDONLY));
	say("open_proc", open("/proc/self/status", O_RDONLY));
	say("make_folder", mkdir("/made", 0700));
}

/* What works on a folder that came as a descriptor. */
static void say_folder(void)
{
	int fd = openat(FOLDER, "file", O_RDWR | O_CREAT, 0600);

	say("folder_open", fd);
	(void)mkdirat(FOLDER, "a", 0700);
	(void)mkdirat(FOLDER, "b", 0700);
	(void)close(openat(FOLDER, "a/file", O_RDWR | O_CREAT, 0600));
	say("folder_rename", renameat(FOLDER, "a/file", FOLDER, "b/file"));
	say("folder_device", mknodat(FOLDER, "device", S_IFCHR | 0600, makedev(1, 3)));
}

static void wait_for_end(void)
{
	char byte;

	(void)write(STDOUT_FILENO, "ready 1\n", 8);
	(void)read(TALK, &byte, 1);
}

static int foreign(void)
{
	struct dirent **entries = NULL;
	int count = scandir("/", &entries, NULL, NULL);

	say_process();
	say_paths();
	say_number("root_entries", (unsigned long long)count);
	say("write_program", open("/usr/written", O_CREAT | O_WRONLY, 0600));
	while (count > 0)
		free(entries[--count]);
	free(entries);
	wait_for_end();
	return 0;
}

static int enter(const char *mode)
{
	struct jail_config config = {
		.name = "probe",
		.keep_fds = KEPT,
		.filter = seccomp_probe,
		.filter_len = sizeof(seccomp_probe) / sizeof(seccomp_probe[0]),
		.max_files = LOOKED_AT,
		.serves_files = strcmp(mode, "files") == 0,
		.network = strcmp(mode, "network") == 0,
		.max_locked_bytes = strcmp(mode, "locked") == 0 ? LOCKED_BYTES : 0,
		.weak = strcmp(mode, "weak") == 0,
	};
	struct err err = ERR_INIT;
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, &err);

	if (r < 0)
		(void)dprintf(STDOUT_FILENO, "refused %d\n%s\n", -r, err.text);
	else
		say_number("skipped", skipped);
	return r;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "report";
	struct utsname name;
	char text[16] = "";

	if (strcmp(mode, "read") == 0) {
		for (int fd = 3; fd < 3 + argc - 2; fd++) {
			(void)read(fd, text, sizeof(text) - 1);
			(void)dprintf(STDOUT_FILENO, "fd%d %s\n", fd, text);
		}
		say_number("open_beyond", count_open(3 + argc - 2));
		return 0;
	}
	if (strcmp(mode, "foreign") == 0)
		return foreign();
	if (enter(mode) < 0)
		return 1;
	say_process();
	say_paths();
	say("uname", uname(&name));
	if (strcmp(mode, "forbidden") == 0)
		say("socket", socket(AF_INET, SOCK_STREAM, 0));
	if (strcmp(mode, "weak") != 0)
		say_folder();
	wait_for_end();
	return 0;
}
