/*
 * test_jail LIST PROGRAM: what a program of ours that was taken over can still
 * do, tried from inside of its own jail (held.h). Two proofs: its filter kills
 * for whatever is not in its list, and all the rest of the jail holds without
 * the filter.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "jail/confine.h"
#include "sbx-blk/bounds.h"
#include "sbx-fs/bounds.h"
#include "sbx-net/bounds.h"
#include "sbx-proxy/bounds.h"
#include "sbx-vmm/bounds.h"
#include "sbx-vsock/bounds.h"
#include "seccomp_vmm_vcpu.h"
#include "tests/attack/jail/held.h"
#include "tests/unit/test.h"

/* Made of struct row. */
#include "rows_blk.h"
#include "rows_fs.h"
#include "rows_net.h"
#include "rows_proxy.h"
#include "rows_vmm_main.h"
#include "rows_vmm_vcpu.h"
#include "rows_vsock.h"

enum {
	NUMBERS = 560,	/* the table ends near 470; 512 to 547 are those of x32 */
	X32 = 1 << 30,	/* the bit of that table's calls */
	FDS_GIVEN = 4,	/* descriptors 3 to 6 */
	LOOKED_AT = 64, /* descriptors */
};

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ROWS(table) .rows = table, .rows_count = countof(table)
#define ANYTHING UINT64_MAX

/* How sbxd would start it, and what its jail promises beyond what all promise. */
struct inmate {
	const char *list;
	const char *const *words;
	const struct row *rows;
	size_t rows_count;
	int fds_kept;
	rlim_t files_max, locked_max;
	bool network, serves_files, narrowed;
};

static const struct inmate inmates[] = {
	{ "blk", WORDS("sbx-blk", "rw", "ro"), ROWS(rows_blk), .fds_kept = BLK_FDS_KEPT(2),
	  .files_max = BLK_FILES_MAX(2) },
	{ "fs", WORDS("sbx-fs", "work:rw"), ROWS(rows_fs), .fds_kept = 7, .files_max = FS_FILES_MAX,
	  .serves_files = true },
	{ "vsock", WORDS("sbx-vsock", "3"), ROWS(rows_vsock), .fds_kept = VSOCK_FDS_KEPT,
	  .files_max = VSOCK_FILES_MAX },
	{ "net", WORDS("sbx-net"), ROWS(rows_net), .fds_kept = NET_FDS_KEPT,
	  .files_max = NET_FILES_MAX, .network = true },
	{ "proxy", WORDS("sbx-proxy"), ROWS(rows_proxy), .fds_kept = PROXY_FDS_KEPT,
	  .files_max = PROXY_FILES_MAX, .locked_max = PROXY_LOCKED_MAX },
	{ "vmm_main", WORDS("sbx-vmm", "kvm=3", "kernel=4", "control=5", "memory=128M"),
	  ROWS(rows_vmm_main), .fds_kept = 6, .files_max = VMM_FILES_MAX },
	{ "vmm_vcpu", WORDS("sbx-vmm", "kvm=3", "kernel=4", "control=5", "memory=128M"),
	  ROWS(rows_vmm_vcpu), .fds_kept = 6, .files_max = VMM_FILES_MAX, .narrowed = true },
};

static const struct inmate *inmate;
static const char *program;
static struct held held = { .child = { .pidfd = -1, .gate = -1 } };

/* What stands outside, within reach of any process of this user. */
static struct {
	char folder[32];
	struct sockaddr_un by_path, by_name;
	socklen_t by_name_len;
	struct sockaddr_in by_address;
} outside;

/* One call in a copy of its own. */
static int try(bool filtered, long number, const uint64_t arguments[6], struct outcome *ret)
{
	pid_t copy;
	int r = copy_start(&held, filtered, &copy);

	if (r < 0)
		return r;
	r = copy_call(&held, copy, number, arguments, ret);
	copy_finish(copy);
	return r;
}

static bool is_killed(long number, const uint64_t arguments[6])
{
	struct outcome outcome;
	int r = try(true, number, arguments, &outcome);

	if (r == 0 && outcome.how == CALL_KILLED && outcome.value == SIGSYS)
		return true;
	printf("# call %ld (%#llx, %#llx, …): %d, how %d, value %ld\n", number,
	       (unsigned long long)arguments[0], (unsigned long long)arguments[1], r,
	       r == 0 ? (int)outcome.how : -1, r == 0 ? outcome.value : 0);
	return false;
}

