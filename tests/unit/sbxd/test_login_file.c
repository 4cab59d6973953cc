#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "credential/service.h"
#include "sbxd/login_file.h"
#include "tests/unit/test.h"

/* {"email":"a@b.c","https://api.openai.com/auth":{"chatgpt_account_id":"acc-\"1\""}} */
#define HAS_ACCOUNT                                                                                \
	"eyJhbGciOiJSUzI1NiJ9."                                                                    \
	"eyJlbWFpbCI6ImFAYi5jIiwiaHR0cHM6Ly9hcGkub3BlbmFpLmNvbS9hdXRoIjp7ImNoYXRncHRfYWNjb3VudF9p" \
	"ZCI6"                                                                                     \
	"ImFjYy1cIjFcIiJ9fQ.proxy-managed"

static char *fill(const char *text, const char *id)
{
	const struct service service = { .access_sentinel = (char *)"A",
					 .refresh_sentinel = (char *)"R",
					 .oauth_text = (char *)text };

	return login_file_text(&service, id, 7);
}

#define CHECK_FILLED(text, id, want)                 \
	do {                                         \
		autofree char *got = fill(text, id); \
		CHECK_STR(got, want);                \
	} while (0)

TEST(words_are_filled_in)
{
	CHECK_FILLED("{\"a\":\"%access%\",\"r\":\"%refresh%\",\"e\":%expires%}", NULL,
		     "{\"a\":\"A\",\"r\":\"R\",\"e\":7000}");
	CHECK_FILLED("%id%", "h.c.s", "h.c.s");
	CHECK_FILLED("%id%", NULL, "eyJhbGciOiJub25lIn0.e30.proxy-managed");
	CHECK_FILLED("", NULL, "");
}

TEST(what_is_no_word_stays)
{
	CHECK_FILLED("100% of %access%", NULL, "100% of A");
	CHECK_FILLED("%unknown%access%", NULL, "%unknownA");
	CHECK_FILLED("%", NULL, "%");
	CHECK_FILLED("%%", NULL, "%%");
}

TEST(claims_are_read_out_of_the_id_token)
{
	CHECK_FILLED("%claim email%", HAS_ACCOUNT, "\"a@b.c\"");
	CHECK_FILLED("%claim https://api.openai.com/auth chatgpt_account_id%", HAS_ACCOUNT,
		     "\"acc-\\\"1\\\"\"");
}

TEST(a_claim_that_is_no_string_is_null)
{
	CHECK_FILLED("%claim https://api.openai.com/auth%", HAS_ACCOUNT, "null");
	CHECK_FILLED("%claim email x%", HAS_ACCOUNT, "null");
	CHECK_FILLED("%claim other%", HAS_ACCOUNT, "null");
	CHECK_FILLED("%claim email%", NULL, "null");
	CHECK_FILLED("%claim email%", "no dots", "null");
	CHECK_FILLED("%claim email%", "a.!!!.c", "null");
	CHECK_FILLED("%claim email%", "a.e30", "null");
	CHECK_FILLED("%claim email%", "a.", "null");
}

/* As Codex reads it: tokens.account_id is what it names the account by in its requests. */
TEST(codex_finds_its_account)
{
	struct services services;
	struct err err = ERR_INIT;
	const struct service *openai;
	autofree char *text = NULL;
	json_t *json, *tokens;

	CHECK_EQ(services_load(getenv("SERVICES"), &services, &err), 0);
	openai = services_find(&services, "openai");
	text = login_file_text(openai, HAS_ACCOUNT, 7);
	json = json_loads(text, 0, NULL);
	tokens = json_object_get(json, "tokens");
	CHECK_STR(json_string_value(json_object_get(tokens, "account_id")), "acc-\"1\"");
	CHECK_STR(json_string_value(json_object_get(tokens, "id_token")), HAS_ACCOUNT);
	CHECK_STR(json_string_value(json_object_get(tokens, "access_token")),
		  openai->access_sentinel);
	CHECK_STR(json_string_value(json_object_get(tokens, "refresh_token")),
		  openai->refresh_sentinel);
	json_decref(json);
	services_finish(&services);
}

TEST_MAIN()
