#include "sbx-init/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"

enum { BUNDLE_MAX = 8 << 20, PEM_MAX = 32768, HASH_DIGITS = 8 };

#define LOCAL_FOLDER "usr/local/share/ca-certificates"
#define LOCAL_NAME LOCAL_FOLDER "/sbx.crt"
#define CERTS_FOLDER "etc/ssl/certs"
#define BUNDLE_NAME CERTS_FOLDER "/ca-certificates.crt"
#define LINK_NAME CERTS_FOLDER "/sbx.pem"
#define JAVA_STORE "/etc/ssl/certs/java/cacerts"
#define JAVA_HOOK "/etc/ca-certificates/update.d/jks-keystore"

/* What is not there reads as nothing. */
static int read_optional(int root, const char *path, struct buf *buf)
{
	int r = file_read(root, path, buf);

	return r == -ENOENT ? 0 : r;
}

void trust_cut(struct buf *buf, const struct buf *other)
{
	uint8_t *found =
		other->len == 0 ? NULL : memmem(buf->data, buf->len, other->data, other->len);

	if (found == NULL)
		return;
	memmove(found, found + other->len, buf->len - other->len - (size_t)(found - buf->data));
	buf->len -= other->len;
}

static int make_folders(int root)
{
	static const char *const folders[] = {
		"usr", "usr/local", "usr/local/share", LOCAL_FOLDER, "etc", "etc/ssl", CERTS_FOLDER,
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdirat(root, folders[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	return 0;
}

static int place_link(int root, const char *target, const char *path)
{
	char there[128];
	ssize_t n = readlinkat(root, path, there, sizeof(there) - 1);

	if (n >= 0) {
		there[n] = '\0';
		if (strcmp(there, target) == 0)
			return 0;
	}
	if (unlinkat(root, path, 0) < 0 && errno != ENOENT)
		return -errno;
	return symlinkat(target, root, path) < 0 ? -errno : 0;
}

static int place_links(int root, const char *hash)
{
	char path[sizeof(CERTS_FOLDER) + HASH_DIGITS + 4];
	int r = place_link(root, "/" LOCAL_NAME, LINK_NAME);

	if (r < 0 || hash == NULL || strlen(hash) != HASH_DIGITS ||
	    strspn(hash, "0123456789abcdef") != HASH_DIGITS)
		return r;
	(void)snprintf(path, sizeof(path), CERTS_FOLDER "/%s.0", hash);
	return place_link(root, "sbx.pem", path);
}

static int merge(int root, const char *pem, bool *ret_changed)
{
	autocall(buf_finish) struct buf bundle = { 0 };
	autocall(buf_finish) struct buf before = { 0 };
	size_t len = strlen(pem);
	bool is_new;
	int r;

	buf_init(&bundle, BUNDLE_MAX);
	buf_init(&before, PEM_MAX);
	r = read_optional(root, LOCAL_NAME, &before);
	if (r == 0)
		r = read_optional(root, BUNDLE_NAME, &bundle);
	if (r < 0)
		return r;
	is_new = before.len != len || memcmp(before.data, pem, len) != 0;
	if (!is_new && memmem(bundle.data, bundle.len, pem, len) != NULL)
		return 0;
	trust_cut(&bundle, &before);
	r = buf_append(&bundle, pem, len);
	if (r == 0)
		r = file_write(root, BUNDLE_NAME, bundle.data, bundle.len, 0644);
	if (r == 0 && is_new)
		r = file_write(root, LOCAL_NAME, pem, len, 0644);
	*ret_changed = r == 0;
	return r;
}

int trust_install(int root, const char *pem, const char *hash, bool *ret_changed, struct err *err)
{
	int r = make_folders(root);

	*ret_changed = false;
	if (r == 0)
		r = merge(root, pem, ret_changed);
	if (r == 0)
		r = place_links(root, hash);
	return r < 0 ? err_set_errno(err, r, "cannot trust the sandbox's own authority") : 0;
}

/* As update-ca-certificates does: the hook reads what came and went from its standard input. */
void trust_tell_java(void)
{
	static const char news[] = "+/" LINK_NAME "\n";
	char *const argv[] = { (char[]){ JAVA_HOOK }, NULL };
	char *const env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	int input[2];

	if (access(JAVA_STORE, F_OK) < 0 || access(JAVA_HOOK, X_OK) < 0 ||
	    pipe2(input, O_CLOEXEC) < 0)
		return;
	if (fork() == 0) {
		(void)fd_write_full(input[1], news, sizeof(news) - 1);
		(void)close(input[1]);
		(void)dup2(input[0], STDIN_FILENO);
		(void)execve(JAVA_HOOK, argv, env);
		_exit(127);
	}
	(void)close(input[0]);
	(void)close(input[1]);
}