static bool is_listed(long number)
{
	for (size_t i = 0; i < inmate->rows_count; i++) {
		if (inmate->rows[i].number == number)
			return true;
	}
	return false;
}

static bool is_listed_with(long number, int argument, uint64_t value)
{
	for (size_t i = 0; i < inmate->rows_count; i++) {
		const struct row *row = &inmate->rows[i];

		if (row->number == number &&
		    (row->argument < 0 || (row->argument == argument && row->value == value)))
			return true;
	}
	return false;
}

/*
 * Which Linux (6.14 and later) lets through any filter: uretprobe(2) and uprobe(2),
 * for code that the kernel itself put into a program; it refuses them to others.
 */
static bool passes_every_filter(long number)
{
	return number == 335 || number == 336;
}

TEST(calls_outside_the_list_kill)
{
	const uint64_t harmless[6] = { ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING };
	int tried = 0, survived = 0;

	for (long number = 0; number < NUMBERS; number++) {
		if (is_listed(number) || passes_every_filter(number))
			continue;
		tried++;
		survived += !is_killed(number, harmless);
	}
	printf("# %d calls tried\n", tried);
	CHECK(tried > NUMBERS / 2);
	CHECK_EQ(survived, 0);
}

/* Neighbours of what is allowed, and the same with a bit that 32 bits do not show. */
TEST(arguments_outside_the_list_kill)
{
	int survived = 0, tried = 0;

	for (size_t i = 0; i < inmate->rows_count; i++) {
		const struct row *row = &inmate->rows[i];
		const uint64_t values[] = {
			0,
			1,
			2,
			3,
			7,
			10,
			16,
			17,
			40,
			SIGCHLD,
			row->value + 1,
			row->value - 1,
			row->value | 1ULL << 32,
			row->value | 1ULL << 63,
			~row->value,
		};

		for (size_t j = 0; row->argument >= 0 && j < countof(values); j++) {
			uint64_t arguments[6] = { ANYTHING, ANYTHING, ANYTHING,
						  ANYTHING, ANYTHING, ANYTHING };

			arguments[row->argument] = values[j];
			if (is_listed_with(row->number, row->argument, values[j]))
				continue;
			tried++;
			survived += !is_killed(row->number, arguments);
		}
	}
	printf("# %d calls tried\n", tried);
	CHECK_EQ(survived, 0);
}

/* The measure can tell: what is listed goes through, or is refused as the list says. */
TEST(calls_in_the_list_go_through)
{
	int wrong = 0;

	for (size_t i = 0; i < inmate->rows_count; i++) {
		const struct row *row = &inmate->rows[i];
		uint64_t arguments[6] = {
			ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING
		};
		struct outcome outcome = { CALL_KILLED, SIGSYS };
		bool good;

		if (row->argument >= 0)
			arguments[row->argument] = row->value;
		good = try(true, row->number, arguments, &outcome) == 0 &&
		       !(outcome.how == CALL_KILLED && outcome.value == SIGSYS) &&
		       (row->answer == 0 || outcome.value == -row->answer);
		if (!good)
			printf("# call %ld is listed: how %d, value %ld\n", row->number,
			       (int)outcome.how, outcome.value);
		wrong += !good;
	}
	CHECK_EQ(wrong, 0);
}

TEST(calls_of_x32_kill)
{
	static const long numbers[] = { SYS_read, SYS_mmap, SYS_close, SYS_exit_group, 512, 520 };
	const uint64_t harmless[6] = { ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING };

	for (size_t i = 0; i < countof(numbers); i++)
		CHECK(is_killed(numbers[i] | X32, harmless));
}

/* SIGSEGV is the answer of a kernel without that entry. */
TEST(calls_of_32_bit_programs_kill)
{
	const uint64_t harmless[6] = { ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING };

	for (long number = 0; number < 32; number++) {
		struct outcome outcome = { CALL_RETURNED, 0 };
		pid_t copy;

		CHECK_EQ(copy_start(&held, true, &copy), 0);
		CHECK_EQ(copy_use_old_entry(&held, copy), 0);
		CHECK_EQ(copy_call(&held, copy, number, harmless, &outcome), 0);
		copy_finish(copy);
		CHECK_EQ(outcome.how, CALL_KILLED);
		CHECK(outcome.value == SIGSYS || outcome.value == SIGSEGV);
	}
}

