#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "credential/credential.h"
#include "sbxd/secret_store.h"
#include "sbxd/secret_view.h"
#include "sbxd/string_list.h"
#include "tests/unit/test.h"
#include "vault/vault.h"
#include "wire/proxy.h"

static char *folder;
static unsigned told;

static unsigned changed(void *context, const char *sandbox)
{
	(void)context;
	(void)sandbox;
	return ++told;
}

static struct secret_store *begin(void)
{
	const struct secret_hooks hooks = { .changed = changed };
	struct secret_store *store = NULL;
	struct err err = ERR_INIT;
	const char *tmp = getenv("TMPDIR");

	if (asprintf(&folder, "%s/sbx-secrets-XXXXXX", tmp != NULL ? tmp : "/tmp") < 0 ||
	    mkdtemp(folder) == NULL)
		return NULL;
	(void)unsetenv("DBUS_SESSION_BUS_ADDRESS");
	if (secret_store_create(folder, getenv("SERVICES"), &store, &err) < 0)
		printf("# %s\n", err.text);
	else
		secret_store_set_hooks(store, &hooks);
	return store;
}

static void end(struct secret_store *store)
{
	secret_store_destroy(store);
	(void)file_remove_tree(AT_FDCWD, folder);
	free(folder);
}

static int set(struct secret_store *store, const struct secret_wish *wish)
{
	struct err err = ERR_INIT;
	json_t *answer = NULL;
	int r = secret_store_set(store, wish, &answer, &err);

	if (r < 0 && err.text[0] == '\0')
		r = 1;
	json_decref(answer);
	return r;
}

static int set_key(struct secret_store *store, const char *service, const char *scope,
		   const char *value)
{
	return set(store, &(struct secret_wish){ .kind = VAULT_SERVICE,
						 .name = service,
						 .scope = scope,
						 .value = value,
						 .refresh_s = -1 });
}

static int set_custom(struct secret_store *store, const char *env, const char *host,
		      const char *scope, const char *value)
{
	json_t *targets = json_pack("[s]", host);
	int r = set(store, &(struct secret_wish){ .kind = VAULT_CUSTOM,
						  .name = env,
						  .scope = scope,
						  .value = value,
						  .targets = targets,
						  .refresh_s = -1 });

	json_decref(targets);
	return r;
}

/* The credential of that name, kind and header a sandbox's proxy is told; finish it. */
static bool find(struct secret_store *store, const char *sandbox, uint32_t kind, const char *name,
		 const char *format, struct proxy_message *ret)
{
	struct buf frames;
	size_t off = 0;
	bool found = false;
	struct frame frame;
	ssize_t n;

	buf_init(&frames, 8 << 20);
	if (secret_store_append(store, sandbox, &frames) < 0)
		return false;
	while (!found && (n = frame_parse(frames.data + off, frames.len - off, &frame)) > 0) {
		off += (size_t)n;
		if (proxy_message_decode(&frame, ret) < 0)
			break;
		found = ret->type == PROXY_CREDENTIAL && ret->kind == kind &&
			strcmp(ret->name, name) == 0 &&
			(format == NULL || strcmp(ret->format, format) == 0);
		if (!found)
			proxy_message_finish(ret);
	}
	buf_finish(&frames);
	return found;
}

