#include "sbx-init/account.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"

#define NAME "agent"
#define NUMBER "1000"
#define HOME "home/agent"

enum { NUMBER_VALUE = 1000, FILE_MAX = 1 << 20 };

static const char *const member_of[] = { "sudo", "wheel", "docker" };

static const char sudo_rule[] = NAME
	" ALL=(ALL:ALL) NOPASSWD: ALL\n"
	"Defaults:" NAME
	" env_keep += \"HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy "
	"https_proxy no_proxy SSL_CERT_FILE NODE_EXTRA_CA_CERTS\"\n";

static size_t line_length(const char *line)
{
	size_t len = strcspn(line, "\n");

	return len + (line[len] == '\n');
}

static bool is_named(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) == 0 && line[len] == ':';
}

/* The line of that name, or NULL. */
static const char *find_line(const char *text, const char *name)
{
	for (; *text != '\0'; text += line_length(text))
		if (is_named(text, name))
			return text;
	return NULL;
}

/* Whether a line has this number as its third field. */
static bool has_number(const char *text, const char *number)
{
	size_t len = strlen(number);

	for (; *text != '\0'; text += line_length(text)) {
		const char *first = strpbrk(text, ":\n");
		const char *second =
			first == NULL || *first == '\n' ? NULL : strpbrk(first + 1, ":\n");

		if (second != NULL && *second == ':' && strncmp(second + 1, number, len) == 0 &&
		    second[1 + len] == ':')
			return true;
	}
	return false;
}

/* A file as text, empty when it is not there. */
static int read_text(int root, const char *path, struct buf *ret)
{
	int r = file_read(root, path, ret);

	if (r < 0 && r != -ENOENT)
		return r;
	return buf_str(ret) == NULL ? -ENOMEM : 0;
}

static mode_t mode_of(int root, const char *path, mode_t otherwise)
{
	struct stat info;

	return fstatat(root, path, &info, 0) == 0 ? info.st_mode & 07777 : otherwise;
}

static const char *shell_of(int root)
{
	return faccessat(root, "bin/bash", X_OK, 0) == 0 ? "/bin/bash" : "/bin/sh";
}

/* Before the others when the number is another's too: the first line of a number names it. */
static int write_user(int root, const struct buf *before)
{
	autocall(buf_finish) struct buf text = { 0 };
	const char *old = (const char *)before->data;
	bool first = has_number(old, NUMBER);
	int r = 0;

	buf_init(&text, FILE_MAX + 256);
	if (find_line(old, "root") == NULL)
		r = buf_printf(&text, "root:x:0:0:root:/root:%s\n", shell_of(root));
	if (r == 0 && !first)
		r = buf_append(&text, before->data, before->len);
	if (r == 0 && text.len > 0 && text.data[text.len - 1] != '\n')
		r = buf_append(&text, "\n", 1);
	if (r == 0)
		r = buf_printf(&text, NAME ":x:" NUMBER ":" NUMBER "::/" HOME ":%s\n",
			       shell_of(root));
	if (r == 0 && first)
		r = buf_append(&text, before->data, before->len);
	return r < 0 ? r
		     : file_write(root, "etc/passwd", text.data, text.len,
				  mode_of(root, "etc/passwd", 0644));
}

static bool wants_member(const char *line)
{
	for (size_t i = 0; i < countof(member_of); i++)
		if (is_named(line, member_of[i]))
			return true;
	return false;
}

/* One line of etc/group, with the user among its members where it is to be. */
static int add_group_line(struct buf *text, const char *line, size_t len)
{
	bool ended = len > 0 && line[len - 1] == '\n';
	int r;

	if (!wants_member(line))
		return buf_append(text, line, len);
	len -= ended;
	r = buf_append(text, line, len);
	return r < 0 ? r : buf_printf(text, "%s" NAME "\n", line[len - 1] == ':' ? "" : ",");
}

static int write_groups(int root)
{
	autocall(buf_finish) struct buf before = { 0 };
	autocall(buf_finish) struct buf text = { 0 };
	const char *old;
	int r;

	buf_init(&before, FILE_MAX);
	buf_init(&text, FILE_MAX + 256);
	r = read_text(root, "etc/group", &before);
	if (r < 0)
		return r;
	old = (const char *)before.data;
	if (find_line(old, "root") == NULL)
		r = buf_printf(&text, "root:x:0:\n");
	for (const char *line = old; r == 0 && *line != '\0'; line += line_length(line))
		r = add_group_line(&text, line, line_length(line));
	if (r == 0 && text.len > 0 && text.data[text.len - 1] != '\n')
		r = buf_append(&text, "\n", 1);
	if (r == 0 && find_line(old, NAME) == NULL && !has_number(old, NUMBER))
		r = buf_printf(&text, NAME ":x:" NUMBER ":\n");
	return r < 0 ? r
		     : file_write(root, "etc/group", text.data, text.len,
				  mode_of(root, "etc/group", 0644));
}

/* Without it sudo finds no account; no password fits it. */
static int write_shadow(int root)
{
	autocall(buf_finish) struct buf text = { 0 };
	struct stat info;
	int r;

	if (fstatat(root, "etc/shadow", &info, 0) < 0)
		return 0;
	buf_init(&text, FILE_MAX + 64);
	r = read_text(root, "etc/shadow", &text);
	if (r < 0 || find_line((const char *)text.data, NAME) != NULL)
		return r;
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		r = buf_append(&text, "\n", 1);
	if (r == 0)
		r = buf_printf(&text, NAME ":*:::::::\n");
	if (r == 0)
		r = file_write(root, "etc/shadow", text.data, text.len, info.st_mode & 07777);
	if (r == 0 && fchownat(root, "etc/shadow", info.st_uid, info.st_gid, 0) < 0)
		r = -errno;
	return r;
}

static int write_sudo_rule(int root)
{
	if (faccessat(root, "etc/sudoers.d", F_OK, 0) < 0)
		return 0;
	return file_write(root, "etc/sudoers.d/" NAME, sudo_rule, sizeof(sudo_rule) - 1, 0440);
}

static int make_home(int root)
{
	static const char *const folders[] = { "home", HOME };

	for (size_t i = 0; i < countof(folders); i++)
		if (mkdirat(root, folders[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	return fchownat(root, HOME, NUMBER_VALUE, NUMBER_VALUE, 0) < 0 ? -errno : 0;
}

static int make_account(int root, const struct buf *users)
{
	int r = mkdirat(root, "etc", 0755) < 0 && errno != EEXIST ? -errno : 0;

	if (r == 0)
		r = make_home(root);
	if (r == 0)
		r = write_groups(root);
	if (r == 0)
		r = write_shadow(root);
	if (r == 0)
		r = write_sudo_rule(root);
	return r < 0 ? r : write_user(root, users); /* last: by it the rest is known to be done */
}

int account_ensure(int root, struct err *err)
{
	autocall(buf_finish) struct buf users = { 0 };
	int r;

	buf_init(&users, FILE_MAX);
	r = read_text(root, "etc/passwd", &users);
	if (r == 0 && find_line((const char *)users.data, NAME) == NULL)
		r = make_account(root, &users);
	return r < 0 ? err_set_errno(err, r, "cannot make the user '" NAME "'") : 0;
}
