#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "oci/digest.h"
#include "sbxd/template_layer.h"
#include "sbxd/template_state.h"

enum { CHUNK = 64 << 10, NOTE_MAX = 4096 };

int template_layer_hash(const char *path, char **ret)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree uint8_t *chunk = malloc(CHUNK);
	uint8_t hash[crypto_hash_sha256_BYTES];
	char digits[OCI_HEX_SIZE];
	crypto_hash_sha256_state state;
	uint64_t size_bytes = 0;
	ssize_t len;

	if (fd < 0 || chunk == NULL)
		return fd < 0 ? -errno : -ENOMEM;
	(void)crypto_hash_sha256_init(&state);
	while ((len = fd_read_full(fd, chunk, CHUNK)) > 0) {
		(void)crypto_hash_sha256_update(&state, chunk, (size_t)len);
		size_bytes += (uint64_t)len;
	}
	if (len < 0)
		return (int)len;
	(void)crypto_hash_sha256_final(&state, hash);
	(void)sodium_bin2hex(digits, sizeof(digits), hash, sizeof(hash));
	return asprintf(ret, "erofs:%" PRIu64 ":%s", size_bytes, digits) < 0 ? -ENOMEM : 0;
}

/* What is written beside a layer of the store; -ENOENT for another file. */
static int read_note(const char *layer, char **ret)
{
	autocall(buf_finish) struct buf text = { 0 };
	autofree char *path = NULL;
	size_t len = strlen(layer), suffix = strlen(TEMPLATE_LAYER_SUFFIX);
	const char *content;
	json_t *json;
	int r;

	if (len < suffix || strcmp(layer + len - suffix, TEMPLATE_LAYER_SUFFIX) != 0)
		return -ENOENT;
	buf_init(&text, NOTE_MAX);
	if (asprintf(&path, "%.*s.json", (int)(len - suffix), layer) < 0)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		return r;
	json = json_loadb((const char *)text.data, text.len, 0, NULL);
	content = json_string_value(json_object_get(json, "content"));
	*ret = content == NULL ? NULL : strdup(content);
	json_decref(json);
	return *ret == NULL ? -EINVAL : 0;
}

int template_store_content(struct template_store *store, const char *layer, char **ret,
			   struct err *err)
{
	size_t len = strlen(store->folder);
	bool is_ours = strncmp(layer, store->folder, len) == 0 && layer[len] == '/';
	int r = is_ours ? read_note(layer, ret) : template_layer_hash(layer, ret);

	return r < 0 ? err_set_errno(err, r, "cannot read the layer '%s'", layer) : 0;
}
