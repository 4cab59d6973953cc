/*
 * sbx-image [--weak] [--bytes N] lowest|upper tar|gzip|zstd[@OFFSET+SIZE]…: makes one EROFS image
 * out of one or more layers of an OCI image, lowest first.
 *
 * Descriptor 3 is the first layer's blob, 4 the output (empty, seekable), 5 takes
 * the result; further blobs are 6, 7, …. The words tell their formats, and which part
 * of the file a blob is, when it is not all of it. `upper` is for an image that is
 * stacked over others (erofs/tree.h). A layer of more than N bytes, decoded, is refused.
 * The result is lines:
 *
 *	blob HEX HEX			for each layer: SHA-256 of its blob, and its diff_id
 *	image ENTRIES BYTES HEX		at the end: it is written whole; erofs_writer_digest()
 *	refused SENTENCE		at the end: nothing in the output counts
 *
 * sbx-image [--weak] list: tells what the archive that is descriptor 3 holds, as in
 * contents.h, then
 *
 *	listed				at the end, or `refused` as above
 *
 * Whoever started it compares the digests before believing the image. It ends
 * with success unless the result itself could not be written.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/parse.h"
#include "erofs/tree.h"
#include "erofs/writer.h"
#include "jail/jail.h"
#include "sbx-image/contents.h"
#include "sbx-image/layer.h"
#include "seccomp_image.h"

enum {
	FIRST_BLOB = 3,
	OUTPUT = 4,
	RESULT = 5,
	BLOBS_MAX = 14, /* what jail_spawn() hands over, less output and result */
	ENTRIES_MAX = 1000000,
	NAMES_MAX = 256 << 20, /* bytes of names and attributes */
	READ_SIZE = 64 << 10,
	LINE_MAX_BYTES = ERR_TEXT_MAX + 16,
};

#define LAYER_BYTES_MAX (64ULL << 30)

struct blob {
	enum decoder_format format;
	uint64_t offset;
	uint64_t size_bytes; /* UINT64_MAX: to the end of the file */
};

struct options {
	bool weak, is_upper, is_list;
	uint64_t bytes_max; /* of a layer, decoded */
	size_t count;
	struct blob blobs[BLOBS_MAX];
};

struct work {
	struct erofs_tree *tree;
	struct erofs_writer *writer;
	uint8_t piece[READ_SIZE];
};

/* "gzip" or "gzip@512+4096". Changes the word. */
static int parse_blob(char *word, struct blob *ret)
{
	char *at = strchr(word, '@'), *plus = at == NULL ? NULL : strchr(at, '+');
	int r = 0;

	*ret = (struct blob){ .size_bytes = UINT64_MAX };
	if (at != NULL && plus == NULL)
		return -EINVAL;
	if (at != NULL) {
		*at++ = '\0';
		*plus++ = '\0';
		r = parse_u64(at, INT64_MAX, &ret->offset);
	}
	if (r == 0 && at != NULL)
		r = parse_u64(plus, INT64_MAX, &ret->size_bytes);
	return r < 0 ? r : decoder_format_parse(word, &ret->format);
}

static int parse_options(char **words, struct options *ret, struct err *err)
{
	*ret = (struct options){ .bytes_max = LAYER_BYTES_MAX };
	if (*words != NULL && strcmp(*words, "--weak") == 0) {
		ret->weak = true;
		words++;
	}
	if (*words != NULL && strcmp(*words, "--bytes") == 0) {
		if (words[1] == NULL || parse_u64(words[1], LAYER_BYTES_MAX, &ret->bytes_max) < 0)
			return err_set(err, -EINVAL, "--bytes needs a number");
		words += 2;
	}
	if (*words != NULL && strcmp(*words, "list") == 0) {
		ret->is_list = true;
		ret->count = 1;
		return 0;
	}
	if (*words == NULL || (strcmp(*words, "lowest") != 0 && strcmp(*words, "upper") != 0))
		return err_set(err, -EINVAL, "the first word must be lowest, upper or list");
	ret->is_upper = strcmp(*words++, "upper") == 0;
	for (; *words != NULL; words++) {
		if (ret->count == BLOBS_MAX)
			return err_set(err, -EINVAL, "more than %d layers", BLOBS_MAX);
		if (parse_blob(*words, &ret->blobs[ret->count++]) < 0)
			return err_set(err, -EINVAL, "'%s' is not tar, gzip or zstd", *words);
	}
	return ret->count > 0 ? 0 : err_set(err, -EINVAL, "no layer was given");
}

static int enter_jail(const struct options *options, struct err *err)
{
	const struct jail_config config = {
		.name = "sbx-image",
		.keep_fds = RESULT + (int)options->count,
		.filter = seccomp_image,
		.filter_len = countof(seccomp_image),
		.weak = options->weak,
	};
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("the jail is weak: steps 0x%x were skipped", skipped);
	return r;
}

static int blob_fd(size_t i)
{
	return i == 0 ? FIRST_BLOB : RESULT + (int)i;
}