static bool is_in(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

TEST(a_key_reaches_the_proxy_and_its_sentinel_the_guest)
{
	struct secret_store *store = begin();
	struct string_list env = { .count = 0 }, targets = { .count = 0 };
	struct proxy_message found;

	CHECK_EQ(set_key(store, "github", NULL, "gho_real_value"), 0);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "github", "Bearer %s", &found));
	CHECK_STR(found.value, "gho_real_value");
	CHECK_STR(found.targets[0], "api.github.com");
	proxy_message_finish(&found);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "github", "basic:x-access-token", &found));
	CHECK_STR(found.targets[0], "github.com");
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_environment(store, "web", &env), 0);
	CHECK(is_in(&env, "GH_TOKEN=gho_sbxproxymanaged000000000000000000000"));
	CHECK(is_in(&env, "SBX_CRED_GITHUB_MODE=apikey"));
	CHECK(is_in(&env, "SBX_CRED_ANTHROPIC_MODE=none"));
	CHECK(!is_in(&env, "ANTHROPIC_API_KEY=proxy-managed"));
	CHECK_EQ(secret_store_targets(store, "web", &targets), 0);
	CHECK(is_in(&targets, "github.com") && is_in(&targets, "api.github.com"));
	CHECK(is_in(&targets, "platform.claude.com")); /* a token endpoint is watched */
	CHECK(!is_in(&targets, "api.anthropic.com"));
	string_list_finish(&env);
	string_list_finish(&targets);
	end(store);
}

TEST(the_sandbox_s_own_wins_and_goes_with_it)
{
	struct secret_store *store = begin();
	struct proxy_message found;

	CHECK_EQ(set_key(store, "openai", NULL, "sk-global"), 0);
	CHECK_EQ(set_key(store, "openai", "web", "sk-own"), 0);
	CHECK_EQ(set_key(store, "openai", "web", "sk-again"), -EEXIST);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "openai", NULL, &found));
	CHECK_STR(found.value, "sk-own");
	proxy_message_finish(&found);
	CHECK(find(store, "other", CREDENTIAL_SERVICE, "openai", NULL, &found));
	CHECK_STR(found.value, "sk-global");
	proxy_message_finish(&found);
	secret_store_forget_sandbox(store, "web");
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "openai", NULL, &found));
	CHECK_STR(found.value, "sk-global");
	proxy_message_finish(&found);
	end(store);
}

TEST(a_reset_leaves_no_secret)
{
	struct secret_store *store = begin();
	struct err err = ERR_INIT;
	struct proxy_message found;

	CHECK_EQ(secret_store_reset(store, &err), 0); /* there is none yet */
	CHECK_EQ(set_key(store, "openai", NULL, "sk-global"), 0);
	CHECK_EQ(secret_store_rekey(store, "a passphrase", &err), 0);
	CHECK_EQ(secret_store_reset(store, &err), 0);
	CHECK(!find(store, "web", CREDENTIAL_SERVICE, "openai", NULL, &found));
	CHECK_EQ(secret_store_check(store, &err), -ENOENT);
	CHECK_EQ(set_key(store, "openai", NULL, "sk-other"), 0);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "openai", NULL, &found));
	CHECK_STR(found.value, "sk-other");
	proxy_message_finish(&found);
	end(store);
}

TEST(a_kit_brings_a_service_of_its_own)
{
	struct secret_store *store = begin();
	struct string_list env = { .count = 0 };
	struct err err = ERR_INIT;
	struct proxy_message found;
	json_t *declared = json_loads(
		"[{\"service\":\"acme\",\"api_key\":{\"env\":\"ACME_KEY\",\"inject\":[{\"domain\":"
		"\"API.acme.example\",\"header\":\"X-Acme\",\"format\":\"key %s\"}]}},"
		"{\"service\":\"openai\",\"api_key\":{\"env\":\"OTHER_KEY\",\"inject\":[{"
		"\"domain\":"
		"\"evil.example\"}]}}]",
		0, NULL);

	CHECK_EQ(set_key(store, "acme", NULL, "early"), -EINVAL);
	CHECK_EQ(secret_store_set_kit(store, "web", declared, &err), 0);
	CHECK_EQ(set_key(store, "acme", NULL, "acme_real_value"), 0);
	CHECK_EQ(set_key(store, "openai", NULL, "openai_real_value"), 0);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "acme", "key %s", &found));
	CHECK_STR(found.value, "acme_real_value");
	CHECK_STR(found.header, "x-acme");
	CHECK_STR(found.targets[0], "api.acme.example");
	proxy_message_finish(&found);
	CHECK(!find(store, "other", CREDENTIAL_SERVICE, "acme", NULL, &found));
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "openai", NULL, &found));
	CHECK_STR(found.targets[0], "api.openai.com"); /* not what the kit says of it */
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_environment(store, "web", &env), 0);
	CHECK(is_in(&env, "ACME_KEY=proxy-managed") && is_in(&env, "OTHER_KEY=proxy-managed"));
	CHECK(is_in(&env, "SBX_CRED_ACME_MODE=apikey"));
	secret_store_forget_sandbox(store, "web");
	CHECK(!find(store, "web", CREDENTIAL_SERVICE, "acme", NULL, &found));
	string_list_finish(&env);
	json_decref(declared);
	end(store);
}

