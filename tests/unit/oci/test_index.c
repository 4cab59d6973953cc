#include <errno.h>

#include "base/err.h"
#include "oci/index.h"
#include "tests/unit/test.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define IMAGE "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":7,"
#define FOR(os, machine) "\"platform\":{\"os\":\"" os "\",\"architecture\":\"" machine "\"},"
#define INDEX(list) "{\"schemaVersion\":2,\"manifests\":[" list "]}"

static struct oci_choice choice;
static struct err err;

static int choose(const char *text)
{
	err = (struct err)ERR_INIT;
	return oci_index_choose(text, strlen(text), &choice, &err);
}

TEST(the_only_image_is_chosen)
{
	CHECK_EQ(choose(INDEX("{" IMAGE "\"digest\":\"" A "\",\"annotations\":"
			      "{\"org.opencontainers.image.ref.name\":\"v1\"}}")),
		 0);
	CHECK_STR(choice.descriptor.digest, A);
	CHECK_EQ(choice.descriptor.size_bytes, 7);
	CHECK_STR(choice.name, "v1");
	CHECK(!choice.is_index);
}

TEST(our_machine_is_chosen_of_several)
{
	CHECK_EQ(choose(INDEX("{" IMAGE FOR(
			 "linux",
			 "arm64") "\"digest\":\"" A "\"},"
				  "{" IMAGE FOR("linux",
						"amd64") "\"digest\":\"" B "\"},"
							 "{" IMAGE FOR("unknown",
								       "unknown") "\"digest\":\"" A
										  "\"}")),
		 0);
	CHECK_STR(choice.descriptor.digest, B);
}

TEST(another_machine_is_named)
{
	CHECK_EQ(choose(INDEX("{" IMAGE FOR("linux", "arm64") "\"digest\":\"" A "\"}")), -ENOENT);
	CHECK_STR(err.text, "the image is for linux/arm64, and sandboxes run linux/amd64");
}

TEST(several_images_are_not_guessed_among)
{
	CHECK_EQ(choose(INDEX("{" IMAGE "\"digest\":\"" A "\"},{" IMAGE "\"digest\":\"" B "\"}")),
		 -EINVAL);
	CHECK_EQ(choose(INDEX("{" IMAGE "\"digest\":\"" A "\"},{" IMAGE "\"digest\":\"" A "\"}")),
		 0);
	CHECK_EQ(choose(INDEX("")), -ENOENT);
}

TEST(what_is_no_index_is_refused)
{
	CHECK_EQ(choose("[]"), -EPROTO);
	CHECK_EQ(choose("{\"schemaVersion\":1,\"manifests\":[]}"), -EPROTO);
	CHECK_EQ(choose("{\"schemaVersion\":2,\"schemaVersion\":2}"), -EPROTO);
	CHECK_EQ(choose(INDEX("{" IMAGE "\"digest\":\"sha256:../x\"}")), -EPROTO);
	CHECK_EQ(choose(INDEX("3")), -EPROTO);
}

TEST_MAIN()