/*
 * From here on without the filter. A call that gets bytes, as the argument with
 * number `at`; what it returned.
 */
static long call_with(pid_t copy, long number, int at, const void *bytes, size_t len,
		      const uint64_t given[6])
{
	struct outcome outcome;
	uint64_t arguments[6];

	memcpy(arguments, given, sizeof(arguments));
	if (copy_put(&held, copy, bytes, len, &arguments[at]) < 0 ||
	    copy_call(&held, copy, number, arguments, &outcome) < 0 || outcome.how != CALL_RETURNED)
		return -ENOTRECOVERABLE;
	return outcome.value;
}

static long call_plain(pid_t copy, long number, const uint64_t arguments[6])
{
	struct outcome outcome;

	return copy_call(&held, copy, number, arguments, &outcome) == 0 &&
			       outcome.how == CALL_RETURNED
		       ? outcome.value
		       : -ENOTRECOVERABLE;
}

static long open_path(pid_t copy, const char *path, int flags)
{
	const uint64_t arguments[6] = { (uint64_t)AT_FDCWD, 0, (uint64_t)flags, 0600 };

	return call_with(copy, SYS_openat, 1, path, strlen(path) + 1, arguments);
}

#define autocopy autocall(copy_end)

static void copy_end(pid_t *copy)
{
	copy_finish(*copy);
}

static pid_t unfiltered(void)
{
	pid_t copy = -1;

	return copy_start(&held, false, &copy) == 0 ? copy : -1;
}

TEST(no_path_leads_out)
{
	static const char *const paths[] = { "/etc/passwd",  "/proc",	 "/proc/self/status",
					     "/run",	     "/dev/kvm", "/dev/null",
					     "/sys/kernel",  "/tmp",	 "/home",
					     "/root",	     "/usr/bin", "/../etc/passwd",
					     "../etc/passwd" };
	autocopy pid_t copy = unfiltered();

	CHECK(copy > 0);
	for (size_t i = 0; i < countof(paths); i++)
		CHECK_EQ(open_path(copy, paths[i], O_PATH), -ENOENT);
	CHECK_EQ(open_path(copy, outside.folder, O_PATH), -ENOENT);
	CHECK(open_path(copy, "/made", O_CREAT | O_WRONLY) < 0);
	CHECK(open_path(copy, "/", O_TMPFILE | O_WRONLY) < 0);
}

