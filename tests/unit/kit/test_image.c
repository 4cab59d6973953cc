#include "kit/image.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "kit/kit.h"
#include "tests/unit/test.h"

#define SPEC                                                                             \
	"schemaVersion: \"2\"\nkind: mixin\nname: k\nversion: 1.0\ndisplayName: A kit\n" \
	"sourceURL: https://a.com\n"

static void make_bundle(struct kit_bundle *bundle, struct kit *kit)
{
	const struct kit_values none = { .count = 0 };
	struct err err = ERR_INIT;

	(void)kit_bundle_init(bundle, "k");
	(void)buf_append(&bundle->spec, SPEC, strlen(SPEC));
	(void)kit_bundle_add(bundle, "workspace/b", "2", 1, &err);
	(void)kit_bundle_add(bundle, "home/a", "${{ kit.args.x }}", 17, &err);
	(void)kit_parse_bundle(bundle, &none, kit, &err);
}

/* As it stands: nothing in it depends on when or where it was written. */
TEST(the_same_kit_gives_the_same_image)
{
	struct kit_image one, two;
	struct kit_bundle bundle;
	struct err err = ERR_INIT;
	struct kit kit;
	bool is_same;

	make_bundle(&bundle, &kit);
	CHECK_EQ(kit_image_write(&bundle, kit.spec, &one, &err), 0);
	CHECK_EQ(kit_image_write(&bundle, kit.spec, &two, &err), 0);
	is_same = one.layer.len == two.layer.len &&
		  memcmp(one.layer.data, two.layer.data, one.layer.len) == 0 &&
		  strcmp(one.manifest_digest, two.manifest_digest) == 0;
	/* RFC 1952: no flags, no time */
	CHECK_EQ(memcmp(one.layer.data, "\x1f\x8b\x08\0\0\0\0\0", 8), 0);
	CHECK_EQ(one.layer.data[9], 255);
	CHECK(strstr(buf_str(&one.manifest), "\"vnd.docker.sandbox.kit.name\":\"k\"") != NULL);
	CHECK(strstr(buf_str(&one.manifest), "\"org.opencontainers.image.title\":\"A kit\"") !=
	      NULL);
	kit_image_finish(&one);
	kit_image_finish(&two);
	kit_finish(&kit);
	kit_bundle_finish(&bundle);
	CHECK(is_same);
}

TEST(what_was_written_is_read)
{
	char before[BUNDLE_DIGEST_SIZE], after[BUNDLE_DIGEST_SIZE];
	struct kit_bundle bundle, back;
	struct kit_image_parts parts;
	struct err err = ERR_INIT;
	struct kit_image image;
	struct kit kit;

	make_bundle(&bundle, &kit);
	(void)kit_bundle_init(&back, "back");
	CHECK_EQ(kit_image_write(&bundle, kit.spec, &image, &err), 0);
	CHECK_EQ(kit_image_read(image.manifest.data, image.manifest.len, &back, &parts, &err), 0);
	CHECK_EQ(kit_image_add_config(bundle.spec.data, bundle.spec.len, parts.config, &back, &err),
		 0);
	CHECK_EQ(kit_image_add_layer(image.layer.data, image.layer.len, parts.layer, &back, &err),
		 0);
	CHECK_EQ(kit_bundle_digest(&bundle, before, NULL), 0);
	CHECK_EQ(kit_bundle_digest(&back, after, NULL), 0);
	CHECK_STR(after, before);
	/* a byte that is another one */
	image.layer.data[12] ^= 1;
	CHECK_EQ(kit_image_add_layer(image.layer.data, image.layer.len, parts.layer, &back, &err),
		 -EBADMSG);
	CHECK_STR(err.text, "back: the layer is not what the manifest names");
	kit_image_finish(&image);
	kit_bundle_finish(&back);
	kit_finish(&kit);
	kit_bundle_finish(&bundle);
}

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONFIG "{\"mediaType\":\"" KIT_IMAGE_CONFIG_TYPE "\",\"digest\":\"" DIGEST "\"}"

