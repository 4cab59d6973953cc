#include "sbx-init/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"
#include "sbx-init/machine.h"

enum { FILE_MAX = 1 << 20, PASSWD_FIELDS = 7, GROUP_FIELDS = 4 };

/* Cuts a line at its colons, in place; false when it has another number of fields. */
static bool split(char *line, char **fields, size_t count)
{
	size_t n = 0;

	while (n < count) {
		fields[n++] = line;
		line = strchr(line, ':');
		if (line == NULL)
			return n == count;
		*line++ = '\0';
	}
	return false;
}

static bool parse_id(const char *text, uint32_t *ret)
{
	uint64_t id;

	/* The largest value means "none" to the kernel. */
	if (parse_u64(text, UINT32_MAX - 1, &id) < 0)
		return false;
	*ret = (uint32_t)id;
	return true;
}

static int read_text(const char *path, struct buf *buf)
{
	int r = file_read(AT_FDCWD, path, buf);

	return r < 0 || buf_str(buf) != NULL ? r : -ENOMEM;
}

static void use_passwd_line(char **fields, struct user *user)
{
	(void)snprintf(user->name, sizeof(user->name), "%s", fields[0]);
	(void)snprintf(user->home, sizeof(user->home), "%s", fields[5][0] == '/' ? fields[5] : "/");
	(void)snprintf(user->shell, sizeof(user->shell), "%s",
		       fields[6][0] == '/' ? fields[6] : "/bin/sh");
}

/* Fills *user from the first line with that name, or that number. */
static int find_passwd(char *text, const char *name, struct user *user)
{
	uint32_t wanted = 0, uid, gid;
	bool number = parse_id(name, &wanted);
	char *fields[PASSWD_FIELDS], *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!split(line, fields, PASSWD_FIELDS) || !parse_id(fields[2], &uid) ||
		    !parse_id(fields[3], &gid))
			continue;
		if (number ? uid != wanted : strcmp(fields[0], name) != 0)
			continue;
		use_passwd_line(fields, user);
		user->uid = uid;
		user->gid = gid;
		return 0;
	}
	if (!number)
		return -ENOENT;
	*user = (struct user){ .uid = wanted, .home = "/", .shell = "/bin/sh" };
	(void)snprintf(user->name, sizeof(user->name), "%u", wanted);
	return 0;
}

/* True when name is one of the comma-separated members. */
static bool is_member(const char *members, const char *name)
{
	size_t len = strlen(name);

	while (*members != '\0') {
		size_t part = strcspn(members, ",");

		if (part == len && memcmp(members, name, len) == 0)
			return true;
		members += part + (members[part] == ',');
	}
	return false;
}

static void add_group(struct user *user, gid_t gid)
{
	for (size_t i = 0; i < user->groups_count; i++) {
		if (user->groups[i] == gid)
			return;
	}
	if (user->groups_count < USER_GROUPS_MAX)
		user->groups[user->groups_count++] = gid;
}

/* Adds the groups that list the user; *gid becomes the number of `group`, if that is given. */
static int find_groups(char *text, const char *group, struct user *user)
{
	uint32_t gid = 0;
	bool found = group == NULL || parse_id(group, &gid);
	char *fields[GROUP_FIELDS], *save = NULL;

	if (group != NULL && found)
		user->gid = gid;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!split(line, fields, GROUP_FIELDS) || !parse_id(fields[2], &gid))
			continue;
		if (!found && strcmp(fields[0], group) == 0) {
			user->gid = gid;
			found = true;
		}
		if (is_member(fields[3], user->name))
			add_group(user, gid);
	}
	add_group(user, user->gid);
	return found ? 0 : -ENOENT;
}

int user_find(const struct places *places, const char *spec, struct err *err, struct user *ret)
{
	autocall(buf_finish) struct buf passwd = { 0 };
	autocall(buf_finish) struct buf group = { 0 };
	const char *colon = strchr(spec, ':');
	struct user user = { 0 };
	char name[USER_TEXT_MAX];
	int r;

	buf_init(&passwd, FILE_MAX);
	buf_init(&group, FILE_MAX);
	r = snprintf(name, sizeof(name), "%.*s",
		     colon == NULL ? (int)strlen(spec) : (int)(colon - spec), spec);
	if (r <= 0 || (size_t)r >= sizeof(name))
		return err_set(err, -EINVAL, "'%.64s' is not a user", spec);
	r = read_text(places->passwd, &passwd);
	if (r == 0)
		r = read_text(places->group, &group);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the sandbox's users");
	r = find_passwd((char *)passwd.data, name, &user);
	if (r < 0)
		return err_set(err, -EPERM, "the sandbox has no user '%s'", name);
	r = find_groups((char *)group.data, colon == NULL ? NULL : colon + 1, &user);
	if (r < 0)
		return err_set(err, -EPERM, "the sandbox has no group '%.64s'", colon + 1);
	*ret = user;
	return 0;
}

int user_become(const struct user *user)
{
	/* Whoever is not root can only be who it is. */
	if (geteuid() != 0 && geteuid() == user->uid && getegid() == user->gid)
		return 0;
	if (setgroups(user->groups_count, user->groups) < 0)
		return -errno;
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return -errno;
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}
