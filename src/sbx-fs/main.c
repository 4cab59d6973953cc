/*
 * sbx-fs [--weak] [--owner UID:GID] NAME:rw|NAME:ro ...
 *
 * Serves the shared folders of one sandbox as a virtio-fs device, jailed.
 * Descriptors: 3 the vhost-user socket, 4 the listening control socket
 * (wire/fs.h), 5 and up the folder or file of each NAME, in order. Ends when
 * the vhost-user socket closes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/parse.h"
#include "fs/fs.h"
#include "jail/jail.h"
#include "sbx-fs/bounds.h"
#include "sbx-fs/control.h"
#include "sbx-fs/device.h"
#include "seccomp_fs.h"
#include "wire/fs.h"

enum {
	SOCKET_FD = 3,
	CONTROL_FD = 4,
	MOUNT_FD = 5,
	OWNER = 1000,	   /* the user agent of the guest */
	SPARE_FILES = 320, /* listings, locks, mounts, held files, what a request needs */
	MAX_NODES = 1 << 19,
	MAX_HANDLES = 1 << 16,
	LOG_BYTES = 1 << 20,
	SLICE_NS = 100000, /* the least there is */
};

struct options {
	bool weak;
	uint32_t uid, gid;
	char **mounts; /* argv from the first NAME:MODE on */
	int mounts_count;
};

static int parse_owner(const char *text, struct options *to)
{
	char uid[16];
	size_t len = strcspn(text, ":");
	uint64_t numbers[2];

	if (text[len] != ':' || len >= sizeof(uid))
		return -EINVAL;
	memcpy(uid, text, len);
	uid[len] = '\0';
	if (parse_u64(uid, UINT32_MAX - 1, &numbers[0]) < 0 ||
	    parse_u64(text + len + 1, UINT32_MAX - 1, &numbers[1]) < 0)
		return -EINVAL;
	to->uid = (uint32_t)numbers[0];
	to->gid = (uint32_t)numbers[1];
	return 0;
}

static int parse_options(int argc, char **argv, struct options *to, struct err *err)
{
	int at = 1;

	*to = (struct options){ .uid = OWNER, .gid = OWNER };
	if (at < argc && strcmp(argv[at], "--weak") == 0) {
		to->weak = true;
		at++;
	}
	if (at + 1 < argc && strcmp(argv[at], "--owner") == 0) {
		if (parse_owner(argv[at + 1], to) < 0)
			return err_set(err, -EINVAL, "--owner wants UID:GID, not '%s'",
				       argv[at + 1]);
		at += 2;
	}
	to->mounts = argv + at;
	to->mounts_count = argc - at;
	if (to->mounts_count > FS_MOUNTS_MAX)
		return err_set(err, -E2BIG, "at most %d mounts, not %d", FS_MOUNTS_MAX,
			       to->mounts_count);
	return 0;
}

/* Adds "NAME:rw" or "NAME:ro" with its descriptor. */
static int add_mount(struct fs *fs, const char *argument, int fd, struct err *err)
{
	const char *colon = strrchr(argument, ':');
	char name[FS_NAME_MAX + 1] = "";
	bool read_only = colon != NULL && strcmp(colon, ":ro") == 0;
	int r;

	if (colon == NULL || colon - argument > FS_NAME_MAX ||
	    (!read_only && strcmp(colon, ":rw") != 0))
		return err_set(err, -EINVAL, "a mount is NAME:rw or NAME:ro, not '%s'", argument);
	memcpy(name, argument, (size_t)(colon - argument));
	if (!fs_name_is_valid(name))
		return err_set(err, -EINVAL, "'%s' cannot name a mount", name);
	r = fs_mount(fs, name, fd, read_only);
	return r < 0 ? err_set_errno(err, r, "cannot share '%s'", name) : 0;
}

/*
 * The jail closes what lies above the mounts, so the folder of descriptors goes right there. It is
 * the root of a mount of its own: '..' leads from it to nothing else of /proc (open_tree(2)).
 */
