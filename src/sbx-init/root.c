/*
 * The first disks are the layers of the image, the lowest first; how many says sbx.layers=N
 * on the kernel's command line (one without it). Two more follow, which are the sandbox's own.
 * In the initramfs:	/layerI	erofs of the layers, read-only, shared with others
 *			/upper	ext4 of the next disk
 *			/docker	ext4 of the last, when there is one; then /new/var/lib/docker
 *			/new	overlay of all layers and upper, with everything else below
 * then /new is moved over / and entered. The layers and /upper are out of reach
 * from there, but for the descriptor that `struct root` keeps.
 */
#include "sbx-init/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"
#include "sbx-init/cmdline.h"

#define DISK_FLAGS (MS_NOATIME)
/*
 * Freed blocks go back to the host at once. The host makes the file systems in
 * files of zeros, so nothing is left to initialise.
 */
#define DISK_OPTIONS "discard,noinit_itable"
#define VIRTUAL_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

enum {
	NAME_SIZE = 24,
	OPTIONS_SIZE = 256,
	CMDLINE_MAX = 4096,
};

struct mount_row {
	const char *source, *target, *type;
	unsigned long flags;
	const char *options;
	mode_t mode;   /* of the folder, when it is made */
	bool optional; /* nothing is said when the source or the type does not exist */
};

static const struct mount_row first[] = {
	{ "dev", "/dev", "devtmpfs", MS_NOSUID, "mode=755", 0755, false },
	{ "proc", "/proc", "proc", VIRTUAL_FLAGS, NULL, 0555, false },
};

static const struct mount_row docker_inside = {
	"/docker", "/new/var/lib/docker", NULL, MS_MOVE, NULL, 0710, true
};

static const struct mount_row inside[] = {
	{ "/dev", "/new/dev", NULL, MS_MOVE, NULL, 0755, false },
	{ "/proc", "/new/proc", NULL, MS_MOVE, NULL, 0555, false },
	{ "sys", "/new/sys", "sysfs", VIRTUAL_FLAGS, NULL, 0555, false },
	{ "cgroup2", "/new/sys/fs/cgroup", "cgroup2", VIRTUAL_FLAGS, "nsdelegate", 0755, false },
	{ "devpts", "/new/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666",
	  0755, false },
	{ "shm", "/new/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", 01777, false },
	{ "mqueue", "/new/dev/mqueue", "mqueue", VIRTUAL_FLAGS, NULL, 01777, true },
	{ "run", "/new/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755", 0755, false },
	{ "tmp", "/new/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", 01777, false },
};

static const char *const controllers[] = { "+cpu",  "+cpuset",	"+io",	"+memory",
					   "+pids", "+hugetlb", "+misc" };

static int mount_one(const struct mount_row *row, struct err *err)
{
	int r;

	if (mkdir(row->target, row->mode) < 0 && errno != EEXIST)
		return err_set_errno(err, -errno, "cannot make the folder %s", row->target);
	if (mount(row->source, row->target, row->type, row->flags, row->options) == 0)
		return 0;
	r = -errno;
	/* EINVAL: nothing is mounted there that could be moved. */
	if (row->optional && (r == -ENOENT || r == -ENODEV || r == -EINVAL))
		return 0;
	return err_set_errno(err, r, "cannot mount %s on %s", row->source, row->target);
}

static int mount_all(const struct mount_row *rows, size_t count, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = mount_one(&rows[i], err);
	return r;
}

/* How many layers the image has. */
static int count_layers(struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	int r;

	buf_init(&text, CMDLINE_MAX);
	r = file_read(AT_FDCWD, "/proc/cmdline", &text);
	if (r == 0)
		r = cmdline_number(buf_str(&text), "sbx.layers", 1, ROOT_LAYERS_MAX);
	return r < 0 ? err_set_errno(err, r, "cannot tell how many layers the image has") : r;
}

static void disk_name(unsigned disk, char ret[NAME_SIZE])
{
	(void)snprintf(ret, NAME_SIZE, "/dev/vd%c", (char)('a' + disk));
}

static int mount_disk(unsigned disk, struct mount_row row, struct err *err)
{
	char name[NAME_SIZE];

	disk_name(disk, name);
	row.source = name;
	return mount_one(&row, err);
}

/* Each on its own folder; then all of them as one, the last on top, with /upper above. */
static int mount_layers(unsigned count, struct err *err)
{
	char options[OPTIONS_SIZE] = "lowerdir=";
	struct mount_row overlay = {
		"overlay", "/new", "overlay", DISK_FLAGS, options, 0755, false
	};
	size_t len = strlen(options);

	for (unsigned i = count; i-- > 0;) {
		char target[NAME_SIZE];
		struct mount_row row = { NULL, target, "erofs", MS_RDONLY | MS_NOATIME,
					 NULL, 0755,   false };
		int r;

		(void)snprintf(target, sizeof(target), "/layer%u", i);
		r = mount_disk(i, row, err);
		if (r < 0)
			return r;
		len += (size_t)snprintf(options + len, sizeof(options) - len, "%s%s", target,
					i > 0 ? ":" : "");
	}
	(void)snprintf(options + len, sizeof(options) - len,
		       ",upperdir=/upper/root,workdir=/upper/work");
	return mount_one(&overlay, err);
}

