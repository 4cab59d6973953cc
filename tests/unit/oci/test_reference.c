#include <errno.h>

#include "base/err.h"
#include "oci/reference.h"
#include "tests/unit/test.h"

/* The name written out in full, NULL when it is refused. */
static const char *full(const char *text)
{
	static char formatted[OCI_REFERENCE_TEXT];
	struct oci_reference reference;
	struct err err = ERR_INIT;

	if (oci_reference_parse(text, &reference, &err) < 0)
		return NULL;
	oci_reference_format(&reference, formatted);
	return formatted;
}

TEST(short_names_are_written_out)
{
	CHECK_STR(full("tiny"), "docker.io/library/tiny:latest");
	CHECK_STR(full("tiny:1.0"), "docker.io/library/tiny:1.0");
	CHECK_STR(full("me/tiny"), "docker.io/me/tiny:latest");
	CHECK_STR(full("docker.io/library/tiny:latest"), "docker.io/library/tiny:latest");
	CHECK_STR(full("docker.io/tiny"), "docker.io/library/tiny:latest");
}

TEST(a_registry_is_told_from_a_folder)
{
	CHECK_STR(full("localhost:5000/a/b:c"), "localhost:5000/a/b:c");
	CHECK_STR(full("localhost/a"), "localhost/a:latest");
	CHECK_STR(full("ghcr.io/a/b"), "ghcr.io/a/b:latest");
	CHECK_STR(full("a/b"), "docker.io/a/b:latest");
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(a_digest_stands_alone)
{
	CHECK_STR(full("ghcr.io/a@sha256:" HEX), "ghcr.io/a@sha256:" HEX);
	CHECK_STR(full("ghcr.io/a:1@sha256:" HEX), "ghcr.io/a:1@sha256:" HEX);
	CHECK(full("ghcr.io/a@sha256:12") == NULL);
	CHECK(full("ghcr.io/a@md5:" HEX) == NULL);
}

TEST(what_is_no_name_is_refused)
{
	static const char *const wrong[] = { "",	  "UPPER", "a//b",	  "/a",
					     "a/",	  "../a",  "a:",	  "a:b:c",
					     "a b",	  "-a",	   "a:-t",	  "a\n",
					     "ghcr.io/",  "a@",	   "https://a/b", "--flag/a",
					     "ghcr..io/a" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (full(wrong[i]) != NULL)
			printf("# '%s' was taken\n", wrong[i]);
		CHECK(full(wrong[i]) == NULL);
	}
}

TEST(too_long_a_name_is_refused)
{
	char name[OCI_REFERENCE_MAX + 2];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(full(name) == NULL);
	name[OCI_REFERENCE_MAX] = '\0';
	CHECK(full(name) != NULL);
}

TEST_MAIN()
