#include "sbxd/template_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "jail/spawn.h"
#include "sbxd/artefacts.h"
#include "sbxd/paths.h"
#include "sbxd/template_store.h"

enum {
	FDS_FIXED = 3, /* first blob, output, result */
	WORD_SIZE = 64,
	SAID_MAX = 4 << 20,
	FREE_LEAST = 1 << 30, /* bytes that are left to the host whatever a layer holds */
};

/* What sbx-image takes at most. */
#define LAYER_BYTES_MAX ((uint64_t)64 << 30)

/* One run of the program. */
struct run_image {
	char words[TEMPLATE_MERGE_MAX][WORD_SIZE];
	char bytes[WORD_SIZE];
	char *argv[TEMPLATE_MERGE_MAX + 5];
	int fds[TEMPLATE_MERGE_MAX + 2];
	size_t fds_count;
	struct buf said;
};

static const char *const formats[] = {
	[OCI_TAR] = "tar", [OCI_GZIP] = "gzip", [OCI_ZSTD] = "zstd"
};

/* What it ended with: 0, or a sentence. */
static int await_end(struct spawned *child, struct err *err)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return err_set_errno(err, -errno, "sbx-image was lost");
	if (info.si_code == CLD_EXITED && info.si_status == 0)
		return 0;
	return err_set(err, -EIO, "sbx-image ended with %s %d",
		       info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
}

static int spawn_and_wait(const char *program, const struct run_image *run, struct err *err)
{
	struct spawned child = { .pidfd = -1, .gate = -1 };
	const struct spawn_config config = { .program = program,
					     .argv = run->argv,
					     .fds = run->fds,
					     .fds_count = run->fds_count,
					     .stdout_fd = -1 };
	int r = jail_spawn(&config, &child, err);

	if (r == 0)
		r = jail_spawn_release(&child, err);
	if (r == 0)
		r = await_end(&child, err);
	spawned_finish(&child);
	return r;
}