static int feed_all(struct work *work, int fd, const struct blob *blob, struct layer *layer,
		    struct err *err)
{
	uint64_t left = blob->size_bytes;

	if (lseek(fd, (off_t)blob->offset, SEEK_SET) < 0)
		return err_set_errno(err, -errno, "the layer cannot be read");
	for (;;) {
		size_t part = (size_t)min_of((uint64_t)sizeof(work->piece), left);
		ssize_t len = fd_read_full(fd, work->piece, part);
		int r;

		if (len < 0)
			return err_set_errno(err, (int)len, "the layer cannot be read");
		if (len == 0)
			return 0;
		r = layer_feed(layer, work->piece, (size_t)len, err);
		if (r < 0)
			return r;
		left -= (uint64_t)len;
	}
}

static int tell_digests(const struct layer_digests *digests, struct err *err)
{
	char blob[2 * LAYER_DIGEST_SIZE + 1], diff[sizeof(blob)], line[LINE_MAX_BYTES];
	int r;

	(void)sodium_bin2hex(blob, sizeof(blob), digests->blob, LAYER_DIGEST_SIZE);
	(void)sodium_bin2hex(diff, sizeof(diff), digests->diff, LAYER_DIGEST_SIZE);
	(void)snprintf(line, sizeof(line), "blob %s %s\n", blob, diff);
	r = fd_write_full(RESULT, line, strlen(line));
	return r < 0 ? err_set_errno(err, r, "the result cannot be told") : 0;
}

static int add_layer(struct work *work, int fd, const struct blob *blob, uint64_t bytes_max,
		     struct err *err)
{
	const struct layer_config config = { .format = blob->format,
					     .tree = work->tree,
					     .writer = work->writer,
					     .bytes_max = bytes_max,
					     .entries_max = ENTRIES_MAX };
	struct layer_digests digests;
	struct layer *layer;
	int r = layer_create(&config, &layer);

	if (r < 0)
		return err_set_errno(err, r, "the layer cannot be read");
	r = feed_all(work, fd, blob, layer, err);
	if (r == 0)
		r = layer_finish(layer, err, &digests);
	layer_destroy(layer);
	return r == 0 ? tell_digests(&digests, err) : r;
}

static int tell_image(const struct work *work, uint64_t bytes, struct err *err)
{
	uint8_t digest[EROFS_DIGEST_SIZE];
	char hex[2 * EROFS_DIGEST_SIZE + 1], line[LINE_MAX_BYTES];
	int r;

	erofs_writer_digest(work->writer, digest);
	(void)sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	(void)snprintf(line, sizeof(line), "image %zu %" PRIu64 " %s\n",
		       erofs_tree_count(work->tree), bytes, hex);
	r = fd_write_full(RESULT, line, strlen(line));
	return r < 0 ? err_set_errno(err, r, "the result cannot be told") : 0;
}

static int list(struct err *err)
{
	static const char end[] = "listed\n";
	int r = contents_tell(FIRST_BLOB, RESULT, err);

	if (r == 0)
		r = fd_write_full(RESULT, end, strlen(end));
	return r;
}

static int convert(struct work *work, const struct options *options, struct err *err)
{
	const struct erofs_limits limits = { .entries_max = ENTRIES_MAX, .bytes_max = NAMES_MAX };
	uint64_t bytes;
	int r = erofs_tree_create(&limits, options->is_upper, &work->tree);

	if (r == 0)
		r = erofs_writer_create(OUTPUT, &work->writer);
	if (r < 0)
		return err_set_errno(err, r, "the image cannot be begun");
	for (size_t i = 0; i < options->count && r == 0; i++) {
		if (i > 0)
			erofs_tree_next_layer(work->tree);
		r = add_layer(work, blob_fd(i), &options->blobs[i], options->bytes_max, err);
	}
	if (r == 0)
		r = erofs_writer_finish(work->writer, work->tree, err, &bytes);
	return r < 0 ? r : tell_image(work, bytes, err);
}

/* The names in a sentence hold no newline (tar_show()). */
static int tell_refusal(const char *sentence)
{
	char line[LINE_MAX_BYTES];

	(void)snprintf(line, sizeof(line), "refused %s\n", sentence);
	return fd_write_full(RESULT, line, strlen(line));
}

int main(int argc, char **argv)
{
	const struct log_config log = { .program = "sbx-image", .fd = 2, .level = LOG_LEVEL_INFO };
	static struct work work;
	struct options options;
	struct err err = ERR_INIT;
	int r;

	log_open(&log);
	r = parse_options(argv + (argc > 0), &options, &err);
	if (r == 0)
		r = enter_jail(&options, &err);
	if (r < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	r = options.is_list ? list(&err) : convert(&work, &options, &err);
	if (r < 0)
		r = tell_refusal(err.text);
	erofs_writer_destroy(work.writer);
	erofs_tree_destroy(work.tree);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