TEST(a_kit_s_credential_that_cannot_be_is_refused)
{
	static const char *const injects[] = {
		"{\"domain\":\"a.example\",\"header\":\"x y\"}",
		"{\"domain\":\"a.example\",\"scheme\":\"basic\",\"username\":\"u "
		"a.example\\ninject "
		"authorization bearer evil.example\\n#\"}",
		"{\"domain\":\"a.example\",\"format\":\"no place\"}",
		"{\"domain\":\"a.example\",\"format\":\"%s and %s\"}",
		"{\"domain\":\"a.example\",\"format\":\"%n%s\"}",
		"{\"domain\":\"a.example\",\"format\":\"%s\\r\\nhost: b\"}",
	};
	struct secret_store *store = begin();

	for (size_t i = 0; i < countof(injects); i++) {
		struct err err = ERR_INIT;
		json_t *declared = json_pack("[{ss s{so}}]", "service", "acme", "api_key", "inject",
					     json_pack("[o]", json_loads(injects[i], 0, NULL)));

		CHECK_EQ(secret_store_set_kit(store, "web", declared, &err), -EINVAL);
		CHECK(err.text[0] != '\0');
		json_decref(declared);
	}
	end(store);
}

TEST(a_custom_secret_has_a_placeholder_that_stays)
{
	struct secret_store *store = begin();
	struct string_list env = { .count = 0 }, again = { .count = 0 };

	CHECK_EQ(set_custom(store, "MY_KEY", "*.a.test", NULL, "real-value"), 0);
	CHECK_EQ(secret_store_custom_environment(store, "web", &env), 0);
	CHECK_EQ(env.count, 1);
	CHECK(strncmp(env.items[0], "MY_KEY=sk-", 10) == 0 && strlen(env.items[0]) == 34);
	json_t *targets = json_pack("[s]", "b.test");
	CHECK_EQ(set(store, &(struct secret_wish){ .kind = VAULT_CUSTOM,
						   .name = "MY_KEY",
						   .value = "another-value",
						   .targets = targets,
						   .force = true,
						   .refresh_s = -1 }),
		 0);
	json_decref(targets);
	CHECK_EQ(secret_store_custom_environment(store, "web", &again), 0);
	CHECK_STR(again.items[0], env.items[0]);
	string_list_finish(&env);
	string_list_finish(&again);
	end(store);
}