/* Its last line tells how it went. */
static int check_said(struct run_image *run, struct err *err)
{
	static const char refused[] = "refused ";
	const char *said = buf_str(&run->said), *last = said;

	if (said == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (const char *line = said; *line != '\0'; line = strchrnul(line, '\n') + 1)
		last = line;
	if (strncmp(last, refused, strlen(refused)) == 0)
		return err_set(err, -EPROTO, "the image is refused: %.*s",
			       (int)strcspn(last + strlen(refused), "\n"), last + strlen(refused));
	return 0;
}

/* Runs it to its end; what it said is in run->said. */
static int run_image(const struct artefacts *artefacts, struct run_image *run, int result,
		     struct err *err)
{
	const char *program = artefacts_need(artefacts, ARTEFACT_IMAGER, err);
	uint8_t *to;
	ssize_t len;
	int r = program == NULL ? err->code : spawn_and_wait(program, run, err);

	if (r < 0)
		return r;
	to = buf_reserve(&run->said, SAID_MAX);
	if (to == NULL || lseek(result, 0, SEEK_SET) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	len = fd_read_full(result, to, SAID_MAX);
	if (len < 0)
		return err_set_errno(err, (int)len, "cannot read what sbx-image says");
	run->said.len += (size_t)len;
	return check_said(run, err);
}

static int make_result(struct err *err)
{
	int fd = memfd_create("sbx-image", MFD_CLOEXEC);

	return fd < 0 ? err_set_errno(err, -errno, "cannot make a file in memory") : fd;
}

int template_layer_list(const struct artefacts *artefacts, int fd, char **ret, struct err *err)
{
	autofree struct run_image *run = calloc(1, sizeof(*run));
	autoclose int result = make_result(err);
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r;

	if (run == NULL || result < 0 || null < 0)
		return result < 0 ? result : err_set(err, -ENOMEM, "out of memory");
	buf_init(&run->said, SAID_MAX + 1);
	run->argv[0] = (char *)"sbx-image";
	run->argv[1] = (char *)"list";
	run->fds[0] = fd;
	run->fds[1] = null;
	run->fds[2] = result;
	run->fds_count = FDS_FIXED;
	r = lseek(fd, 0, SEEK_SET) < 0 ? err_set_errno(err, -errno, "cannot read the archive")
				       : run_image(artefacts, run, result, err);
	if (r == 0)
		*ret = strdup(buf_str(&run->said));
	buf_finish(&run->said);
	return r == 0 && *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : r;
}

/* HEX of what the layer is made from; every diff_id must be known. */
static void make_key(const struct template_blob *blobs, size_t count, bool is_lowest,
		     char ret[OCI_HEX_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	const char *kind = is_lowest ? "sbx layer 1 lowest\n" : "sbx layer 1 upper\n";

	(void)crypto_hash_sha256_init(&state);
	(void)crypto_hash_sha256_update(&state, (const uint8_t *)kind, strlen(kind));
	for (size_t i = 0; i < count; i++)
		(void)crypto_hash_sha256_update(&state, (const uint8_t *)blobs[i].diff_id,
						OCI_DIGEST_SIZE - 1);
	(void)crypto_hash_sha256_final(&state, hash);
	(void)sodium_bin2hex(ret, OCI_HEX_SIZE, hash, sizeof(hash));
}

/* The file of a layer that is there already; NULL when it is not. */
static char *find_layer(const struct template_store *store, const char *key)
{
	autofree char *path = template_store_path(store, "layers", key, TEMPLATE_LAYER_SUFFIX);
	autofree char *note = template_store_path(store, "layers", key, ".json");

	if (path == NULL || note == NULL || access(note, F_OK) < 0 || access(path, R_OK) < 0)
		return NULL;
	return take_ptr(path);
}

/* How much a layer may become: what the disk has, less what is left to the host. */
static uint64_t bytes_allowed(const char *folder)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (statvfs(folder, &fs) < 0)
		return 0;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return free_bytes > FREE_LEAST ? free_bytes - FREE_LEAST : 0;
}

static void prepare(struct run_image *run, const struct template_blob *blobs, size_t count,
		    bool is_lowest, uint64_t bytes_max)
{
	size_t argc = 0;

	(void)snprintf(run->bytes, sizeof(run->bytes), "%" PRIu64,
		       bytes_max < LAYER_BYTES_MAX ? bytes_max : LAYER_BYTES_MAX);
	run->argv[argc++] = (char *)"sbx-image";
	run->argv[argc++] = (char *)"--bytes";
	run->argv[argc++] = run->bytes;
	run->argv[argc++] = (char *)(uintptr_t)(is_lowest ? "lowest" : "upper");
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(run->words[i], WORD_SIZE, "%s@%" PRIu64 "+%" PRIu64,
			       formats[blobs[i].compression], blobs[i].offset, blobs[i].size_bytes);
		run->argv[argc++] = run->words[i];
		run->fds[i == 0 ? 0 : i + 2] = blobs[i].fd;
	}
	run->argv[argc] = NULL;
	run->fds_count = count + 2;
	buf_init(&run->said, SAID_MAX + 1);
}

static int check_digest(const char *what, const char *said, char known[OCI_DIGEST_SIZE],
			struct err *err)
{
	if (known[0] != '\0' && strcmp(oci_digest_hex(known), said) != 0)
		return err_set(err, -EPROTO,
			       "the image is refused: a layer's %s is sha256:%.12s…, and "
			       "not %.19s… as its manifest says",
			       what, said, known);
	(void)snprintf(known, OCI_DIGEST_SIZE, "sha256:%s", said);
	return 0;
}

/* "blob HEX HEX" for each, then "image ENTRIES BYTES HEX". */
static int check_result(const char *said, struct template_blob *blobs, size_t count,
			char ret_tree[OCI_HEX_SIZE], struct err *err)
{
	char blob[OCI_HEX_SIZE], diff[OCI_HEX_SIZE];
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		if (sscanf(said, "blob %64s %64s", blob, diff) != 2)
			return err_set(err, -EPROTO, "sbx-image said nothing of a layer");
		r = check_digest("digest", blob, blobs[i].digest, err);
		if (r == 0)
			r = check_digest("diff_id", diff, blobs[i].diff_id, err);
		said = strchrnul(said, '\n') + 1;
	}
	if (r == 0 && sscanf(said, "image %*u %*u %64s", ret_tree) != 1)
		r = err_set(err, -EPROTO, "sbx-image made nothing");
	return r;
}

