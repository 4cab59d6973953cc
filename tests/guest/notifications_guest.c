/*
 * Pid 1 of a guest whose virtio-fs share is served by notifications_server.py: sets off
 * each of its steps and says in TAP what the guest saw of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT_TIMEOUT_MS 10000

/* An inotify instance, and what was read from it and not yet looked at */
struct watcher {
	int fd;
	char buf[4096];
	size_t at;
	size_t end;
};

static int checks;

static void check(bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++checks, what);
}

static void step(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/share/go-%s", name);
	(void)stat(path, &st);
}

static void watch(struct watcher *watcher, const char *path, uint32_t mask)
{
	*watcher = (struct watcher){ .fd = inotify_init1(IN_CLOEXEC) };
	inotify_add_watch(watcher->fd, path, mask);
}

/* Copies the next event, and its name, which stays valid until the next call. */
static bool next_event(struct watcher *watcher, struct inotify_event *ret_event,
		       const char **ret_name)
{
	struct pollfd poll_in = { .fd = watcher->fd, .events = POLLIN };

	if (watcher->at == watcher->end) {
		if (poll(&poll_in, 1, EVENT_TIMEOUT_MS) != 1)
			return false;
		ssize_t n = read(watcher->fd, watcher->buf, sizeof(watcher->buf));
		if (n <= 0)
			return false;
		watcher->at = 0;
		watcher->end = (size_t)n;
	}
	memcpy(ret_event, watcher->buf + watcher->at, sizeof(*ret_event));
	*ret_name = ret_event->len ? watcher->buf + watcher->at + sizeof(*ret_event) : "";
	watcher->at += sizeof(*ret_event) + ret_event->len;
	return true;
}

/* Waits for MASK on NAME, passing over other events; its cookie is COOKIE. */
static bool saw(struct watcher *watcher, uint32_t mask, const char *name, uint32_t cookie)
{
	struct inotify_event event;
	const char *event_name;

	while (next_event(watcher, &event, &event_name)) {
		if (event.mask == mask && strcmp(event_name, name) == 0)
			return event.cookie == cookie;
		printf("# event %#x on '%s'\n", event.mask, event_name);
	}
	return false;
}

static bool holds(const char *path, const char *want)
{
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	return strcmp(buf, want) == 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void check_contents(struct watcher *dir)
{
	check(holds("/share/file", "as it was\n"), "a file is read and cached");
	step("change");
	check(saw(dir, IN_MODIFY, "file", 0), "IN_MODIFY for a change on the host");
	check(holds("/share/file", "changed on the host\n"), "INVAL_INODE drops what was cached");
}

static void check_names(struct watcher *dir)
{
	check(!exists("/share/late"), "a name is absent and remembered so");
	step("create");
	check(saw(dir, IN_CREATE, "late", 0), "IN_CREATE for a new name on the host");
	check(exists("/share/late"), "INVAL_ENTRY drops the absent name");
	check(holds("/share/late", "late\n"), "the new file is read");
	step("delete");
	check(saw(dir, IN_DELETE, "late", 0), "IN_DELETE for a name gone on the host");
	check(!exists("/share/late"), "DELETE drops the name");
	step("rename");
	check(saw(dir, IN_MOVED_FROM, "here", 7) && saw(dir, IN_MOVED_TO, "there", 7),
	      "a rename arrives as a pair with one cookie");
}

static void check_volume(struct watcher *dir)
{
	step("many");
	check(saw(dir, IN_CREATE, "after-many", 0), "500 notifications pass through 64 buffers");
	step("hostile");
	check(saw(dir, IN_CREATE, "good", 0), "malformed notifications are passed over");
	check(holds("/share/file", "changed on the host\n"), "the share works after that");
}

static void check_watch_on_file(struct watcher *dir)
{
	struct watcher file;

	watch(&file, "/share/file", IN_MODIFY);
	step("change");
	check(saw(&file, IN_MODIFY, "", 0), "IN_MODIFY for a watch on the file itself");
	check(saw(dir, IN_MODIFY, "file", 0), "and for one on its directory");
	close(file.fd);
}

static void check_remount(struct watcher *dir)
{
	step("many");
	close(dir->fd);
	check(umount("/share") == 0, "unmounts while notifications arrive");
	check(mount("share", "/share", "virtiofs", 0, NULL) == 0, "mounts again");
	watch(dir, "/share", IN_CREATE);
	step("create");
	check(saw(dir, IN_CREATE, "late", 0), "notifications reach the new mount");
}

int main(void)
{
	struct watcher dir;

	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/share", 0755);
	if (mount("share", "/share", "virtiofs", 0, NULL) < 0) {
		printf("Bail out! cannot mount the share: %s\n", strerror(errno));
	} else {
		watch(&dir, "/share", IN_CREATE | IN_DELETE | IN_MOVE | IN_MODIFY);
		check_contents(&dir);
		check_names(&dir);
		check_volume(&dir);
		check_watch_on_file(&dir);
		check_remount(&dir);
		printf("1..%d\n", checks);
	}
	reboot(RB_POWER_OFF);
	return 1;
}