static int open_proc(int place, bool weak, struct err *err)
{
	static const char folder[] = "/proc/self/fd";
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 && weak)
		fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, -errno, "cannot open /proc/self/fd");
	if (fd != place && dup3(fd, place, O_CLOEXEC) < 0)
		return err_set_errno(err, -errno, "cannot place /proc/self/fd");
	if (fd != place)
		(void)close(fd);
	return 0;
}

/*
 * A request is short and somebody waits for it. Short slices let this process
 * in at once where others compute for long (sched(7), EEVDF, Linux 6.12;
 * older kernels ignore the wish).
 */
static void ask_for_short_slices(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} wish = { .size = sizeof(wish), .policy = SCHED_OTHER, .runtime_ns = SLICE_NS };

	wish.nice = getpriority(PRIO_PROCESS, 0);
	(void)syscall(SYS_sched_setattr, 0, &wish, 0);
}

static int enter_jail(const struct options *options, int proc_fd, struct err *err)
{
	const struct jail_config config = {
		.name = "sbx-fs",
		.keep_fds = proc_fd + 1,
		.filter = seccomp_fs,
		.filter_len = countof(seccomp_fs),
		.max_files = FS_FILES_MAX,
		.serves_files = true,
		.weak = options->weak,
	};
	unsigned skipped;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("weak jail: steps 0x%x were skipped", skipped);
	return r;
}

/* A quarter of the descriptors for open files, the rest for folders. */
static void set_limits(struct fs_config *config)
{
	struct rlimit files = { .rlim_cur = 1024 };
	uint32_t count;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	count = (uint32_t)min_of(files.rlim_cur, (rlim_t)FS_FILES_MAX);
	count -= min_of(count / 2, (uint32_t)SPARE_FILES);
	config->max_nodes = MAX_NODES;
	config->max_handles = min_of(count / 4, (uint32_t)MAX_HANDLES);
	config->max_folders = count - config->max_handles;
}

static int make_fs(const struct options *options, struct device *device, int proc_fd,
		   struct fs **ret, struct err *err)
{
	struct fs_config config = {
		.impl = &device_host,
		.host = device,
		.proc_fd = proc_fd,
		.uid = options->uid,
		.gid = options->gid,
	};
	int r;

	set_limits(&config);
	r = fs_create(&config, ret);
	if (r < 0)
		return err_set_errno(err, r, "cannot set up the file system");
	for (int i = 0; r == 0 && i < options->mounts_count; i++)
		r = add_mount(*ret, options->mounts[i], MOUNT_FD + i, err);
	return r;
}

static int serve(struct device *device, struct fs *fs, struct err *err)
{
	struct control control = { .listener.fd = -1, .connection.fd = -1, .passed = -1 };
	struct loop *loop = NULL;
	int r = loop_create(&loop);

	if (r == 0)
		r = device_start(device, loop, fs, SOCKET_FD);
	if (r == 0)
		r = control_start(&control, loop, device, CONTROL_FD);
	if (r == 0)
		r = loop_run(loop);
	control_finish(&control);
	device_finish(device);
	loop_destroy(loop);
	return r < 0 ? err_set_errno(err, r, "cannot serve the device") : 0;
}

static int run(int argc, char **argv, struct err *err)
{
	static struct device device; /* large */
	struct options options;
	struct fs *fs = NULL;
	int proc_fd, r = parse_options(argc, argv, &options, err);

	if (r < 0)
		return r;
	(void)umask(0); /* the guest applies its own */
	ask_for_short_slices();
	proc_fd = MOUNT_FD + options.mounts_count;
	r = open_proc(proc_fd, options.weak, err);
	if (r == 0)
		r = enter_jail(&options, proc_fd, err);
	if (r == 0)
		r = make_fs(&options, &device, proc_fd, &fs, err);
	if (r == 0)
		r = serve(&device, fs, err);
	if (r == 0)
		log_info("ends: %s", device.why);
	fs_destroy(fs);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	log_open(&(struct log_config){ .program = "sbx-fs",
				       .fd = STDERR_FILENO,
				       .max_bytes = LOG_BYTES,
				       .level = LOG_LEVEL_INFO });
	if (run(argc, argv, &err) == 0)
		return EXIT_SUCCESS;
	log_error("%s", err.text);
	return EXIT_FAILURE;
}
