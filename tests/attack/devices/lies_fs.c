#include "tests/attack/devices/liars.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "tests/attack/devices/fuse_driver.h"
#include "tests/attack/devices/victim.h"

enum {
	ROUNDS = 1500,
	OPENS = 20000,
	FLIPS = 4000,
};

static uint64_t share(struct victim *victim, const char *name)
{
	return fuse_node(victim, FUSE_ROOT_ID, name);
}

static int path_in(const struct victim *victim, const char *name, int flags)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/share/%s", victim->folder, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* Whether each was refused; what was not is said. */
static bool refused(const char *what, int error)
{
	if (error != 0)
		return true;
	printf("# %s was done\n", what);
	return false;
}

static bool names_that_lead_elsewhere(struct victim *victim)
{
	static const char *const names[] = {
		"..", ".", "", "../secret", "a/b", "/etc/passwd", "rw/../../secret"
	};
	uint64_t folder = share(victim, "rw");
	char large[300];
	bool good = folder != 0;

	memset(large, 'a', sizeof(large));
	for (size_t i = 0; i < countof(names); i++) {
		good = refused(names[i], fuse_call(victim, FUSE_LOOKUP, folder, names[i],
						   strlen(names[i]) + 1)) &&
		       good;
		good = refused(names[i], fuse_call(victim, FUSE_LOOKUP, FUSE_ROOT_ID, names[i],
						   strlen(names[i]) + 1)) &&
		       good;
		good = refused(names[i], fuse_call_named(victim, FUSE_MKDIR, folder,
							 &(struct fuse_mkdir_in){ .mode = 0700 },
							 sizeof(struct fuse_mkdir_in), names[i],
							 strlen(names[i]) + 1)) &&
		       good;
		good = refused(names[i], fuse_call(victim, FUSE_UNLINK, folder, names[i],
						   strlen(names[i]) + 1)) &&
		       good;
	}
	good = refused("a name without an end",
		       fuse_call(victim, FUSE_LOOKUP, folder, large, 64)) &&
	       good;
	large[sizeof(large) - 1] = '\0';
	return refused("a name of 299 bytes",
		       fuse_call(victim, FUSE_LOOKUP, folder, large, sizeof(large))) &&
	       good;
}

/* Links that the host has, and links that the guest makes. */
static bool links_that_lead_elsewhere(struct victim *victim)
{
	static const char link[] = "made\0../secret";
	const struct fuse_open_in how = { .flags = O_RDWR };
	uint64_t folder = share(victim, "rw"), node;
	bool good = folder != 0;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/share/planted", victim->folder);
	good = symlink("../secret", path) == 0 && good;
	good = fuse_call(victim, FUSE_SYMLINK, folder, link, sizeof(link)) == 0 && good;
	node = fuse_node(victim, folder, "planted");
	good = refused("a link of the host",
		       fuse_call(victim, FUSE_OPEN, node, &how, sizeof(how))) &&
	       good;
	node = fuse_node(victim, folder, "made");
	good = refused("a link of the guest",
		       fuse_call(victim, FUSE_OPEN, node, &how, sizeof(how))) &&
	       good;
	return refused("a name below a link",
		       fuse_call(victim, FUSE_LOOKUP, node, "secret", sizeof("secret"))) &&
	       good;
}

static bool what_is_read_only(struct victim *victim)
{
	const struct fuse_create_in make = { .flags = O_RDWR | O_CREAT, .mode = 0600 };
	const struct fuse_open_in how = { .flags = O_RDWR };
	const struct fuse_setattr_in cut = { .valid = FATTR_SIZE, .size = 0 };
	uint64_t folder = share(victim, "ro"), file = fuse_node(victim, folder, "file");
	bool good = folder != 0 && file != 0;
	autoclose int fd = -1;
	char text[8] = "";

	good = refused("create", fuse_call_named(victim, FUSE_CREATE, folder, &make, sizeof(make),
						 "new", 4)) &&
	       good;
	good = refused("open to write", fuse_call(victim, FUSE_OPEN, file, &how, sizeof(how))) &&
	       good;
	good = refused("cut", fuse_call(victim, FUSE_SETATTR, file, &cut, sizeof(cut))) && good;
	good = refused("remove", fuse_call(victim, FUSE_UNLINK, folder, "file", 5)) && good;
	fd = path_in(victim, "file", O_RDONLY);
	return fd >= 0 && read(fd, text, sizeof(text)) == 4 && memcmp(text, "text", 4) == 0 && good;
}

