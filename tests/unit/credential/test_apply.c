#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "http/message.h"
#include "tests/unit/credential/sample.h"
#include "tests/unit/test.h"

static const struct sample samples[] = {
	{ "anthropic", CREDENTIAL_SERVICE, "api.anthropic.test", "x-api-key", "%s", "proxy-managed",
	  NULL, "sk-ant-real-0001" },
	{ "openai", CREDENTIAL_SERVICE, "api.openai.test", "authorization", "Bearer %s",
	  "proxy-managed", NULL, "sk-openai-real-0002" },
	{ "github", CREDENTIAL_SERVICE, "api.github.test", "authorization", "Bearer %s",
	  "gho_sentinel0000", NULL, "gho_real_0003" },
	{ "github", CREDENTIAL_SERVICE, "github.test", "authorization", "basic:x-access-token",
	  "gho_sentinel0000", NULL, "gho_real_0003" },
	{ "google", CREDENTIAL_SERVICE, "google.test", "x-goog-api-key", "%s", "proxy-managed",
	  NULL, "AIza-real-0004" },
	{ "MY_KEY", CREDENTIAL_CUSTOM, "custom.test", NULL, NULL, "sk-placeholder-1", NULL,
	  "real/custom+0005" },
	{ "registry.test", CREDENTIAL_REGISTRY, "registry.test auth.test", NULL, NULL, NULL, "me",
	  "registry-real-0006" },
	{ "claude", CREDENTIAL_OAUTH, "claude.test", "authorization", "Bearer %s",
	  "sk-ant-oat01-proxy-managed", NULL, NULL },
	{ "dead", CREDENTIAL_SERVICE, "dead.test", "authorization", "Bearer %s", "dead-sentinel",
	  NULL, NULL },
};

struct exchange {
	struct credentials *set;
	struct http_request request;
	const char *name;
	struct err err;
};

static void begin(struct exchange *exchange, const char *path)
{
	*exchange = (struct exchange){ .set = sample_set(samples, countof(samples)) };
	exchange->request.path = strdup(path);
	exchange->request.scheme = strdup("https");
}

static void field(struct exchange *exchange, const char *name, const char *value)
{
	(void)http_fields_add(&exchange->request.fields, name, value, strlen(value));
}

static enum credential_result go(struct exchange *exchange, const char *host)
{
	return credentials_apply(exchange->set, host, 443, &exchange->request, &exchange->name,
				 &exchange->err);
}

static const char *only(struct exchange *exchange, const char *name)
{
	const struct http_field *found = http_fields_only(&exchange->request.fields, name);

	return found != NULL ? found->value : NULL;
}

static void end(struct exchange *exchange)
{
	http_request_finish(&exchange->request);
	credentials_destroy(exchange->set);
}

/* Whether the secret of a host goes out in a request by this scheme, to this port. */
static enum credential_result by(const char *host, const char *scheme, uint16_t port,
				 const char *header, const char *value)
{
	struct exchange exchange;
	enum credential_result result;

	begin(&exchange, "/");
	free(exchange.request.scheme);
	exchange.request.scheme = strdup(scheme);
	if (value != NULL)
		field(&exchange, header, value);
	result = credentials_apply(exchange.set, host, port, &exchange.request, &exchange.name,
				   &exchange.err);
	end(&exchange);
	return result;
}

TEST(a_service_header_is_set_whatever_the_client_sent)
{
	struct exchange e;

	begin(&e, "/v1/messages?x=1");
	CHECK_EQ(go(&e, "api.anthropic.test"), CREDENTIAL_INJECTED);
	CHECK_STR(e.name, "anthropic");
	CHECK_STR(only(&e, "x-api-key"), "sk-ant-real-0001");
	CHECK(http_fields_only(&e.request.fields, "x-api-key")->is_secret);
	CHECK_STR(e.request.path, "/v1/messages?x=1");
	end(&e);
}

/* P17: nothing of the client's own remains beside what we set. */
TEST(p17_all_other_credentials_are_stripped)
{
	static const char *const names[] = { "authorization", "proxy-authorization", "api-key",
					     "x-goog-api-key", "x-auth-token" };
	struct exchange e;

	begin(&e, "/v1?access_token=mine&q=2&API_KEY=mine&z=proxy-managed");
	for (size_t i = 0; i < countof(names); i++)
		field(&e, names[i], "Bearer attacker");
	field(&e, "authorization", "Bearer twice");
	field(&e, "x-api-key", "attacker");
	field(&e, "cookie", "session=proxy-managed");
	field(&e, "accept", "*/*");
	CHECK_EQ(go(&e, "api.anthropic.test"), CREDENTIAL_INJECTED);
	CHECK_EQ(e.request.fields.count, 2);
	CHECK_STR(only(&e, "accept"), "*/*");
	CHECK_STR(only(&e, "x-api-key"), "sk-ant-real-0001");
	CHECK_STR(e.request.path, "/v1?q=2");
	end(&e);
}