TEST(wishes_that_cannot_be)
{
	static const char *const hosts[] = { "https://a.test", "a.test/x", "", "a b" };
	struct secret_store *store = begin();

	CHECK_EQ(set_key(store, "nobody", NULL, "value"), -EINVAL);
	CHECK_EQ(set_key(store, "openai", NULL, ""), -EINVAL);
	CHECK_EQ(set_key(store, "openai", NULL, "a\r\nx: y"), -EINVAL);
	CHECK_EQ(set_key(store, "openai", "no/name", "value"), -EINVAL);
	CHECK_EQ(set_custom(store, "1A", "a.test", NULL, "value"), -EINVAL);
	CHECK_EQ(set_custom(store, "A=B", "a.test", NULL, "value"), -EINVAL);
	for (size_t i = 0; i < countof(hosts); i++)
		CHECK_EQ(set_custom(store, "A", hosts[i], NULL, "value"), -EINVAL);
	CHECK_EQ(set(store, &(struct secret_wish){ .kind = VAULT_SERVICE,
						   .name = "openai",
						   .value = "a",
						   .command = "b" }),
		 -EINVAL);
	CHECK_EQ(set(store, &(struct secret_wish){ .kind = VAULT_SERVICE, .name = "openai" }),
		 -EINVAL);
	CHECK_EQ(set(store, &(struct secret_wish){ .kind = VAULT_REGISTRY,
						   .name = "r.test",
						   .value = "a",
						   .username = "a:b" }),
		 -EINVAL);
	CHECK_EQ(set(store,
		     &(struct secret_wish){ .kind = VAULT_OAUTH, .name = "openai", .value = "a" }),
		 -EINVAL);
	end(store);
}

TEST(a_registry_is_the_host_s_own_unless_said)
{
	struct secret_wish wish = { .kind = VAULT_REGISTRY,
				    .name = "docker.io",
				    .username = "me",
				    .value = "password",
				    .refresh_s = -1 };
	struct secret_store *store = begin();
	struct proxy_message found;

	CHECK_EQ(set(store, &wish), 0);
	CHECK(!find(store, "web", CREDENTIAL_REGISTRY, "docker.io", NULL, &found));
	wish.all_sandboxes = wish.force = true;
	CHECK_EQ(set(store, &wish), 0);
	CHECK(find(store, "web", CREDENTIAL_REGISTRY, "docker.io", NULL, &found));
	CHECK_STR(found.username, "me");
	CHECK_STR(found.targets[2], "auth.docker.io");
	proxy_message_finish(&found);
	end(store);
}

TEST(a_source_is_asked_when_it_is_needed)
{
	struct secret_wish wish = {
		.kind = VAULT_SERVICE, .name = "xai", .command = "cat value", .refresh_s = -1
	};
	autofree char *command = NULL, *path = NULL;
	struct secret_store *store = begin();
	struct proxy_message found;
	struct err err = ERR_INIT;

	CHECK(asprintf(&path, "%s/value", folder) > 0);
	CHECK(asprintf(&command, "cat %s", path) > 0);
	wish.command = command;
	CHECK_EQ(set(store, &wish), -EINVAL); /* tried at once: there is no such file */
	wish.no_verify = true;
	CHECK_EQ(set(store, &wish), 0);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "xai", NULL, &found));
	CHECK(found.value == NULL); /* the proxy refuses what needs it */
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_prepare(store, "web", &err), -EINVAL);
	CHECK_EQ(file_write(AT_FDCWD, path, "xai-real\n", 9, 0600), 0);
	CHECK_EQ(secret_store_prepare(store, "web", &err), 0);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "xai", NULL, &found));
	CHECK_STR(found.value, "xai-real");
	proxy_message_finish(&found);
	end(store);
}

/* Waits for the worker to have told of a change. */
static bool await_told(unsigned before)
{
	uint64_t deadline_ms = clock_now_ms() + 20000;

	while (__atomic_load_n(&told, __ATOMIC_SEQ_CST) == before && clock_left_ms(deadline_ms) > 0)
		(void)usleep(10000);
	return told != before;
}

/* What the proxy tells of a login. */
static struct proxy_message login_to(const char *service)
{
	return (struct proxy_message){ .type = PROXY_TOKENS,
				       .name = (char *)(uintptr_t)service,
				       .access = (char *)"real-access",
				       .refresh = (char *)"real-refresh",
				       .expires = 4102444800 };
}