/*
 * Mounting an ext4 waits for the device several times. This one needs nothing
 * and is needed by nothing, so a child does it beside the rest.
 */
static pid_t begin_docker(unsigned disk)
{
	static const struct mount_row docker = { NULL,	       "/docker", "ext4", DISK_FLAGS,
						 DISK_OPTIONS, 0710,	  true };
	struct err err = ERR_INIT;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (mount_disk(disk, docker, &err) < 0)
		(void)dprintf(STDERR_FILENO, "sbx-init: %s\n", err.text);
	_exit(-err.code);
}

static int finish_docker(pid_t pid, struct err *err)
{
	int status = 0;

	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, -EIO, "cannot mount the disk of the Docker Engine");
	return mount_one(&docker_inside, err);
}

static int make_folders(const char *const *folders, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (mkdir(folders[i], 0755) < 0 && errno != EEXIST)
			return err_set_errno(err, -errno, "cannot make the folder %s", folders[i]);
	}
	return 0;
}

/* What programs take for granted under /dev and /run, and our own folder. */
static void furnish(void)
{
	(void)chmod("/dev/fuse", 0666);
	(void)chmod("/dev/net/tun", 0666);
	(void)symlink("/proc/self/fd", "/dev/fd");
	(void)symlink("/proc/self/fd/0", "/dev/stdin");
	(void)symlink("/proc/self/fd/1", "/dev/stdout");
	(void)symlink("/proc/self/fd/2", "/dev/stderr");
	(void)mkdir("/run/sbx", 0700);
	(void)mkdir("/run/lock", 01777);
	(void)mkdir("/run/user", 0755);
}

static void write_text(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fd_write_full(fd, text, len);
	(void)close(fd);
}

/* Each on its own: a kernel without one of them still has the others. */
static void delegate_controllers(void)
{
	for (size_t i = 0; i < countof(controllers); i++)
		write_text("/sys/fs/cgroup/cgroup.subtree_control", controllers[i],
			   strlen(controllers[i]));
}

static int switch_root(struct err *err)
{
	/* The kernel keeps running it; its pages in the initramfs stay while it runs. */
	(void)unlink("/init");
	if (chdir("/new") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		return err_set_errno(err, -errno, "cannot enter the root file system");
	/* So that a later mount of the host's folders reaches containers that want it. */
	if (mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) < 0)
		return err_set_errno(err, -errno, "cannot share the mounts");
	return 0;
}

/* The file system at path, if one of its own is mounted there. */
static int open_disk(const char *path, const char *parent)
{
	struct stat here, above;

	if (stat(path, &here) < 0 || stat(parent, &above) < 0 || here.st_dev == above.st_dev)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* One that cannot be opened is -1: it will not be exported. */
static void open_layers(struct root *root, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char path[NAME_SIZE];

		(void)snprintf(path, sizeof(path), "/layer%u", i);
		root->layers[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	root->layers_count = count;
}

static int mount_root(unsigned layers, struct err *err)
{
	static const char *const above[] = { "/upper/root", "/upper/work", "/new" };
	/* What an image of others may lack, and something is put into. */
	static const char *const common[] = { "/new/etc",     "/new/home",   "/new/root",
					      "/new/usr",     "/new/var",    "/new/var/lib",
					      "/new/var/log", "/new/var/tmp" };
	static const struct mount_row upper = { NULL,	      "/upper", "ext4", DISK_FLAGS,
						DISK_OPTIONS, 0755,	false };
	int r = mount_disk(layers, upper, err);

	if (r == 0)
		r = make_folders(above, countof(above), err);
	if (r == 0)
		r = mount_layers(layers, err);
	if (r == 0)
		r = make_folders(common, countof(common), err);
	return r < 0 ? r : mount_all(inside, countof(inside), err);
}

int root_enter(struct err *err, struct root *ret)
{
	struct root root = { .disk = -1, .docker = -1 };
	pid_t helper;
	unsigned layers;
	int r = mount_all(first, countof(first), err);

	if (r == 0)
		r = count_layers(err);
	if (r < 0)
		return r;
	layers = (unsigned)r;
	helper = begin_docker(layers + 1);
	r = mount_root(layers, err);
	if (r == 0)
		r = finish_docker(helper, err);
	if (r < 0)
		return r;
	open_layers(&root, layers);
	root.disk = open_disk("/upper", "/");
	root.docker = open_disk("/new/var/lib/docker", "/new/var/lib");
	r = switch_root(err);
	if (r < 0)
		return r;
	furnish();
	delegate_controllers();
	*ret = root;
	return 0;
}
