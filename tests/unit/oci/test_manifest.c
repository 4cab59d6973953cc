#include <errno.h>

#include "base/err.h"
#include "oci/manifest.h"
#include "tests/unit/test.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LAYER(type) "{\"mediaType\":\"" type "\",\"digest\":\"" A "\",\"size\":3}"
#define MANIFEST(layers) \
	"{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":5},\"layers\":[" layers "]}"

static struct oci_manifest manifest;
static struct err err;

static int parse(const char *text)
{
	err = (struct err)ERR_INIT;
	return oci_manifest_parse(text, strlen(text), &manifest, &err);
}

TEST(layers_come_in_order_with_their_compression)
{
	CHECK_EQ(
		parse(MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar") "," LAYER(
			"application/vnd.docker.image.rootfs.diff.tar.gzip") "," LAYER("application"
										       "/vnd.oci."
										       "image."
										       "layer.v1."
										       "tar+"
										       "zstd"))),
		0);
	CHECK_EQ(manifest.count, 3);
	CHECK_EQ(manifest.layers[0].compression, OCI_TAR);
	CHECK_EQ(manifest.layers[1].compression, OCI_GZIP);
	CHECK_EQ(manifest.layers[2].compression, OCI_ZSTD);
	CHECK_EQ(manifest.config.size_bytes, 5);
}

TEST(unknown_kinds_are_refused)
{
	CHECK_EQ(parse(MANIFEST(LAYER("application/vnd.oci.image.layer.v1.tar+xz"))), -EPROTO);
	CHECK_EQ(
		parse(MANIFEST(LAYER("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))),
		-EPROTO);
	CHECK_EQ(parse(MANIFEST("{\"digest\":\"" A "\",\"size\":3}")), -EPROTO);
}

TEST(an_image_has_layers)
{
	CHECK_EQ(parse(MANIFEST("")), -EPROTO);
	CHECK_STR(err.text, "the image has no layer");
}

TEST(sizes_are_numbers_of_bytes)
{
	CHECK_EQ(parse("{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":-1},"
		       "\"layers\":[]}"),
		 -EPROTO);
	CHECK_EQ(parse("{\"schemaVersion\":2,\"layers\":[]}"), -EPROTO);
}

TEST_MAIN()
