#include "sbx-init/layer_own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "sbx-init/layer.h"
#include "sbx-init/setup.h"
#include "sbx-init/trust.h"

enum { BUNDLE_MAX = 8 << 20, PEM_MAX = 32768, LINK_SIZE = 64 };

#define BUNDLE "etc/ssl/certs/ca-certificates.crt"
#define AUTHORITY "usr/local/share/ca-certificates/sbx.crt"
#define CERTS "etc/ssl/certs/"

/* Whole subtrees and files. */
static const char *const skipped[] = {
	"etc/hostname",
	"etc/machine-id",
	AUTHORITY,
	CERTS "sbx.pem",
	"var/lib/sbx",
	"var/lib/docker",
	"var/lib/sbx-volumes",
	"var/log/dockerd.log",
	"dev",
	"proc",
	"sys",
	"run",
	"tmp",
	/* logins that sbxd writes: placeholders of this sandbox's secrets */
	"home/agent/.claude/.credentials.json",
	"home/agent/.codex/auth.json",
};

/* Whether a mount of this machine lies there: a folder that was made for it. */
static bool is_mount(const char *mounts, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = mounts; line != NULL && *line != '\0';) {
		const char *field = line, *end = strchrnul(line, '\n');

		/* proc(5): the mount point is the fifth field, with a leading slash */
		for (int i = 0; i < 4 && field != NULL && field < end; i++) {
			field = memchr(field, ' ', (size_t)(end - field));
			field += field != NULL;
		}
		if (field != NULL && (size_t)(end - field) > len + 1 &&
		    strncmp(field + 1, name, len) == 0 && field[len + 1] == ' ')
			return true;
		line = *end == '\0' ? NULL : end + 1;
	}
	return false;
}

/* The link to the authority by the hash of its name. */
static bool is_authority_link(const struct layer_config *config, const char *name)
{
	char target[LINK_SIZE];
	ssize_t n;

	if (strncmp(name, CERTS, strlen(CERTS)) != 0)
		return false;
	n = readlinkat(config->root, name, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, "sbx.pem") == 0;
}

/* A file that sbx-init wrote and would write anew. */
static bool is_written(const struct layer_config *config, const char *name)
{
	autoclose int fd = -1;

	if (strcmp(name, "etc/hosts") != 0 && strcmp(name, "etc/resolv.conf") != 0)
		return false;
	fd = openat(config->root, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && setup_is_ours(fd);
}

bool layer_own_skips(const struct layer_config *config, const char *name)
{
	if (!config->is_own)
		return false;
	for (size_t i = 0; i < countof(skipped); i++)
		if (strcmp(name, skipped[i]) == 0)
			return true;
	return is_mount(config->mounts, name) || is_authority_link(config, name) ||
	       is_written(config, name);
}

bool layer_own_packs(const struct layer_config *config, const char *name)
{
	return config->is_own && strcmp(name, BUNDLE) == 0;
}

static int read_bundle(const struct layer_config *config, struct buf *bundle)
{
	autocall(buf_finish) struct buf pem = { 0 };
	int r = file_read(config->root, BUNDLE, bundle);

	buf_init(&pem, PEM_MAX);
	if (r == 0 && file_read(config->root, AUTHORITY, &pem) == 0)
		trust_cut(bundle, &pem);
	return r;
}

int layer_own_pack(const struct layer_config *config, const char *name, const struct stat *info,
		   struct tar_writer *writer, struct err *err)
{
	autocall(buf_finish) struct buf bundle = { 0 };
	struct tar_entry entry = { .type = TAR_FILE,
				   .name = (char *)(uintptr_t)name,
				   .mode = info->st_mode & TAR_MODE_MASK,
				   .uid = info->st_uid,
				   .gid = info->st_gid };
	int r;

	buf_init(&bundle, BUNDLE_MAX);
	r = read_bundle(config, &bundle);
	if (r < 0)
		return err_set_errno(err, r, "cannot read '/%s'", name);
	entry.size_bytes = bundle.len;
	r = tar_writer_entry(writer, &entry, err);
	return r < 0 ? r : tar_writer_data(writer, bundle.data, bundle.len, err);
}