TEST(a_login_seen_by_the_proxy_is_kept)
{
	const struct proxy_message tokens = login_to("anthropic");
	struct secret_store *store = begin();
	struct secret_file files[SECRET_FILES_MAX];
	struct proxy_message found;
	unsigned before = told;

	CHECK(find(store, "web", CREDENTIAL_OAUTH, "anthropic", NULL, &found));
	CHECK(found.value == NULL && found.refresh == NULL);
	CHECK_STR(found.token_url, "https://platform.claude.com/v1/oauth/token");
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_files(store, "web", files), 0);
	secret_store_event(store, "web", &tokens);
	CHECK(await_told(before));
	CHECK(find(store, "web", CREDENTIAL_OAUTH, "anthropic", NULL, &found));
	CHECK_STR(found.value, "real-access");
	CHECK_STR(found.refresh, "real-refresh");
	CHECK_STR(found.targets[0], "api.anthropic.com");
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_files(store, "web", files), 1);
	CHECK_STR(files[0].path, ".claude/.credentials.json");
	CHECK(strstr(files[0].text, "sk-ant-oat01-proxy-managed") != NULL);
	/* renewed on the host, so the guest need not */
	CHECK(strtoull(strstr(files[0].text, "expiresAt") + strlen("expiresAt\":"), NULL, 10) /
		      1000 >
	      (uint64_t)time(NULL) + 300 * 24 * 3600);
	CHECK(strstr(files[0].text, "real") == NULL);
	secret_file_finish(&files[0]);
	/* a key beats it */
	CHECK_EQ(set_key(store, "anthropic", NULL, "sk-ant-key"), 0);
	CHECK(find(store, "web", CREDENTIAL_OAUTH, "anthropic", NULL, &found));
	CHECK(found.value == NULL);
	proxy_message_finish(&found);
	end(store);
}

#define LOGIN(more)                                                                           \
	"[{\"service\":\"acme\",\"oauth\":{\"token_endpoint\":{\"host\":\"id.acme.example\"," \
	"\"path\":\"/token\"}" more "}}]"
#define SENTINELS                                                                      \
	",\"sentinels\":{\"access_token\":\"acme-access-sentinel\",\"refresh_token\":" \
	"\"acme-refresh-sentinel\"}"
#define LOGIN_FILE ",\"credential_file\":{\"path\":\"~/.acme/login.json\",\"structure\":"

static int declare(struct secret_store *store, const char *sandbox, const char *text,
		   struct err *err)
{
	json_t *declared = json_loads(text, 0, NULL);
	int r = declared == NULL ? -EBADMSG : secret_store_set_kit(store, sandbox, declared, err);

	json_decref(declared);
	return r;
}

TEST(a_login_that_a_kit_tells_of)
{
	const struct proxy_message tokens = login_to("acme");
	struct secret_store *store = begin();
	struct secret_file files[SECRET_FILES_MAX];
	struct proxy_message found;
	struct err err = ERR_INIT;
	unsigned before = told;

	CHECK_EQ(declare(store, "web",
			 LOGIN(SENTINELS ",\"response_fields\":{\"access_token\":\"accessToken\"},"
					 "\"resource_hosts\":[\"api.acme.example\"]" LOGIN_FILE
					 "{\"a\":\"{{.AccessToken}}\",\"e\":\"{{.ExpiresAt}}\","
					 "\"r\":\"{{.RefreshToken}}\",\"s\":\"{{.Scopes}}\"}}"),
			 &err),
		 0);
	CHECK(find(store, "web", CREDENTIAL_OAUTH, "acme", NULL, &found));
	CHECK(found.value == NULL);
	CHECK_STR(found.token_url, "https://id.acme.example/token");
	proxy_message_finish(&found);
	CHECK(!find(store, "other", CREDENTIAL_OAUTH, "acme", NULL, &found));
	/* a sandbox whose kit knows no such service logs nobody in to it */
	secret_store_event(store, "other", &tokens);
	CHECK_EQ(told, before);
	secret_store_event(store, "web", &tokens);
	CHECK(await_told(before));
	CHECK(find(store, "web", CREDENTIAL_OAUTH, "acme", NULL, &found));
	CHECK_STR(found.value, "real-access");
	CHECK_STR(found.targets[0], "api.acme.example");
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_files(store, "other", files), 0);
	CHECK_EQ(secret_store_files(store, "web", files), 1);
	CHECK_STR(files[0].path, ".acme/login.json");
	CHECK_STR(files[0].text,
		  "{\"a\":\"acme-access-sentinel\",\"e\":4102444800000,\"r\":"
		  "\"acme-refresh-sentinel\",\"s\":[]}");
	secret_file_finish(&files[0]);
	end(store);
}

