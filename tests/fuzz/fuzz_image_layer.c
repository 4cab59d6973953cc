/*
 * A hostile layer: the first byte says its format and whether the image is an upper
 * one, the rest is the blob. Fed whole and in pieces it must come to the same end
 * and make an image of the same size.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "erofs/tree.h"
#include "erofs/writer.h"
#include "sbx-image/layer.h"
#include "tests/fuzz/fuzz.h"

enum { FORMATS = 3, UPPER = 0x80, PIECE = 13 };

struct outcome {
	int code;
	uint64_t bytes;
	struct layer_digests digests;
};

static int feed(struct layer *layer, const uint8_t *data, size_t size, size_t piece,
		struct err *err)
{
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += piece)
		r = layer_feed(layer, data + at, size - at < piece ? size - at : piece, err);
	return r;
}

static struct outcome convert(const uint8_t *data, size_t size, size_t piece, uint8_t choice)
{
	const struct erofs_limits limits = { .entries_max = 2000, .bytes_max = 1 << 20 };
	autoclose int fd = memfd_create("image", MFD_CLOEXEC);
	struct layer_config config = { .format = (enum decoder_format)((choice & 3) % FORMATS),
				       .bytes_max = 4 << 20,
				       .entries_max = 1000 };
	struct outcome outcome = { .bytes = 0 };
	struct err err = ERR_INIT;
	struct layer *layer;

	if (fd < 0 || erofs_tree_create(&limits, (choice & UPPER) != 0, &config.tree) < 0 ||
	    erofs_writer_create(fd, &config.writer) < 0 || layer_create(&config, &layer) < 0)
		abort();
	outcome.code = feed(layer, data, size, piece, &err);
	if (outcome.code == 0)
		outcome.code = layer_finish(layer, &err, &outcome.digests);
	if (outcome.code == 0)
		outcome.code =
			erofs_writer_finish(config.writer, config.tree, &err, &outcome.bytes);
	if (outcome.code == 0 && lseek(fd, 0, SEEK_END) != (off_t)outcome.bytes)
		abort();
	layer_destroy(layer);
	erofs_writer_destroy(config.writer);
	erofs_tree_destroy(config.tree);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size == 0)
		return 0;
	whole = convert(data + 1, size - 1, size, data[0]);
	pieces = convert(data + 1, size - 1, PIECE, data[0]);
	if ((whole.code == 0) != (pieces.code == 0) || whole.bytes != pieces.bytes)
		abort();
	return 0;
}