TEST(manifests)
{
	static const struct {
		const char *text;
		int want;
		const char *words;
	} rows[] = {
		{ "{\"config\":" CONFIG ",\"layers\":[]}", 0, "" },
		{ "{\"config\":" CONFIG "}", 0, "" },
		{ "{\"config\":" CONFIG ",\"layers\":[{\"mediaType\":\"" KIT_IMAGE_LAYER_TYPE
		  "\",\"digest\":\"" DIGEST "\"},{\"mediaType\":\"more\"}]}",
		  0, "" },
		{ "{\"annotations\":{\"vnd.docker.sandbox.kit.descriptor\":\"{}\"}}", 0, "" },
		{ "", -EPROTO, "no JSON object" },
		{ "[]", -EPROTO, "no JSON object" },
		{ "{\"config\":1,\"config\":2}", -EPROTO, "no JSON object" },
		{ "{}", -EPROTO, "an image, and no kit" },
		{ "{\"config\":{\"mediaType\":\"" KIT_IMAGE_CONFIG_TYPE "\"}}", -EPROTO,
		  "no digest" },
		{ "{\"config\":{\"mediaType\":\"" KIT_IMAGE_CONFIG_TYPE
		  "\",\"digest\":\"sha256:../../../../etc/passwd\"}}",
		  -EPROTO, "no digest" },
		{ "{\"config\":" CONFIG ",\"layers\":[{\"mediaType\":\"application/zip\"}]}",
		  -EPROTO, "cannot be 'application/zip'" },
		{ "{\"config\":" CONFIG ",\"layers\":[{\"mediaType\":\"application/"
		  "vnd.docker.sandbox.kit.v1.content.zip\""
		  "}]}",
		  -EPROTO, "older form" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct kit_image_parts parts;
		struct kit_bundle bundle;
		struct err err = ERR_INIT;
		int got;

		(void)kit_bundle_init(&bundle, "k");
		got = kit_image_read(rows[i].text, strlen(rows[i].text), &bundle, &parts, &err);
		kit_bundle_finish(&bundle);
		if (got != rows[i].want || strstr(err.text, rows[i].words) == NULL)
			TEST_FAIL_("row %zu gives %d: %s", i, got, err.text);
	}
}

/* 1 GiB of zeros in a megabyte, as the data of one file. */
TEST(a_bomb_stops_at_the_limits)
{
	static uint8_t zeros[1 << 20], head[512];
	uLong bound = 2 << 20;
	autofree uint8_t *layer = malloc(bound);
	char digest[DIGEST_TEXT_SIZE];
	z_stream zlib = { .next_out = layer, .avail_out = (uInt)bound };
	struct kit_bundle bundle;
	struct err err = ERR_INIT;
	unsigned sum = 0;

	(void)snprintf((char *)head, sizeof(head), "home/bomb");
	memcpy(head + 124, "10000000000", 12);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(head); i++)
		sum += head[i];
	(void)snprintf((char *)head + 148, 8, "%06o", sum);
	CHECK_EQ(deflateInit2(&zlib, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	zlib.next_in = head;
	zlib.avail_in = sizeof(head);
	(void)deflate(&zlib, Z_NO_FLUSH);
	for (int i = 0; i < 64; i++) {
		zlib.next_in = zeros;
		zlib.avail_in = sizeof(zeros);
		(void)deflate(&zlib, i == 63 ? Z_FINISH : Z_NO_FLUSH);
	}
	(void)deflateEnd(&zlib);
	digest_text(layer, zlib.total_out, digest);
	(void)kit_bundle_init(&bundle, "k");
	CHECK_EQ(kit_image_add_layer(layer, zlib.total_out, digest, &bundle, &err), -EFBIG);
	CHECK_EQ(bundle.count, 0);
	kit_bundle_finish(&bundle);
}

TEST_MAIN()
