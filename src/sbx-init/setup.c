#include "sbx-init/setup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <linux/random.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "net/link.h"
#include "sbx-init/account.h"
#include "sbx-init/network.h"
#include "sbx-init/trust.h"
#include "wire/guest.h"

enum {
	HOSTNAME_MAX = 63,
	NS_PER_S = 1000000000,
	FILES_SOFT = 65536,
	FILES_HARD = 1048576,
	ENTROPY_MAX = 512
};

#define WRITTEN_MARK "# Written by the sandbox at each start; remove this line to keep your own.\n"

static const char written_mark[] = WRITTEN_MARK;

static const struct {
	const char *path, *value;
} settings[] = {
	/* Editors, bundlers and agents watch whole trees. */
	{ "/proc/sys/fs/inotify/max_user_watches", "1048576" },
	{ "/proc/sys/fs/inotify/max_user_instances", "1024" },
	{ "/proc/sys/fs/file-max", "2097152" },
	{ "/proc/sys/kernel/pid_max", "4194304" },
	{ "/proc/sys/net/ipv4/ping_group_range", "0 2147483647" },
	{ "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0" },
	{ "/proc/sys/vm/max_map_count", "1048576" },
};

bool setup_is_ours(int fd)
{
	char first[sizeof(written_mark)] = "";

	return fd_read_full(fd, first, sizeof(first) - 1) == 0 ||
	       memcmp(first, written_mark, sizeof(first) - 1) == 0;
}

/* Whether a file is missing, empty, or one that we wrote. */
static bool is_ours(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno == ENOENT : setup_is_ours(fd);
}

static int write_resolver(struct err *err)
{
	static const char text[] = WRITTEN_MARK "nameserver " LINK_GATEWAY4 "\n";
	int r = 0;

	if (network_exists() && is_ours("/etc/resolv.conf"))
		r = file_write(AT_FDCWD, "/etc/resolv.conf", text, sizeof(text) - 1, 0644);
	return r < 0 ? err_set_errno(err, r, "cannot write /etc/resolv.conf") : 0;
}

static int make_account(struct err *err)
{
	autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? err_set_errno(err, -errno, "cannot open the root")
			: account_ensure(root, err);
}

static int set_kernel(const char *path, const char *value)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_full(fd, value, strlen(value));
}

int setup_boot(struct err *err)
{
	const struct rlimit files = { .rlim_cur = FILES_SOFT, .rlim_max = FILES_HARD };
	int r;

	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < countof(settings); i++)
		(void)set_kernel(settings[i].path, settings[i].value);
	r = make_account(err);
	if (r == 0)
		r = network_raise(err);
	return r < 0 ? r : write_resolver(err);
}

int setup_is_hostname(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > HOSTNAME_MAX || name[0] == '-' || name[len - 1] == '-')
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			return 0;
	}
	return 1;
}

static const char network_hosts[] =
	LINK_GATEWAY4 "\t" LINK_GATEWAY_NAME "\n" LINK_GATEWAY6 "\t" LINK_GATEWAY_NAME
		      "\n" LINK_HOST4 "\t" LINK_HOST_NAME "\n" LINK_HOST6 "\t" LINK_HOST_NAME "\n";

static int write_hosts(const char *name)
{
	autocall(buf_finish) struct buf buf = { 0 };
	int r;

	buf_init(&buf, 4096);
	r = buf_printf(&buf,
		       "%s127.0.0.1\tlocalhost\n127.0.1.1\t%s\n"
		       "::1\tlocalhost ip6-localhost ip6-loopback\n%s",
		       written_mark, name, network_exists() ? network_hosts : "");
	return r < 0 ? r : file_write(AT_FDCWD, "/etc/hosts", buf.data, buf.len, 0644);
}

static int set_hostname(const char *name, struct err *err)
{
	autocall(buf_finish) struct buf buf = { 0 };
	int r;

	if (!setup_is_hostname(name))
		return err_set(err, -EINVAL, "'%.64s' is not a host name", name);
	if (sethostname(name, strlen(name)) < 0)
		return err_set_errno(err, -errno, "cannot set the host name");
	buf_init(&buf, HOSTNAME_MAX + 2);
	r = buf_printf(&buf, "%s\n", name);
	if (r == 0)
		r = file_write(AT_FDCWD, "/etc/hostname", buf.data, buf.len, 0644);
	if (r == 0 && is_ours("/etc/hosts"))
		r = write_hosts(name);
	return r < 0 ? err_set_errno(err, r, "cannot write down the host name") : 0;
}

static int set_clock(uint64_t realtime_ns, struct err *err)
{
	const struct timespec now = { .tv_sec = (time_t)(realtime_ns / NS_PER_S),
				      .tv_nsec = (long)(realtime_ns % NS_PER_S) };

	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		return err_set_errno(err, -errno, "cannot set the clock");
	return 0;
}

/* Credited: the host's randomness is as good as the guest can get. */
static int add_entropy(const uint8_t *bytes, size_t len, struct err *err)
{
	union {
		struct rand_pool_info info;
		uint8_t room[sizeof(struct rand_pool_info) + ENTROPY_MAX];
	} pool = { .info = { .entropy_count = (int)len * 8, .buf_size = (int)len } };
	autoclose int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	memcpy(pool.room + sizeof(pool.info), bytes, len);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0)
		return err_set_errno(err, -errno, "cannot add entropy");
	(void)ioctl(fd, RNDRESEEDCRNG);
	explicit_bzero(&pool, sizeof(pool));
	return 0;
}

static int trust_authority(const struct guest_message *request, struct err *err)
{
	autoclose int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool changed = false;
	int r = root < 0 ? err_set_errno(err, -errno, "cannot open the root")
			 : trust_install(root, request->authority, request->name, &changed, err);

	if (changed)
		trust_tell_java();
	return r;
}

/* Those of the kernel and of ours, that are there already, come on top. */
static int limit_processes(uint32_t count, struct err *err)
{
	struct sysinfo now;
	char text[24];
	int r;

	if (sysinfo(&now) < 0)
		return err_set_errno(err, -errno, "cannot count the processes");
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)count + now.procs);
	r = set_kernel("/proc/sys/kernel/threads-max", text);
	return r < 0 ? err_set_errno(err, r, "cannot limit the processes to %u", count) : 0;
}

int setup_apply(const struct guest_message *request, struct err *err)
{
	int r = 0;

	if (request->entropy_len > 0)
		r = add_entropy(request->entropy, request->entropy_len, err);
	if (r == 0 && request->realtime_ns > 0)
		r = set_clock(request->realtime_ns, err);
	if (r == 0 && request->hostname != NULL)
		r = set_hostname(request->hostname, err);
	if (r == 0 && request->authority != NULL)
		r = trust_authority(request, err);
	if (r == 0 && request->count > 0)
		r = limit_processes(request->count, err);
	return r;
}