static bool devices_and_attributes(struct victim *victim)
{
	const struct fuse_mknod_in device = { .mode = S_IFCHR | 0600, .rdev = 0x103 };
	const struct fuse_mknod_in disk = { .mode = S_IFBLK | 0600, .rdev = 0x800 };
	const struct fuse_link_in link = { .oldnodeid =
						   fuse_node(victim, share(victim, "ro"), "file") };
	static const char *const attributes[] = { "security.capability", "trusted.overlay.opaque",
						  "system.posix_acl_access", "security.selinux" };
	uint64_t folder = share(victim, "rw"), file = fuse_node(victim, folder, "file");
	bool good = folder != 0 && file != 0 && link.oldnodeid != 0;

	good = refused("a device", fuse_call_named(victim, FUSE_MKNOD, folder, &device,
						   sizeof(device), "null", 5)) &&
	       good;
	good = refused("a disk", fuse_call_named(victim, FUSE_MKNOD, folder, &disk, sizeof(disk),
						 "sda", 4)) &&
	       good;
	good = refused("a link from another share",
		       fuse_call_named(victim, FUSE_LINK, folder, &link, sizeof(link), "linked",
				       7)) &&
	       good;
	for (size_t i = 0; i < countof(attributes); i++) {
		uint8_t fixed[8] = { 4 };
		char names[64];
		int len = snprintf(names, sizeof(names), "%s%cABCD", attributes[i], '\0');

		good = refused(attributes[i], fuse_call_named(victim, FUSE_SETXATTR, file, fixed,
							      sizeof(fixed), names, (size_t)len)) &&
		       good;
	}
	return good;
}

/* No bit of the sort reaches the host. */
static bool set_user_id(struct victim *victim)
{
	const struct fuse_create_in make = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | 06777 };
	const struct fuse_setattr_in change = { .valid = FATTR_MODE, .mode = S_IFREG | 06755 };
	uint64_t folder = share(victim, "rw"), node;
	autoclose int fd = -1;
	struct stat is;

	(void)fuse_call_named(victim, FUSE_CREATE, folder, &make, sizeof(make), "root", 5);
	node = fuse_node(victim, folder, "root");
	(void)fuse_call(victim, FUSE_SETATTR, node, &change, sizeof(change));
	fd = path_in(victim, "root", O_RDONLY);
	if (fd >= 0 && fstat(fd, &is) == 0 && (is.st_mode & 06000) == 0)
		return true;
	printf("# the host has a file with mode %o\n", fd >= 0 ? is.st_mode : 0);
	return false;
}

static bool requests_that_are_none(struct victim *victim)
{
	struct fuse_in_header header = { .len = UINT32_MAX, .opcode = FUSE_LOOKUP, .unique = 9 };
	const struct fuse_batch_forget_in many = { .count = UINT32_MAX };
	const struct fuse_read_in read = { .fh = UINT64_MAX, .size = UINT32_MAX };
	const struct fuse_write_in write = { .fh = 0, .size = UINT32_MAX, .offset = INT64_MAX };
	uint64_t file = fuse_node(victim, share(victim, "rw"), "file");
	bool good = file != 0;

	for (uint32_t opcode = 0; opcode < 70; opcode++) {
		if (opcode == FUSE_SETLKW || opcode == FUSE_DESTROY || opcode == FUSE_INIT)
			continue;
		header.opcode = opcode;
		(void)victim_ask(victim, &header, sizeof(header), FUSE_ANSWER_MAX);
		header.len = 0;
		(void)victim_ask(victim, &header, sizeof(header), FUSE_ANSWER_MAX);
		(void)victim_ask(victim, &header, 7, FUSE_ANSWER_MAX);
		header.len = UINT32_MAX;
	}
	(void)fuse_call(victim, FUSE_BATCH_FORGET, 0, &many, sizeof(many));
	good = refused("a read of 4 GiB",
		       fuse_call(victim, FUSE_READ, file, &read, sizeof(read))) &&
	       good;
	good = refused("a write without bytes",
		       fuse_call(victim, FUSE_WRITE, file, &write, sizeof(write))) &&
	       good;
	return refused("a node of nobody",
		       fuse_call(victim, FUSE_GETATTR, UINT64_MAX, &(struct fuse_getattr_in){ 0 },
				 sizeof(struct fuse_getattr_in))) &&
	       good;
}