TEST(the_root_is_empty)
{
	autocopy pid_t copy = unfiltered();
	autoclose int root = -1;
	char path[32], entries[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", copy);
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(root >= 0);
	/* "." and "..": 24 bytes each */
	CHECK_EQ(syscall(SYS_getdents64, root, entries, sizeof(entries)), 48);
	CHECK_EQ(syscall(SYS_getdents64, root, entries, sizeof(entries)), 0);
}

static long connect_to(pid_t copy, int family, int type, const void *address, size_t len)
{
	const uint64_t socket[6] = { (uint64_t)family, (uint64_t)type };
	long fd = call_plain(copy, SYS_socket, socket);
	const uint64_t connect[6] = { (uint64_t)fd, 0, len };

	return fd < 0 ? fd : call_with(copy, SYS_connect, 1, address, len, connect);
}

TEST(no_socket_of_the_host_answers)
{
	autocopy pid_t copy = unfiltered();
	autoclose int here = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(copy > 0);
	CHECK_EQ(connect(here, (struct sockaddr *)&outside.by_name, outside.by_name_len), 0);
	CHECK_EQ(connect_to(copy, AF_UNIX, SOCK_STREAM, &outside.by_path, sizeof(outside.by_path)),
		 -ENOENT);
	CHECK_EQ(connect_to(copy, AF_UNIX, SOCK_STREAM, &outside.by_name, outside.by_name_len),
		 inmate->network ? -EPERM : -ECONNREFUSED);
}

TEST(the_network_is_there_where_it_is_promised)
{
	autocopy pid_t copy = unfiltered();
	long r = connect_to(copy, AF_INET, SOCK_STREAM, &outside.by_address,
			    sizeof(outside.by_address));

	CHECK(copy > 0);
	if (inmate->network)
		CHECK_EQ(r, 0);
	else
		CHECK(r == -ENETUNREACH || r == -EACCES);
	CHECK_EQ(call_plain(copy, SYS_socket, (uint64_t[6]){ AF_INET, SOCK_RAW, IPPROTO_ICMP }),
		 -EPERM);
	CHECK_EQ(call_plain(copy, SYS_socket, (uint64_t[6]){ AF_PACKET, SOCK_RAW }), -EPERM);
}

TEST(no_capability_is_left_nor_comes_back)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct {
		struct __user_cap_header_struct header;
		struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	} asked = { .header = header };
	const uint64_t none[6] = { 0 };
	autocopy pid_t copy = unfiltered();
	uint64_t capget[6] = { 0 };

	CHECK(copy > 0);
	memset(asked.data, 0xff, sizeof(asked.data));
	CHECK_EQ(copy_put(&held, copy, &asked, sizeof(asked), &capget[0]), 0);
	capget[1] = capget[0] + offsetof(__typeof__(asked), data);
	CHECK_EQ(call_plain(copy, SYS_capset, capget), -EPERM);
	CHECK_EQ(call_plain(copy, SYS_capget, capget), 0);
	CHECK_EQ(copy_get(&held, copy, &asked, sizeof(asked)), 0);
	memset(data, 0, sizeof(data));
	CHECK_MEM(asked.data, data, sizeof(data));
	for (uint64_t cap = 0; cap <= CAP_LAST_CAP; cap++)
		CHECK_EQ(call_plain(copy, SYS_prctl, (uint64_t[6]){ PR_CAPBSET_READ, cap }), 0);
	CHECK_EQ(call_plain(copy, SYS_prctl, (uint64_t[6]){ PR_GET_NO_NEW_PRIVS }), 1);
	CHECK_EQ(call_plain(copy, SYS_prctl, (uint64_t[6]){ PR_GET_SECUREBITS }),
		 (SECURE_ALL_BITS | SECURE_ALL_LOCKS) & ~SECBIT_KEEP_CAPS);
	CHECK_EQ(call_plain(copy, SYS_getppid, none), 1);
}

/*
 * What unprivileged user namespaces offer to anybody: root over a mount table. Its own
 * namespace allows none (jail/spawn_child.c), unless the host keeps /proc/sys read-only.
 */
TEST(it_cannot_become_root_in_a_namespace)
{
	autocopy pid_t copy = unfiltered();
	const uint64_t unshare[6] = { CLONE_NEWUSER | CLONE_NEWNS };

	CHECK(copy > 0);
	if (access("/proc/sys/user/max_user_namespaces", W_OK) < 0)
		SKIP("the host keeps /proc/sys read-only");
	CHECK_EQ(call_plain(copy, SYS_unshare, unshare), -ENOSPC);
	CHECK_EQ(call_plain(copy, SYS_unshare, (uint64_t[6]){ CLONE_NEWNS }), -EPERM);
}

static rlim_t limit_of(pid_t copy, int resource)
{
	struct rlimit limit = { 1, 1 };
	struct rlimit read = { 1, 1 };
	const uint64_t arguments[6] = { 0, (uint64_t)resource, 0 };

	return call_with(copy, SYS_prlimit64, 3, &limit, sizeof(limit), arguments) == 0 &&
			       copy_get(&held, copy, &read, sizeof(read)) == 0 &&
			       read.rlim_cur == read.rlim_max
		       ? read.rlim_max
		       : RLIM_INFINITY;
}

TEST(limits_are_set)
{
	struct rlimit files = { 0 }, locked = { 0 };
	autocopy pid_t copy = unfiltered();

	CHECK(copy > 0);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	(void)getrlimit(RLIMIT_MEMLOCK, &locked);
	CHECK_EQ(limit_of(copy, RLIMIT_NOFILE), min_of(files.rlim_max, inmate->files_max));
	CHECK_EQ(limit_of(copy, RLIMIT_CORE), 0);
	CHECK_EQ(limit_of(copy, RLIMIT_MSGQUEUE), 0);
	CHECK_EQ(limit_of(copy, RLIMIT_MEMLOCK), min_of(locked.rlim_max, inmate->locked_max));
}

