#include <errno.h>

#include "base/check.h"
#include "base/err.h"
#include "credential/service.h"
#include "tests/unit/test.h"

static int parse(const char *text, struct service *service, struct err *err)
{
	return service_parse(text, strlen(text), service, err);
}

TEST(a_service_with_all_it_can_have)
{
	struct service service;
	struct err err = ERR_INIT;

	CHECK_EQ(parse("# comment\n\nservice a-1\n env A_KEY B2 \nsentinel s-1\n"
		       "inject x-api-key raw a.test *.b.test\n"
		       "inject authorization basic:me c.test:8443\n"
		       "oauth-token-url https://t.test/x\noauth-sentinels sa sr\n"
		       "oauth-client c-1 form\n"
		       "oauth-login https://t.test/y http://localhost:80/z scope=a+b c=%20\n"
		       "oauth-hosts d.test\noauth-file .a/b.json\noauth-text {\"a\":  \"%access%\" "
		       "}",
		       &service, &err),
		 0);
	CHECK_STR(service.name, "a-1");
	CHECK_STR(service.env[1], "B2");
	CHECK(service.env[2] == NULL);
	CHECK_STR(service.sentinel, "s-1");
	CHECK_EQ(service.injects_count, 2);
	CHECK_STR(service.injects[0].format, "%s");
	CHECK_STR(service.injects[0].hosts[1], "*.b.test");
	CHECK_STR(service.injects[1].format, "basic:me");
	CHECK_STR(service.refresh_sentinel, "sr");
	CHECK_STR(service.oauth_hosts[0], "d.test");
	CHECK_STR(service.oauth_client, "c-1");
	CHECK(service.oauth_is_form);
	CHECK_STR(service.login_redirect, "http://localhost:80/z");
	CHECK_STR(service.login_query[1], "c=%20");
	CHECK_STR(service.oauth_text, "{\"a\":  \"%access%\" }");
	service_finish(&service);
}

TEST(what_is_not_understood_is_refused)
{
	static const char *const bad[] = {
		"",
		"env A\nservice a\ninject h raw a.test",
		"service a\nservice b\ninject h raw a.test",
		"service A\ninject h raw a.test",
		"service a b\ninject h raw a.test",
		"service a",
		"service a\ninject h raw",
		"service a\ninject h cooked a.test",
		"service a\ninject h basic: a.test",
		"service a\ninject H raw a.test",
		"service a\ninject h: raw a.test",
		"service a\ninject h raw https://a.test",
		"service a\ninject h raw a.test\nenv a",
		"service a\ninject h raw a.test\nenv 1A",
		"service a\ninject h raw a.test\nsentinel a\nsentinel b",
		"service a\ninject h raw a.test\nhello",
		"service a\ninject h raw a.test\noauth-token-url http://t.test/",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/",
		"service a\ninject h raw a.test\noauth-file x",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-file ../x\noauth-text y",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-file /x\noauth-text y",
		"service a\r\ninject h raw a.test",
		"service a\ninject h raw a.test\noauth-client c form",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-client c yaml",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\n"
		"oauth-login https://t.test/ http://localhost:80/z",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-client c json\n"
		"oauth-login https://t.test/ http://example.com:80/z",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-client c json\n"
		"oauth-login https://t.test/ http://localhost:80@evil.test/z",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-client c json\n"
		"oauth-login http://t.test/ http://localhost:80/z",
		"service a\ninject h raw a.test\noauth-token-url https://t.test/\n"
		"oauth-sentinels a b\noauth-hosts t.test\noauth-client c json\n"
		"oauth-login https://t.test/ http://localhost:80/z a=&b",
	};

	for (size_t i = 0; i < countof(bad); i++) {
		struct service service = { .name = NULL };
		struct err err = ERR_INIT;

		if (parse(bad[i], &service, &err) != -EINVAL || err.text[0] == '\0')
			TEST_FAIL_("case %zu was taken", i);
	}
}

/* The files that are installed. */
TEST(all_that_come_with_sbx)
{
	static const char *const names[] = { "anthropic", "copilot", "cursor", "devin",
					     "droid",	  "github",  "google", "groq",
					     "mistral",	  "nebius",  "openai", "openrouter",
					     "xai" };
	const char *folder = getenv("SERVICES");
	struct services services;
	struct err err = ERR_INIT;

	CHECK(folder != NULL);
	if (services_load(folder, &services, &err) < 0)
		TEST_FAIL_("%s", err.text);
	CHECK_EQ(services.count, countof(names));
	for (size_t i = 0; i < countof(names); i++) {
		const struct service *service = services_find(&services, names[i]);

		CHECK(service != NULL && service->env != NULL && strlen(service->sentinel) >= 8);
	}
	CHECK(services_find(&services, "nobody") == NULL);
	services_finish(&services);
}

TEST(a_folder_that_is_not_there)
{
	struct services services;
	struct err err = ERR_INIT;

	CHECK_EQ(services_load("/nonexistent", &services, &err), -ENOENT);
}

TEST_MAIN()
