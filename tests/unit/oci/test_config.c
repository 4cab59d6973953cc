#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "oci/config.h"
#include "tests/unit/test.h"

#define A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CONFIG(machine, config)                                                 \
	"{\"os\":\"linux\",\"architecture\":\"" machine "\",\"config\":" config \
	",\"rootfs\":"                                                          \
	"{\"type\":\"layers\",\"diff_ids\":[\"" A "\"]},\"history\":[{}]}"

static struct oci_config config;
static struct err err;

static int parse(const char *text)
{
	err = (struct err)ERR_INIT;
	return oci_config_parse(text, strlen(text), &config, &err);
}

TEST(what_programs_need_is_kept_and_no_more)
{
	autofree char *text = NULL;

	CHECK_EQ(parse(CONFIG("amd64",
			      "{\"Env\":[\"A=b\"],\"Cmd\":null,\"Entrypoint\":[],"
			      "\"User\":\"u\",\"Volumes\":{}}")),
		 0);
	text = json_dumps(config.config, JSON_COMPACT | JSON_SORT_KEYS);
	oci_config_finish(&config);
	CHECK_STR(text, "{\"Env\":[\"A=b\"],\"User\":\"u\"}");
	CHECK_EQ(config.count, 1);
	CHECK_STR(config.diff_ids[0], A);
}

TEST(another_machine_is_named)
{
	CHECK_EQ(parse(CONFIG("arm64", "{}")), -ENOENT);
	CHECK_STR(err.text, "the image is for linux/arm64, and sandboxes run linux/amd64");
}

TEST(wrong_types_are_refused)
{
	CHECK_EQ(parse(CONFIG("amd64", "[]")), -EPROTO);
	CHECK_EQ(parse(CONFIG("amd64", "{\"Env\":[1]}")), -EPROTO);
	CHECK_EQ(parse(CONFIG("amd64", "{\"Cmd\":\"sh\"}")), -EPROTO);
	CHECK_EQ(parse(CONFIG("amd64", "{\"WorkingDir\":[]}")), -EPROTO);
	CHECK_EQ(parse("{}"), -EPROTO);
}

TEST_MAIN()