/* The layer first, its note last: what has a note is complete. */
static int enter_layer(struct template_store *store, const char *staged, const char *key,
		       const char *tree, char **ret_path, struct err *err)
{
	autofree char *path = template_store_path(store, "layers", key, TEMPLATE_LAYER_SUFFIX);
	autofree char *note = template_store_path(store, "layers", key, ".json");
	char text[OCI_HEX_SIZE + 32];
	int r;

	if (path == NULL || note == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(void)snprintf(text, sizeof(text), "{\"content\":\"tree:%s\"}\n", tree);
	r = rename(staged, path) < 0 ? -errno : 0;
	if (r == 0)
		r = file_write(AT_FDCWD, note, text, strlen(text), 0600);
	if (r < 0)
		return err_set_errno(err, r, "cannot keep the layer '%s'", path);
	*ret_path = take_ptr(path);
	return 0;
}

/* Makes the file at `staged`. */
static int convert(const struct artefacts *artefacts, const char *staged, int output,
		   struct template_blob *blobs, size_t count, bool is_lowest,
		   char ret_tree[OCI_HEX_SIZE], struct err *err)
{
	autofree struct run_image *run = calloc(1, sizeof(*run));
	autoclose int result = make_result(err);
	int r;

	if (run == NULL || result < 0)
		return result < 0 ? result : err_set(err, -ENOMEM, "out of memory");
	prepare(run, blobs, count, is_lowest, bytes_allowed(staged));
	run->fds[1] = output;
	run->fds[2] = result;
	r = run_image(artefacts, run, result, err);
	if (r == 0)
		r = check_result((const char *)run->said.data, blobs, count, ret_tree, err);
	if (r == 0 && fsync(output) < 0)
		r = err_set_errno(err, -errno, "cannot write '%s'", staged);
	buf_finish(&run->said);
	return r;
}

static bool are_known(const struct template_blob *blobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (blobs[i].diff_id[0] == '\0')
			return false;
	return true;
}

static int make(struct template_store *store, const struct artefacts *artefacts,
		struct template_blob *blobs, size_t count, bool is_lowest, char **ret_path,
		struct err *err)
{
	autofree char *staged = template_store_path(store, "staging", "layer.XXXXXX", "");
	autoclose int output = staged == NULL ? -1 : mkostemp(staged, O_CLOEXEC);
	char key[OCI_HEX_SIZE], tree[OCI_HEX_SIZE] = "";
	int r;

	if (output < 0)
		return err_set_errno(err, -errno, "cannot make a file in '%s'",
				     template_store_folder(store));
	r = convert(artefacts, staged, output, blobs, count, is_lowest, tree, err);
	if (r == 0) {
		make_key(blobs, count, is_lowest, key);
		r = enter_layer(store, staged, key, tree, ret_path, err);
	}
	if (r < 0)
		(void)unlink(staged);
	return r;
}

int template_layer_make(struct template_store *store, const struct artefacts *artefacts,
			const struct template_blob *blobs, size_t count, bool is_lowest,
			char **ret_path, struct err *err)
{
	struct template_blob known[TEMPLATE_MERGE_MAX];
	char key[OCI_HEX_SIZE];

	if (count == 0 || count > TEMPLATE_MERGE_MAX)
		return err_set(err, -EINVAL, "a layer cannot be made of %zu archives", count);
	memcpy(known, blobs, count * sizeof(*blobs));
	if (are_known(known, count)) {
		make_key(known, count, is_lowest, key);
		*ret_path = find_layer(store, key);
		if (*ret_path != NULL)
			return 0;
	}
	return make(store, artefacts, known, count, is_lowest, ret_path, err);
}