TEST(a_login_of_a_kit_that_cannot_be_is_refused)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ LOGIN(""), "needs both sentinels" },
		{ LOGIN(",\"sentinels\":{\"access_token\":\"short\",\"refresh_token\":\"enough-of-"
			"it\"}"),
		  "at least 8 characters" },
		{ LOGIN(SENTINELS ",\"response_fields\":{\"access_token\":\"token\"}"),
		  "responseFields.access_token" },
		{ LOGIN(SENTINELS ",\"credential_file\":{\"path\":\"/etc/x\",\"template\":\"x\"}"),
		  "below the home" },
		{ LOGIN(SENTINELS ",\"credential_file\":{\"path\":\"~/../x\",\"template\":\"x\"}"),
		  "oauth-file" },
		{ LOGIN(SENTINELS ",\"credential_file\":{\"path\":\"~/x\"}"), "needs a structure" },
		{ LOGIN(SENTINELS LOGIN_FILE "{\"a\":\"{{.Secret}}\"}}"),
		  "placeholder other than" },
		{ LOGIN(SENTINELS ",\"resource_hosts\":[\"a b\\noauth-client x json\"]"), "" },
	};
	struct secret_store *store = begin();
	struct proxy_message found;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < countof(rows); i++) {
		err = (struct err)ERR_INIT;
		CHECK_EQ(declare(store, "web", rows[i].text, &err), -EINVAL);
		if (strstr(err.text, rows[i].says) == NULL)
			CHECK_STR(err.text, rows[i].says);
	}
	/* who wants the real tokens inside gets them: nobody is in between */
	CHECK_EQ(declare(store, "web", LOGIN(",\"passthrough\":true"), &err), 0);
	CHECK(!find(store, "web", CREDENTIAL_OAUTH, "acme", NULL, &found));
	end(store);
}

TEST(what_is_listed_holds_no_value)
{
	struct secret_store *store = begin();
	json_t *list;
	char *text;

	CHECK_EQ(set_key(store, "github", NULL, "gho_1234567890abcdefghijklmnop"), 0);
	CHECK_EQ(set_custom(store, "MY_KEY", "a.test", "web", "short"), 0);
	list = secret_store_list(store);
	text = json_dumps(list, JSON_COMPACT);
	CHECK(strstr(text, "gho_12***************mnop") != NULL);
	CHECK(strstr(text, "\"secret\":\"*****\"") != NULL);
	CHECK(strstr(text, "34567890") == NULL && strstr(text, "short") == NULL);
	CHECK(strstr(text, "\"protection\":\"file\"") != NULL);
	free(text);
	json_decref(list);
	end(store);
}

TEST(removal_is_by_what_is_selected)
{
	struct secret_selector selector = { .kind = VAULT_SERVICE, .name = "github" };
	struct secret_store *store = begin();
	struct err err = ERR_INIT;
	json_t *answer = NULL;

	CHECK_EQ(secret_store_remove(store, &selector, &answer, &err), -ENOENT);
	CHECK_STR(err.text, "no secret found for service \"github\" in scope \"global\"");
	CHECK_EQ(set_key(store, "github", NULL, "value-1"), 0);
	CHECK_EQ(set_key(store, "github", "web", "value-2"), 0);
	CHECK_EQ(secret_store_remove(store, &selector, &answer, &err), 0);
	CHECK_EQ(json_array_size(json_object_get(answer, "removed")), 1);
	json_decref(answer);
	selector.any_scope = true;
	CHECK_EQ(secret_store_remove(store, &selector, &answer, &err), 0);
	CHECK_EQ(json_array_size(json_object_get(answer, "removed")), 1);
	json_decref(answer);
	end(store);
}

