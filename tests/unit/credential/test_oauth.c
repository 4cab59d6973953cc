#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "credential/oauth.h"
#include "tests/unit/credential/sample.h"
#include "tests/unit/test.h"

static struct credential claude(void)
{
	struct credential credential = sample_credential(
		&(struct sample){ "claude", CREDENTIAL_OAUTH, "api.test", "authorization",
				  "Bearer %s", "sk-access-sentinel", NULL, "real-access" });

	credential.token_url = strdup("https://login.test/v1/token");
	credential.refresh_sentinel = strdup("sk-refresh-sentinel");
	(void)credential_set_refresh(&credential, "re/al\"refresh", 13);
	return credential;
}

static int fill(const char *type, const char *text, struct buf *body)
{
	struct credential credential = claude();
	int r;

	buf_clear(body);
	(void)buf_append(body, text, strlen(text));
	r = oauth_fill_request(&credential, type, body);
	credential_finish(&credential);
	return r;
}

TEST(the_refresh_sentinel_becomes_the_token)
{
	struct buf body;

	buf_init(&body, 4096);
	CHECK_EQ(fill("application/json; charset=utf-8",
		      "{\"refresh_token\":\"sk-refresh-sentinel\"}", &body),
		 0);
	CHECK_STR(buf_str(&body), "{\"refresh_token\":\"re/al\\\"refresh\"}");
	CHECK_EQ(fill("application/x-www-form-urlencoded", "a=b&r=sk-refresh-sentinel&c", &body),
		 0);
	CHECK_STR(buf_str(&body), "a=b&r=re%2Fal%22refresh&c");
	CHECK_EQ(fill("text/plain", "sk-refresh-sentinel", &body), -EINVAL);
	CHECK_EQ(fill(NULL, "sk-refresh-sentinel", &body), -EINVAL);
	CHECK_EQ(fill("text/plain", "grant_type=authorization_code", &body), 0);
	CHECK_STR(buf_str(&body), "grant_type=authorization_code");
	buf_finish(&body);
}

TEST(without_a_login_the_sentinel_stops_the_request)
{
	struct credential credential = sample_credential(
		&(struct sample){ "claude", CREDENTIAL_OAUTH, "api.test", "authorization",
				  "Bearer %s", "sk-access-sentinel", NULL, NULL });
	struct buf body;

	credential.refresh_sentinel = strdup("sk-refresh-sentinel");
	buf_init(&body, 4096);
	(void)buf_append(&body, "r=sk-refresh-sentinel", 21);
	CHECK_EQ(oauth_fill_request(&credential, "application/x-www-form-urlencoded", &body),
		 -EACCES);
	credential_finish(&credential);
	buf_finish(&body);
}

static int take(const char *text, struct buf *body, struct oauth_tokens *tokens)
{
	struct credential credential = claude();
	int r;

	buf_clear(body);
	(void)buf_append(body, text, strlen(text));
	r = oauth_take_reply(&credential, body, tokens);
	credential_finish(&credential);
	return r;
}

TEST(tokens_of_a_reply_become_sentinels)
{
	struct oauth_tokens tokens = { .access = NULL };
	struct buf body;

	buf_init(&body, 4096);
	CHECK_EQ(take(" {\"access_token\" : \"a\\/b\\u002fc\", \"n\": [1, {\"x\":null}],\n"
		      "\"refresh_token\":\"new\",\"id_token\":\"aa.bb.cc\",\"expires_in\":3600 }\n",
		      &body, &tokens),
		 0);
	CHECK_STR(buf_str(&body),
		  " {\"access_token\" : \"sk-access-sentinel\", \"n\": [1, {\"x\":null}],\n"
		  "\"refresh_token\":\"sk-refresh-sentinel\",\"id_token\":\"aa.bb.proxy-managed\","
		  "\"expires_in\":3600 }\n");
	CHECK_STR(tokens.access, "a/b/c");
	CHECK_STR(tokens.refresh, "new");
	CHECK_EQ(tokens.expires_in_s, 3600);
	oauth_tokens_finish(&tokens);
	CHECK_EQ(take("{\"error\":\"access_token\"}", &body, &tokens), 0);
	CHECK(tokens.access == NULL && tokens.refresh == NULL);
	CHECK_STR(buf_str(&body), "{\"error\":\"access_token\"}");
	CHECK_EQ(take("", &body, &tokens), 0);
	buf_finish(&body);
}

TEST(what_is_not_understood_does_not_pass)
{
	static const char *const bad[] = {
		"access_token=x",
		"\"access_token\"",
		"{",
		"{\"a\":1",
		"{\"a\":}",
		"{\"a\" 1}",
		"{\"access\\u005ftoken\":\"x\"}",
		"{\"a\":1}{\"access_token\":\"x\"}",
		"{,}",
		"[1 2]",
		"{\"a\":\"b",
		"{\"a\":\"\\",
		"{\"access_token\":\"\\u0141\"}",
		"{\"access_token\":\"a\\n\"}",
		"{\"access_token\":\"a b\"}",
		"{\"a\":1]",
		"[1}",
		"{1:2}",
		"]",
		",",
		"{\"a\":1,}x",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
		"]",
	};
	struct oauth_tokens tokens = { .access = NULL };
	struct buf body;

	buf_init(&body, 4096);
	for (size_t i = 0; i < countof(bad); i++)
		if (take(bad[i], &body, &tokens) != -EBADMSG)
			TEST_FAIL_("%s was let pass", bad[i]);
	buf_finish(&body);
}

TEST(the_endpoint_is_one_url)
{
	struct credential items[1] = { claude() };
	struct credentials *set = NULL;

	CHECK_EQ(credentials_create(items, 1, &set), 0);
	CHECK(credentials_token_endpoint(set, "login.test", 443, "/v1/token") != NULL);
	CHECK(credentials_token_endpoint(set, "login.test", 443, "/v1/token?a=b") != NULL);
	CHECK(credentials_token_endpoint(set, "login.test", 443, "/v1/token/") == NULL);
	CHECK(credentials_token_endpoint(set, "login.test", 443, "/v1/toke") == NULL);
	CHECK(credentials_token_endpoint(set, "login.test", 80, "/v1/token") == NULL);
	CHECK(credentials_token_endpoint(set, "api.test", 443, "/v1/token") == NULL);
	CHECK(credentials_bind(set, "login.test", 443)); /* or it could not be watched */
	CHECK(!credentials_bind(set, "login.test", 80));
	credentials_destroy(set);
}

TEST(urls)
{
	static const char *const bad[] = { "http://a/b",  "https://",	       "https:///x",
					   "https://a",	  "https://a:0/",      "https://a:70000/",
					   "https://a:/", "https://a:1234567/" };
	char host[OAUTH_HOST_MAX + 1];
	uint16_t port;

	for (size_t i = 0; i < countof(bad); i++)
		CHECK_EQ(oauth_url_host(bad[i], host, &port), -EINVAL);
	CHECK_EQ(oauth_url_host("https://a.b:8443/x", host, &port), 0);
	CHECK_STR(host, "a.b");
	CHECK_EQ(port, 8443);
}

TEST_MAIN()
