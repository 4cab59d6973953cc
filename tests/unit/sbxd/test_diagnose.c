#include "sbxd/diagnose.h"

#include <stdlib.h>

#include "tests/unit/sbxd/fixture.h"
#include "tests/unit/test.h"

/* The member of the check of that name; "" when there is no such check. */
static const char *member(const json_t *report, const char *name, const char *key)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(report, "checks"), i, check)
	{
		if (strcmp(json_string_value(json_object_get(check, "name")), name) == 0)
			return json_string_value(json_object_get(check, key));
	}
	return "";
}

TEST(the_way_out_is_checked)
{
	struct fixture fixture;
	json_t *report;

	(void)setenv("SBX_RESOLVERS", "192.0.2.53", 1);
	(void)setenv("SBX_UPSTREAM_PROXY", "http://me:secret@proxy.test:3128", 1);
	CHECK_EQ(fixture_make(&fixture), 0);
	report = diagnose_all(&fixture.supervisor);
	CHECK_STR(member(report, "Resolvers", "status"), "pass");
	CHECK_STR(member(report, "Resolvers", "message"), "192.0.2.53:53");
	CHECK_STR(member(report, "Upstream proxy", "message"), "http://proxy.test:3128");
	CHECK_STR(member(report, "Vault", "message"), "none yet");
	CHECK_STR(member(report, "Policy", "status"), "warn");
	CHECK_STR(member(report, "Audit file", "status"), "skip");
	json_decref(report);
	fixture_remove(&fixture);
}

TEST(no_resolver_is_a_failure)
{
	struct fixture fixture;
	json_t *report;

	(void)setenv("SBX_RESOLVERS", "", 1);
	(void)setenv("SBX_UPSTREAM_PROXY", "", 1);
	CHECK_EQ(fixture_make(&fixture), 0);
	report = diagnose_all(&fixture.supervisor);
	CHECK_STR(member(report, "Resolvers", "status"), "fail");
	CHECK_STR(member(report, "Upstream proxy", "message"), "none: connections are direct");
	json_decref(report);
	fixture_remove(&fixture);
}

TEST_MAIN()