TEST(a_vault_with_a_passphrase_is_unlocked_once)
{
	struct secret_store *store = begin(), *later = NULL;
	struct proxy_message found;
	struct err err = ERR_INIT;

	CHECK_EQ(set_key(store, "github", NULL, "value-1"), 0);
	CHECK_EQ(secret_store_rekey(store, "pass", &err), 0);
	CHECK(find(store, "web", CREDENTIAL_SERVICE, "github", NULL, &found));
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_create(folder, getenv("SERVICES"), &later, &err), 0);
	CHECK(!find(later, "web", CREDENTIAL_SERVICE, "github", NULL, &found));
	CHECK_EQ(set_key(later, "xai", NULL, "value-2"), -ENOKEY);
	CHECK_EQ(secret_store_unlock(later, "wrong", &err), -EKEYREJECTED);
	CHECK_EQ(secret_store_unlock(later, "pass", &err), 0);
	CHECK(find(later, "web", CREDENTIAL_SERVICE, "github", NULL, &found));
	proxy_message_finish(&found);
	secret_store_destroy(later);
	end(store);
}

TEST(masks)
{
	static const struct {
		const char *value;
		bool is_password;
		const char *masked;
	} cases[] = {
		{ "", false, "" },
		{ "123456", false, "******" },
		{ "1234567", false, "123456*" },
		{ "1234567890123456789", false, "123456*************" },
		{ "12345678901234567890", false, "123456**********7890" },
		{ "1234567890123456789012345678901234", false, "123456***************1234" },
		{ "password", true, "********" },
		{ "password123", true, "********" },
		{ "password1234", true, "passwo******" },
	};
	char masked[SECRET_MASKED_MAX + 1];

	for (size_t i = 0; i < countof(cases); i++) {
		secret_mask(cases[i].value, strlen(cases[i].value), cases[i].is_password, masked);
		CHECK_STR(masked, cases[i].masked);
	}
}

TEST(names_in_effect_are_told_once)
{
	struct secret_store *store = begin();
	struct err err = ERR_INIT;
	json_t *names;

	CHECK_EQ(secret_store_check(store, &err), -ENOENT);
	CHECK_EQ(set_key(store, "openai", NULL, "sk-global"), 0);
	CHECK_EQ(set_key(store, "openai", "web", "sk-own"), 0);
	CHECK_EQ(set_key(store, "github", "other", "gho_real_value"), 0);
	CHECK_EQ(secret_store_check(store, &err), 0);
	names = secret_store_names(store, "web");
	CHECK_EQ(json_array_size(names), 1);
	CHECK_STR(json_string_value(json_array_get(names, 0)), "openai");
	json_decref(names);
	end(store);
}

TEST(a_vault_that_does_not_open_is_told)
{
	struct secret_store *store = begin(), *later = NULL;
	struct err err = ERR_INIT;
	json_t *names;

	CHECK_EQ(set_key(store, "openai", NULL, "sk-global"), 0);
	CHECK_EQ(secret_store_rekey(store, "a passphrase", &err), 0);
	CHECK_EQ(secret_store_create(folder, getenv("SERVICES"), &later, &err), 0);
	CHECK_EQ(secret_store_check(later, &err), -ENOKEY);
	names = secret_store_names(later, "web");
	CHECK_EQ(json_array_size(names), 0);
	json_decref(names);
	secret_store_destroy(later);
	end(store);
}

TEST_MAIN()