TEST(no_descriptor_came_along)
{
	autocopy pid_t copy = unfiltered();

	CHECK(copy > 0);
	for (int fd = inmate->fds_kept; fd < LOOKED_AT; fd++)
		CHECK_EQ(call_plain(copy, SYS_fcntl, (uint64_t[6]){ (uint64_t)fd, F_GETFD }),
			 -EBADF);
}

/* Descriptor 3 is a folder of the host here, whatever the program expects of it. */
TEST(no_program_runs)
{
	const uint64_t exec[6] = { 3 };
	autocopy pid_t copy = unfiltered();

	CHECK(copy > 0);
	CHECK_EQ(call_with(copy, SYS_execve, 0, "/bin/sh", 8, (uint64_t[6]){ 0 }), -ENOENT);
	CHECK_EQ(call_with(copy, SYS_execveat, 1, "run", 4, exec), -EACCES);
}

/* Names below and above a descriptor of the host: landlock, where the root's emptiness is no help.
 */
TEST(no_descriptor_leads_out)
{
	static const char *const names[] = { "run", "..", "../../etc/passwd" };
	autocopy pid_t copy = unfiltered();

	if (inmate->serves_files)
		SKIP("it serves files: a_share_is_its_own_top");
	CHECK(copy > 0);
	for (size_t i = 0; i < countof(names); i++) {
		const uint64_t open[6] = { 3, 0, O_RDONLY };

		CHECK_EQ(call_with(copy, SYS_openat, 1, names[i], strlen(names[i]) + 1, open),
			 -EACCES);
	}
}

static long open_at(pid_t copy, int folder, const char *name, int flags)
{
	const uint64_t arguments[6] = { (uint64_t)folder, 0, (uint64_t)flags };

	return call_with(copy, SYS_openat, 1, name, strlen(name) + 1, arguments);
}

/* The inode number of what a descriptor of the copy is, or 0. */
static uint64_t inode_of(pid_t copy, long fd)
{
	struct stat is = { .st_ino = 0 };
	const uint64_t arguments[6] = { (uint64_t)fd, 0 };

	return call_with(copy, SYS_fstat, 1, &is, sizeof(is), arguments) == 0 &&
			       copy_get(&held, copy, &is, sizeof(is)) == 0
		       ? is.st_ino
		       : 0;
}

/* Up from every descriptor that it was given, by name, by working folder, through its own /proc. */
TEST(a_share_is_its_own_top)
{
	static const char *const away[] = { "../etc/passwd", "../../etc/passwd", "../proc/self",
					    "../../../../../../dev/null" };
	autocopy pid_t copy = unfiltered();
	char through[48];

	if (!inmate->serves_files)
		SKIP("it serves no files");
	CHECK(copy > 0);
	for (int fd = 3; fd < inmate->fds_kept - 1; fd++) {
		CHECK(inode_of(copy, open_at(copy, fd, "run", O_RDONLY)) > 0);
		CHECK_EQ(inode_of(copy, open_at(copy, fd, "..", O_PATH)), inode_of(copy, fd));
		CHECK_EQ(inode_of(copy, open_at(copy, fd, "../..", O_PATH)), inode_of(copy, fd));
		for (size_t i = 0; i < countof(away); i++)
			CHECK_EQ(open_at(copy, fd, away[i], O_PATH), -ENOENT);
		(void)snprintf(through, sizeof(through), "%d/../etc/passwd", fd);
		CHECK_EQ(open_at(copy, inmate->fds_kept - 1, through, O_PATH), -ENOENT);
		CHECK_EQ(call_plain(copy, SYS_fchdir, (uint64_t[6]){ (uint64_t)fd }), 0);
		CHECK_EQ(open_path(copy, "../etc/passwd", O_PATH), -ENOENT);
		CHECK_EQ(open_path(copy, "../../../etc/passwd", O_PATH), -ENOENT);
	}
}

/* A file handle names an inode anywhere in its file system. */
TEST(no_file_handle_leads_out)
{
	union {
		struct file_handle head;
		char bytes[sizeof(struct file_handle) + 128];
	} handle = { .head = { .handle_bytes = 128 } };
	uint64_t arguments[6] = { 0, 0, O_PATH };
	autocopy pid_t copy = unfiltered();
	long folder;
	int mount;

	CHECK(copy > 0);
	if (name_to_handle_at(AT_FDCWD, "/tmp", &handle.head, &mount, 0) < 0)
		SKIP("this file system has no handles");
	folder = inmate->serves_files ? open_at(copy, 3, ".", O_RDONLY) : 3;
	CHECK(folder >= 3);
	arguments[0] = (uint64_t)folder;
	CHECK_EQ(call_with(copy, SYS_open_by_handle_at, 1, &handle, sizeof(handle), arguments),
		 -EPERM);
}

