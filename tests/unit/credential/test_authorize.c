#include <errno.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/err.h"
#include "credential/authorize.h"
#include "credential/service.h"
#include "tests/unit/test.h"

static struct service parse(const char *manner)
{
	struct service service = { .name = NULL };
	struct err err = ERR_INIT;
	char text[600];

	(void)snprintf(text, sizeof(text),
		       "service a\ninject h raw a.test\noauth-token-url https://t.test/token\n"
		       "oauth-sentinels access refresh\noauth-hosts a.test\noauth-client cl:1 %s\n"
		       "oauth-login https://t.test/ask http://localhost:1455/done scope=a+b x=1",
		       manner);
	if (sodium_init() < 0 || service_parse(text, strlen(text), &service, &err) < 0)
		printf("# %s\n", err.text);
	return service;
}

/* The example of RFC 7636, appendix B. */
TEST(the_address_has_the_challenge_and_not_the_verifier)
{
	const struct authorize_attempt attempt = {
		.state = "st-ate", .verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	};
	struct service service = parse("form");
	char *url = authorize_url(&service, &attempt);

	CHECK_STR(url,
		  "https://t.test/ask?response_type=code&client_id=cl%3A1"
		  "&redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fdone"
		  "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
		  "&code_challenge_method=S256&state=st-ate&scope=a+b&x=1");
	free(url);
	service_finish(&service);
}

TEST(each_attempt_is_another)
{
	struct authorize_attempt one, other;

	CHECK(sodium_init() >= 0);
	authorize_begin(&one);
	authorize_begin(&other);
	CHECK_EQ(strlen(one.state), AUTHORIZE_WORD_SIZE - 1);
	CHECK_EQ(strlen(one.verifier), AUTHORIZE_WORD_SIZE - 1);
	CHECK(strcmp(one.state, other.state) != 0 && strcmp(one.verifier, other.verifier) != 0);
	CHECK(strcmp(one.state, one.verifier) != 0);
}

TEST(bodies_are_written_as_the_service_wants_them)
{
	const struct authorize_attempt attempt = { .state = "s", .verifier = "v" };
	struct service form = parse("form"), json = parse("json");
	struct buf body;

	buf_init(&body, 4096);
	CHECK_EQ(authorize_code_body(&form, &attempt, "c&d/\"", &body), 0);
	CHECK_STR(buf_str(&body),
		  "grant_type=authorization_code&code=c%26d%2F%22"
		  "&redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fdone"
		  "&client_id=cl%3A1&code_verifier=v");
	buf_clear(&body);
	CHECK_EQ(authorize_code_body(&json, &attempt, "c\"\\", &body), 0);
	CHECK_STR(buf_str(&body),
		  "{\"grant_type\":\"authorization_code\",\"code\":\"c\\\"\\\\\","
		  "\"redirect_uri\":\"http://localhost:1455/done\","
		  "\"client_id\":\"cl:1\",\"code_verifier\":\"v\",\"state\":\"s\"}");
	buf_clear(&body);
	CHECK_EQ(authorize_refresh_body(&json, "r", &body), 0);
	CHECK_STR(buf_str(&body),
		  "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"r\","
		  "\"client_id\":\"cl:1\"}");
	CHECK_EQ(authorize_code_body(&json, &attempt, "a b", &body), -EINVAL);
	CHECK_EQ(authorize_code_body(&json, &attempt, "", &body), -EINVAL);
	buf_finish(&body);
	service_finish(&form);
	service_finish(&json);
}

TEST_MAIN()
