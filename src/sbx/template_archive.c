#include "sbx/template_archive.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "oci/config.h"
#include "sbx/sandbox.h"
#include "tar/writer.h"

enum { CHUNK = 64 << 10, NAME_SIZE = 96 };

#define TYPE "application/vnd.oci.image."

/* A blob: a file or a text. */
struct blob {
	int fd;	    /* weak; -1: text */
	char *text; /* owned */
	uint64_t size_bytes;
	char digest[OCI_DIGEST_SIZE];
};

struct write {
	struct tar_writer *tar; /* weak */
	struct err *err;	/* weak */
	uint8_t chunk[CHUNK];
};

static void set_digest(crypto_hash_sha256_state *state, struct blob *ret)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[OCI_HEX_SIZE];

	(void)crypto_hash_sha256_final(state, hash);
	(void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	(void)snprintf(ret->digest, sizeof(ret->digest), "sha256:%s", hex);
}

static int hash_file(struct write *write, int fd, struct blob *ret)
{
	crypto_hash_sha256_state state;
	ssize_t len;

	*ret = (struct blob){ .fd = fd };
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set_errno(write->err, -errno, "cannot read the layer");
	(void)crypto_hash_sha256_init(&state);
	while ((len = fd_read_full(fd, write->chunk, CHUNK)) > 0) {
		(void)crypto_hash_sha256_update(&state, write->chunk, (size_t)len);
		ret->size_bytes += (uint64_t)len;
	}
	if (len < 0)
		return err_set_errno(write->err, (int)len, "cannot read the layer");
	set_digest(&state, ret);
	return 0;
}

/* Takes json over. */
static int make_text(json_t *json, struct blob *ret, struct err *err)
{
	crypto_hash_sha256_state state;

	*ret = (struct blob){ .fd = -1 };
	ret->text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	if (ret->text == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	ret->size_bytes = strlen(ret->text);
	(void)crypto_hash_sha256_init(&state);
	(void)crypto_hash_sha256_update(&state, (const uint8_t *)ret->text, strlen(ret->text));
	set_digest(&state, ret);
	return 0;
}

static int put_data(struct write *write, const struct blob *blob)
{
	uint64_t left = blob->size_bytes;

	if (blob->fd < 0)
		return tar_writer_data(write->tar, blob->text, (size_t)left, write->err);
	if (lseek(blob->fd, 0, SEEK_SET) < 0)
		return err_set_errno(write->err, -errno, "cannot read the layer");
	while (left > 0) {
		ssize_t len =
			fd_read_full(blob->fd, write->chunk, (size_t)min_of(left, (uint64_t)CHUNK));
		int r;

		if (len <= 0)
			return err_set_errno(write->err, len < 0 ? (int)len : -EIO,
					     "cannot read the layer");
		r = tar_writer_data(write->tar, write->chunk, (size_t)len, write->err);
		if (r < 0)
			return r;
		left -= (uint64_t)len;
	}
	return 0;
}

static int put_file(struct write *write, const char *name, const struct blob *blob)
{
	struct tar_entry entry = { .type = TAR_FILE,
				   .name = (char *)(uintptr_t)name,
				   .mode = 0644,
				   .size_bytes = blob->size_bytes };
	int r = tar_writer_entry(write->tar, &entry, write->err);

	return r < 0 ? r : put_data(write, blob);
}

static int put_blob(struct write *write, const struct blob *blob)
{
	char name[NAME_SIZE];

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", blob->digest + strlen("sha256:"));
	return put_file(write, name, blob);
}

static json_t *describe(const struct blob *blob, const char *type, const char *key,
			const char *value)
{
	json_t *json = json_pack("{ss ss sI}", "mediaType", type, "digest", blob->digest, "size",
				 (json_int_t)blob->size_bytes);

	if (json != NULL && value != NULL && value[0] != '\0')
		(void)json_object_set_new(json, "annotations", json_pack("{ss}", key, value));
	return json;
}

static json_t *make_config(const struct template_archive *archive, const struct blob *layers)
{
	const char *agent = sandbox_text(archive->template, "agent");
	json_t *config = json_deep_copy(json_object_get(archive->template, "config"));
	json_t *diff_ids = json_array();

	if (config == NULL)
		config = json_object();
	if (agent[0] != '\0')
		(void)json_object_set_new(config, "Labels",
					  json_pack("{ss}", OCI_AGENT_LABEL, agent));
	for (size_t i = 0; i < archive->count; i++)
		(void)json_array_append_new(diff_ids, json_string(layers[i].digest));
	return json_pack("{ss ss so s{ss so}}", "architecture", "amd64", "os", "linux", "config",
			 config, "rootfs", "type", "layers", "diff_ids", diff_ids);
}

static json_t *make_manifest(const struct template_archive *archive, const struct blob *layers,
			     const struct blob *config)
{
	json_t *list = json_array();

	for (size_t i = 0; i < archive->count; i++)
		(void)json_array_append_new(list, describe(&layers[i], TYPE "layer.v1.tar",
							   OCI_LAYER_MARK, archive->marks[i]));
	return json_pack("{si ss so so}", "schemaVersion", 2, "mediaType", TYPE "manifest.v1+json",
			 "config", describe(config, TYPE "config.v1+json", NULL, NULL), "layers",
			 list);
}

static json_t *make_index(const struct template_archive *archive, const struct blob *manifest)
{
	return json_pack(
		"{si ss s[o]}", "schemaVersion", 2, "mediaType", TYPE "index.v1+json", "manifests",
		describe(manifest, TYPE "manifest.v1+json", "org.opencontainers.image.ref.name",
			 sandbox_text(archive->template, "reference")));
}

/* Equal layers are one blob. */
static bool is_first(const struct blob *layers, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(layers[j].digest, layers[i].digest) == 0)
			return false;
	return true;
}