TEST(p17_a_session_of_the_client_s_own_goes_too)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "cookie", "session=attacker");
	field(&e, "cookie", "more=attacker");
	CHECK_EQ(go(&e, "api.openai.test"), CREDENTIAL_INJECTED);
	CHECK_EQ(e.request.fields.count, 1);
	CHECK_STR(only(&e, "authorization"), "Bearer sk-openai-real-0002");
	end(&e);
}

TEST(key_is_a_credential_at_google_only)
{
	struct exchange e;

	begin(&e, "/v1beta/models?key=attacker");
	CHECK_EQ(go(&e, "google.test"), CREDENTIAL_INJECTED);
	CHECK_STR(e.request.path, "/v1beta/models");
	end(&e);
	begin(&e, "/caches?key=npm");
	CHECK_EQ(go(&e, "api.github.test"), CREDENTIAL_INJECTED);
	CHECK_STR(e.request.path, "/caches?key=npm");
	end(&e);
}

TEST(git_gets_a_basic_login)
{
	struct exchange e;

	begin(&e, "/o/r.git/info/refs?service=git-upload-pack");
	field(&e, "authorization", "Basic eC1hY2Nlc3MtdG9rZW46Z2hvX3NlbnRpbmVsMDAwMA==");
	CHECK_EQ(go(&e, "github.test"), CREDENTIAL_INJECTED);
	/* x-access-token:gho_real_0003 */
	CHECK_STR(only(&e, "authorization"), "Basic eC1hY2Nlc3MtdG9rZW46Z2hvX3JlYWxfMDAwMw==");
	end(&e);
}

TEST(a_placeholder_is_replaced_in_headers)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "x-mine", "a sk-placeholder-1 b sk-placeholder-1");
	CHECK_EQ(go(&e, "custom.test"), CREDENTIAL_INJECTED);
	CHECK_STR(e.name, "MY_KEY");
	CHECK_STR(only(&e, "x-mine"), "a real/custom+0005 b real/custom+0005");
	CHECK(http_fields_only(&e.request.fields, "x-mine")->is_secret);
	end(&e);
}

TEST(a_placeholder_is_replaced_in_a_basic_login)
{
	struct exchange e;

	begin(&e, "/");
	/* user:sk-placeholder-1, and user:real/custom+0005 */
	field(&e, "authorization", "basic dXNlcjpzay1wbGFjZWhvbGRlci0x");
	CHECK_EQ(go(&e, "custom.test"), CREDENTIAL_INJECTED);
	CHECK_STR(only(&e, "authorization"), "Basic dXNlcjpyZWFsL2N1c3RvbSswMDA1");
	end(&e);
}

TEST(a_placeholder_is_replaced_in_the_path_percent_encoded)
{
	struct exchange e;

	begin(&e, "/botsk-placeholder-1/send?token=sk-placeholder-1&x=1");
	CHECK_EQ(go(&e, "custom.test"), CREDENTIAL_INJECTED);
	CHECK_STR(e.request.path, "/botreal%2Fcustom%2B0005/send?token=real%2Fcustom%2B0005&x=1");
	end(&e);
}

TEST(beside_a_placeholder_no_other_credential_stays)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "x-api-key", "attacker");
	field(&e, "authorization", "Bearer sk-placeholder-1");
	field(&e, "private-token", "attacker");
	CHECK_EQ(go(&e, "custom.test"), CREDENTIAL_INJECTED);
	CHECK_EQ(e.request.fields.count, 1);
	CHECK_STR(only(&e, "authorization"), "Bearer real/custom+0005");
	end(&e);
}

TEST(without_a_placeholder_a_request_is_left_alone)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "authorization", "Bearer mine");
	CHECK_EQ(go(&e, "custom.test"), CREDENTIAL_NONE);
	CHECK_STR(only(&e, "authorization"), "Bearer mine");
	CHECK(e.name == NULL);
	end(&e);
}