static unsigned long resident_kib(const struct victim *victim)
{
	unsigned long kib = 0;
	char path[32], line[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", victim->child.id.pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "VmRSS: %lu", &kib);
	if (file != NULL)
		(void)fclose(file);
	return kib;
}

static bool files_without_end(struct victim *victim)
{
	const struct fuse_open_in how = { .flags = O_RDONLY };
	uint64_t file = fuse_node(victim, share(victim, "rw"), "file");
	unsigned long before = resident_kib(victim), after;
	unsigned opened = 0;

	while (opened < OPENS && fuse_call(victim, FUSE_OPEN, file, &how, sizeof(how)) == 0)
		opened++;
	after = resident_kib(victim);
	printf("# %u files open: %lu KiB more\n", opened, after - before);
	return after - before < 32 << 10;
}

/* ---- a second CPU, and the host */

struct flipper {
	struct victim *victim;
	atomic_bool done;
};

static void *flip_name(void *argument)
{
	struct flipper *flipper = argument;
	char *name =
		(char *)victim_at(flipper->victim, VICTIM_SCRATCH) + sizeof(struct fuse_in_header);

	for (unsigned i = 0; !flipper->done; i++)
		memcpy(name, i % 2 == 0 ? "nosuchfile" : "../secret\0", 10);
	return NULL;
}

/* Looked at as one name, used as another. */
static bool a_name_that_changes(struct victim *victim)
{
	struct flipper flipper = { .victim = victim };
	uint64_t folder = share(victim, "rw");
	bool good = folder != 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, flip_name, &flipper) != 0)
		return false;
	for (unsigned i = 0; good && i < FLIPS; i++)
		good = refused("a name that changes",
			       fuse_call(victim, FUSE_LOOKUP, folder, "nosuchfile", 11));
	flipper.done = true;
	(void)pthread_join(thread, NULL);
	return good;
}

static void *swap_folders(void *argument)
{
	struct flipper *flipper = argument;
	autoclose int folder = path_in(flipper->victim, "", O_RDONLY | O_DIRECTORY);

	while (!flipper->done)
		(void)syscall(SYS_renameat2, folder, "dir", folder, "way", RENAME_EXCHANGE);
	return NULL;
}

static bool put_race(const struct victim *victim)
{
	autoclose int folder = path_in(victim, "", O_RDONLY | O_DIRECTORY);
	autoclose int inside = -1;

	if (folder < 0 || mkdirat(folder, "dir", 0700) < 0 || symlinkat("..", folder, "way") < 0)
		return false;
	inside = openat(folder, "dir/secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	return inside >= 0 && fd_write_full(inside, "inside", 6) == 0;
}

/* 1: what was read is of outside; 0: of inside, or nothing. */
static int read_by(struct victim *victim, uint64_t folder, const char *name)
{
	const struct fuse_open_in how = { .flags = O_RDONLY };
	struct fuse_read_in read = { .size = 64 };
	struct fuse_open_out opened;
	uint64_t node = fuse_node(victim, fuse_node(victim, folder, name), "secret");
	int found = 0;

	if (node == 0 || fuse_call(victim, FUSE_OPEN, node, &how, sizeof(how)) != 0)
		return 0;
	memcpy(&opened, fuse_answer(victim), sizeof(opened));
	read.fh = opened.fh;
	if (fuse_call(victim, FUSE_READ, node, &read, sizeof(read)) == 0)
		found = memcmp(fuse_answer(victim), "secret", 6) == 0;
	(void)fuse_call(victim, FUSE_RELEASE, node, &(struct fuse_release_in){ .fh = opened.fh },
			sizeof(struct fuse_release_in));
	return found;
}

static bool a_folder_that_becomes_a_link(struct victim *victim)
{
	struct flipper flipper = { .victim = victim };
	uint64_t folder = share(victim, "rw");
	pthread_t thread;
	int found = 0;

	if (folder == 0 || !put_race(victim) ||
	    pthread_create(&thread, NULL, swap_folders, &flipper) != 0)
		return false;
	for (unsigned i = 0; found == 0 && i < ROUNDS; i++)
		found = read_by(victim, folder, i % 2 == 0 ? "dir" : "way");
	flipper.done = true;
	(void)pthread_join(thread, NULL);
	if (found != 0)
		printf("# what lies outside was read\n");
	return found == 0;
}

const struct lie lies_fs[] = {
	{ "F03", "names that lead elsewhere", names_that_lead_elsewhere },
	{ "F01", "links that lead elsewhere", links_that_lead_elsewhere },
	{ "F14", "what is read-only", what_is_read_only },
	{ "F06", "devices, links across shares, attributes of the system", devices_and_attributes },
	{ "F07", "set-user-id", set_user_id },
	{ "V05", "requests that are none", requests_that_are_none },
	{ "F12", "files without end", files_without_end },
	{ "V05", "a name that changes", a_name_that_changes },
	{ "F02", "a folder that becomes a link", a_folder_that_becomes_a_link },
};

const size_t lies_fs_count = countof(lies_fs);