static int put_all(struct write *write, const struct blob *layers, size_t count,
		   const struct blob texts[4])
{
	static const char *const names[] = { NULL, NULL, "index.json", "oci-layout" };
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		if (is_first(layers, i))
			r = put_blob(write, &layers[i]);
	for (size_t i = 0; i < countof(names) && r == 0; i++)
		r = names[i] == NULL ? put_blob(write, &texts[i])
				     : put_file(write, names[i], &texts[i]);
	return r == 0 ? tar_writer_end(write->tar, write->err) : r;
}

static int write_out(void *context, const void *bytes, size_t len, struct err *err)
{
	int r = fd_write_full(*(const int *)context, bytes, len);

	return r < 0 ? err_set_errno(err, r, "cannot write the archive") : 0;
}

static int write_all(struct write *write, const struct template_archive *archive)
{
	struct blob layers[TEMPLATE_ARCHIVE_LAYERS], texts[4] = { { .text = NULL } };
	int r = 0;

	for (size_t i = 0; i < archive->count && r == 0; i++)
		r = hash_file(write, archive->layers[i], &layers[i]);
	if (r == 0)
		r = make_text(make_config(archive, layers), &texts[0], write->err);
	if (r == 0)
		r = make_text(make_manifest(archive, layers, &texts[0]), &texts[1], write->err);
	if (r == 0)
		r = make_text(make_index(archive, &texts[1]), &texts[2], write->err);
	if (r == 0)
		r = make_text(json_pack("{ss}", "imageLayoutVersion", "1.0.0"), &texts[3],
			      write->err);
	if (r == 0)
		r = put_all(write, layers, archive->count, texts);
	for (size_t i = 0; i < countof(texts); i++)
		free(texts[i].text);
	return r;
}

int template_archive_write(const struct template_archive *archive, int to, struct err *err)
{
	autofree struct write *write = calloc(1, sizeof(*write));
	autofree struct tar_writer *tar = malloc(sizeof(*tar));

	if (write == NULL || tar == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	tar_writer_init(tar, write_out, &to);
	write->tar = tar;
	write->err = err;
	return write_all(write, archive);
}