/* P19, P14: a sentinel on its way to another host goes nowhere, in whatever place. */
TEST(p19_a_sentinel_for_a_foreign_host_is_refused)
{
	static const struct {
		const char *path, *name, *value;
	} cases[] = {
		{ "/", "authorization", "Bearer proxy-managed" },
		{ "/", "authorization", "Basic eC1hY2Nlc3MtdG9rZW46Z2hvX3NlbnRpbmVsMDAwMA==" },
		{ "/", "x-whatever", "sk-placeholder-1" },
		{ "/?t=sk-placeholder-1", "a", "b" },
		{ "/?t=sk%2dplaceholder%2D1", "a", "b" },
		{ "/gho_sentinel0000", "a", "b" },
		{ "/", "cookie", "x=gho_sentinel0000" },
		{ "/", "authorization", "Bearer gho_real_0003" }, /* and real values too */
		{ "/", "authorization", "Basic eDpnaG9fcmVhbF8wMDAz" },
		{ "/real%2fcustom%2b0005", "a", "b" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct exchange e;

		begin(&e, cases[i].path);
		field(&e, cases[i].name, cases[i].value);
		CHECK_EQ(go(&e, "evil.test"), CREDENTIAL_REFUSED);
		CHECK(e.name != NULL);
		CHECK(strstr(e.err.text, "real") == NULL &&
		      strstr(e.err.text, "evil.test") != NULL);
		end(&e);
	}
}

TEST(a_sentinel_of_another_service_is_refused_at_a_bound_host)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "authorization", "Bearer gho_sentinel0000");
	CHECK_EQ(go(&e, "api.openai.test"), CREDENTIAL_REFUSED);
	CHECK_STR(e.name, "github");
	end(&e);
}

TEST(one_value_of_two_credentials_is_at_home_at_both)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "authorization", "Bearer gho_real_0003");
	CHECK_EQ(go(&e, "github.test"), CREDENTIAL_INJECTED);
	end(&e);
}

TEST(a_registry_login_spares_the_registry_s_own_token)
{
	struct exchange e;

	begin(&e, "/token?service=x");
	CHECK_EQ(go(&e, "auth.test"), CREDENTIAL_INJECTED);
	/* me:registry-real-0006 */
	CHECK_STR(only(&e, "authorization"), "Basic bWU6cmVnaXN0cnktcmVhbC0wMDA2");
	end(&e);
	begin(&e, "/v2/x/manifests/y");
	field(&e, "authorization", "Bearer token-of-the-registry");
	CHECK_EQ(go(&e, "registry.test"), CREDENTIAL_NONE);
	CHECK_STR(only(&e, "authorization"), "Bearer token-of-the-registry");
	end(&e);
}

TEST(without_a_login_an_oauth_service_does_nothing)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "authorization", "Bearer mine");
	CHECK_EQ(go(&e, "claude.test"), CREDENTIAL_NONE);
	CHECK_STR(only(&e, "authorization"), "Bearer mine");
	end(&e);
}

TEST(a_secret_without_a_value_stops_the_request)
{
	struct exchange e;

	begin(&e, "/");
	CHECK_EQ(go(&e, "dead.test"), CREDENTIAL_REFUSED);
	CHECK_EQ(e.err.code, -ENOKEY);
	end(&e);
}

TEST(an_unbound_host_is_left_alone)
{
	struct exchange e;

	begin(&e, "/");
	field(&e, "authorization", "Bearer mine");
	CHECK_EQ(go(&e, "other.test"), CREDENTIAL_NONE);
	CHECK_STR(only(&e, "authorization"), "Bearer mine");
	end(&e);
}

TEST(without_TLS_only_custom_secrets_go_out)
{
	const char *host = "api.openai.test", *word = "Bearer proxy-managed";

	CHECK_EQ(by(host, "https", 443, "authorization", word), CREDENTIAL_INJECTED);
	CHECK_EQ(by(host, "https", 8443, "authorization", word), CREDENTIAL_INJECTED);
	CHECK_EQ(by(host, "http", 80, "authorization", NULL), CREDENTIAL_NONE);
	CHECK_EQ(by(host, "http", 443, "authorization", NULL), CREDENTIAL_NONE);
	CHECK_EQ(by(host, "http", 80, "authorization", word), CREDENTIAL_REFUSED);
	CHECK_EQ(by("registry.test", "http", 5000, "x", NULL), CREDENTIAL_NONE);
	CHECK_EQ(by("custom.test", "http", 80, "x-key", "sk-placeholder-1"), CREDENTIAL_INJECTED);
	CHECK_EQ(by("custom.test", "http", 443, "x-key", "sk-placeholder-1"), CREDENTIAL_REFUSED);
}

TEST_MAIN()
