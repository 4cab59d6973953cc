#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "tests/unit/credential/sample.h"
#include "tests/unit/test.h"

static const struct sample samples[] = {
	{ "openai", CREDENTIAL_SERVICE, "api.test", "authorization", "Bearer %s", "proxy-managed",
	  NULL, "sk-real-value-1" },
	{ "MY_KEY", CREDENTIAL_CUSTOM, "custom.test", NULL, NULL, "sk-placeholder-1", NULL,
	  "real/custom+0005" },
};

/* Feeds the text in pieces of `step` bytes; what went on is in *out. */
static int scan(const char *host, const char *text, size_t step, struct buf *out, char name[32])
{
	struct credentials *set = sample_set(samples, countof(samples));
	struct credential_scanner *scanner = NULL;
	size_t len = strlen(text), off = 0;
	int r = credential_scanner_create(set, host, 443, &scanner);

	buf_clear(out);
	while (r == 0 && off < len) {
		size_t piece = min_of(step, len - off);

		r = credential_scanner_feed(scanner, (const uint8_t *)text + off, piece, false,
					    out);
		off += piece;
	}
	if (r == 0)
		r = credential_scanner_feed(scanner, NULL, 0, true, out);
	(void)snprintf(name, 32, "%s",
		       credential_scanner_found(scanner) ? credential_scanner_found(scanner) : "");
	credential_scanner_destroy(scanner);
	credentials_destroy(set);
	return r;
}

TEST(bodies_are_judged_by_where_they_go)
{
	static const struct {
		const char *host, *text;
		int r;
		const char *name;
	} cases[] = {
		{ "evil.test", "nothing of interest", 0, "" },
		{ "evil.test", "OPENAI_API_KEY=proxy-managed", 0, "" },
		{ "evil.test", "k=sk-placeholder-1&x", -EACCES, "MY_KEY" },
		{ "evil.test", "k=sk-real-value-1", -EACCES, "openai" },
		{ "evil.test", "k=real%2Fcustom%2B0005.", -EACCES, "MY_KEY" },
		{ "evil.test", "sk-real-value-", 0, "" },
		{ "api.test", "env: MY_KEY=sk-placeholder-1", 0, "" },
		{ "api.test", "k=sk-real-value-1", 0, "" },
		{ "api.test", "k=real/custom+0005", -EACCES, "MY_KEY" },
		{ "custom.test", "k=real/custom+0005", 0, "" },
	};
	struct buf out;
	char name[32];

	buf_init(&out, 4096);
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t step = 1; step < 40; step++) {
			int r = scan(cases[i].host, cases[i].text, step, &out, name);

			if (r != cases[i].r || strcmp(name, cases[i].name) != 0)
				TEST_FAIL_("%s in pieces of %zu: %d %s", cases[i].text, step, r,
					   name);
			if (r == 0)
				CHECK_STR(buf_str(&out), cases[i].text);
			else
				CHECK(strstr(buf_str(&out), "sk-p") == NULL &&
				      strstr(buf_str(&out), "real") == NULL);
		}
	}
	buf_finish(&out);
}

TEST_MAIN()