/* /proc/self/fd, the last descriptor of sbx-fs, is a mount of its own without anything above it. */
TEST(the_folder_of_descriptors_leads_nowhere)
{
	static const char *const names[] = { "../cmdline", "../../mounts",
					     "../../sys/kernel/core_pattern" };
	autocopy pid_t copy = unfiltered();

	if (!inmate->serves_files)
		SKIP("it has none");
	CHECK(copy > 0);
	for (size_t i = 0; i < countof(names); i++) {
		const uint64_t open[6] = { (uint64_t)inmate->fds_kept - 1, 0, O_RDONLY };

		CHECK_EQ(call_with(copy, SYS_openat, 1, names[i], strlen(names[i]) + 1, open),
			 -ENOENT);
	}
}

static int listen_at(int family, const void *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && bind(fd, address, len) == 0 && listen(fd, 8) == 0 ? fd : -1;
}

static bool write_program(void)
{
	char path[64];
	autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/run", outside.folder);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	return fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10;
}

static bool make_outside(void)
{
	socklen_t len = sizeof(outside.by_address);
	int fd;

	(void)snprintf(outside.folder, sizeof(outside.folder), "/tmp/sbx-held-XXXXXX");
	if (mkdtemp(outside.folder) == NULL)
		return false;
	outside.by_path.sun_family = outside.by_name.sun_family = AF_UNIX;
	(void)snprintf(outside.by_path.sun_path, sizeof(outside.by_path.sun_path), "%s/socket",
		       outside.folder);
	(void)snprintf(outside.by_name.sun_path + 1, sizeof(outside.by_name.sun_path) - 1, "%s",
		       outside.folder);
	outside.by_name_len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(outside.folder));
	outside.by_address = (struct sockaddr_in){ .sin_family = AF_INET,
						   .sin_addr = { htonl(INADDR_LOOPBACK) } };
	fd = listen_at(AF_INET, &outside.by_address, len);
	return write_program() &&
	       listen_at(AF_UNIX, &outside.by_path, sizeof(outside.by_path)) >= 0 &&
	       listen_at(AF_UNIX, &outside.by_name, outside.by_name_len) >= 0 && fd >= 0 &&
	       getsockname(fd, (struct sockaddr *)&outside.by_address, &len) == 0;
}

/* As sbxd would give it to this program. */
static int open_outside(int *ret)
{
	autoclose int plain = open(outside.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (plain < 0)
		return -errno;
	if (inmate->serves_files)
		return jail_confine(plain, false, ret);
	*ret = take_fd(&plain);
	return 0;
}

/* Folders do for descriptors: nothing reads them before the filter is set. */
static int hold(struct err *err)
{
	struct spawn_config config = { .program = program,
				       .argv = (char *const *)(uintptr_t)inmate->words,
				       .fds_count = FDS_GIVEN,
				       .stdout_fd = STDERR_FILENO,
				       .network = inmate->network };
	int fds[FDS_GIVEN];
	int r = 0;

	for (int i = 0; r == 0 && i < FDS_GIVEN; i++)
		r = open_outside(&fds[i]);
	if (r < 0)
		return err_set_errno(err, r, "the test cannot make its descriptors");
	config.fds = fds;
	r = held_start(&held, &config, err);
	if (r == 0 && inmate->narrowed)
		r = held_narrow(&held, seccomp_vmm_vcpu, countof(seccomp_vmm_vcpu));
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int r;

	for (size_t i = 0; argc == 3 && i < countof(inmates); i++) {
		if (strcmp(inmates[i].list, argv[1]) == 0)
			inmate = &inmates[i];
	}
	if (inmate == NULL || !make_outside())
		return EXIT_FAILURE;
	program = argv[2];
	r = hold(&err);
	if (r < 0)
		printf("Bail out! %s\n", err.text);
	else
		r = test_main();
	held_finish(&held);
	(void)file_remove_tree(AT_FDCWD, outside.folder);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
