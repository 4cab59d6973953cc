#include "sbxd/template_refusal.h"

#include <errno.h>

#include "base/err.h"
#include "oci/reference.h"
#include "tests/unit/test.h"

#define SOURCE "initializing source docker://reg.example/a:1: "

/* What is made of this last line of skopeo's. */
static const char *tell(const char *line, bool has_login)
{
	static struct err err;
	struct oci_reference reference;
	char said[1024];

	err = (struct err)ERR_INIT;
	(void)oci_reference_parse("reg.example/a:1", &reference, &err);
	(void)snprintf(said, sizeof(said), "time=\"now\" level=info msg=\"before\"\n%s\n", line);
	return template_refusal(said, &reference, has_login, &err) == -EIO ? err.text : "";
}

TEST(the_causes_that_are_known_are_told_in_our_words)
{
	CHECK_STR(tell("level=fatal msg=\"" SOURCE "pinging container registry reg.example: Get "
		       "\\\"https://reg.example/v2/\\\": x509: certificate has expired\"",
		       false),
		  "cannot pull 'reg.example/a:1': the certificate of reg.example is not believed "
		  "(certificate has expired); the authority of a registry of your own goes into "
		  "~/.config/containers/certs.d/reg.example/ca.crt");
	CHECK_STR(
		tell("level=fatal msg=\"" SOURCE
		     "reading manifest 1 in reg.example/a: unauthorized: authentication required\"",
		     false),
		"cannot pull 'reg.example/a:1': reg.example wants a login; type: sbx secret set "
		"--registry reg.example --username NAME");
	CHECK(strstr(tell("msg=\"invalid username/password: unauthorized\"", true),
		     "refuses the login") != NULL);
	CHECK_STR(tell("msg=\"choosing an image from manifest list docker://reg.example/a:1: no "
		       "image found in image index for architecture amd64\"",
		       false),
		  "cannot pull 'reg.example/a:1': it is not for linux/amd64, which sandboxes run");
	CHECK_STR(tell("msg=\"" SOURCE "reading manifest 1 in reg.example/a: manifest unknown\"",
		       true),
		  "cannot pull 'reg.example/a:1': reg.example has no such image");
}

TEST(others_are_told_as_they_are_less_the_steps)
{
	CHECK_STR(tell("msg=\"" SOURCE "pinging container registry reg.example: Get "
		       "\\\"https://reg.example/v2/\\\": dial tcp 192.0.2.1:443: connection "
		       "refused\"",
		       false),
		  "cannot pull 'reg.example/a:1': dial tcp 192.0.2.1:443: connection refused");
	CHECK_STR(tell("no log at all", false), "cannot pull 'reg.example/a:1': before");
}

TEST(what_a_stranger_says_is_harmless)
{
	CHECK_STR(tell("msg=\"a\033]52;c;eA==\007b \303\244\"", false),
		  "cannot pull 'reg.example/a:1': a ]52;c;eA== b   ");
	CHECK_STR(tell("msg=\"\"", false), "cannot pull 'reg.example/a:1': ");
	CHECK_STR(tell("msg=\"Get \"", false), "cannot pull 'reg.example/a:1': Get ");
}

TEST_MAIN()
