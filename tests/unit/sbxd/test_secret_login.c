/* Logins that sbxd makes itself; curl is a script here, which notes what it was given. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "credential/credential.h"
#include "sbxd/secret_store.h"
#include "tests/unit/test.h"
#include "vault/vault.h"
#include "wire/proxy.h"

static char folder[256];

/* Answers with the content of the file `answer`, and leaves what it read in `asked`. */
static const char script[] = "#!/bin/sh\ncat >>%s/asked\ncat %s/answer\n";

static void write_text(const char *name, const char *text, mode_t mode)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("# cannot write %s\n", path);
	(void)close(fd);
}

static struct secret_store *begin(void)
{
	const char *tmp = getenv("TMPDIR");
	struct secret_store *store = NULL;
	struct err err = ERR_INIT;
	char text[1200];

	(void)snprintf(folder, sizeof(folder), "%s/sbx-login-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL)
		return NULL;
	(void)unsetenv("DBUS_SESSION_BUS_ADDRESS");
	(void)snprintf(text, sizeof(text), script, folder, folder);
	write_text("curl", text, 0755);
	write_text("asked", "", 0600);
	(void)snprintf(text, sizeof(text), "%s:/usr/bin:/bin", folder);
	(void)setenv("PATH", text, 1);
	(void)setenv("SBX_UPSTREAM_PROXY", "http://u:p@proxy.test:3128", 1);
	if (secret_store_create(folder, getenv("SERVICES"), &store, &err) < 0)
		printf("# %s\n", err.text);
	return store;
}

static void end(struct secret_store *store)
{
	secret_store_destroy(store);
	(void)file_remove_tree(AT_FDCWD, folder);
}

/* What curl was given so far; to be freed. */
static char *asked(void)
{
	char path[512], *text;
	struct buf content;

	(void)snprintf(path, sizeof(path), "%s/asked", folder);
	buf_init(&content, 1 << 20);
	text = file_read(AT_FDCWD, path, &content) == 0 ? strdup(buf_str(&content)) : NULL;
	buf_finish(&content);
	return text != NULL ? text : strdup("");
}

static bool was_asked(const char *part)
{
	char *text = asked();
	bool found = strstr(text, part) != NULL;

	free(text);
	return found;
}

static bool await_asked(const char *part)
{
	uint64_t deadline_ms = clock_now_ms() + 20000;

	while (!was_asked(part) && clock_now_ms() < deadline_ms)
		(void)usleep(20000);
	return was_asked(part);
}

/* The credential of that name as sbx-proxy is told; finish it. */
static bool find(struct secret_store *store, const char *name, struct proxy_message *ret)
{
	struct buf frames;
	struct frame frame;
	bool found = false;
	size_t off = 0;
	ssize_t n;

	buf_init(&frames, 8 << 20);
	if (secret_store_append(store, "web", &frames) < 0)
		return false;
	while (!found && (n = frame_parse(frames.data + off, frames.len - off, &frame)) > 0) {
		off += (size_t)n;
		if (proxy_message_decode(&frame, ret) < 0)
			break;
		found = ret->type == PROXY_CREDENTIAL && ret->kind == CREDENTIAL_OAUTH &&
			strcmp(ret->name, name) == 0;
		if (!found)
			proxy_message_finish(ret);
	}
	buf_finish(&frames);
	return found;
}

/* Whether that is the token which sbx-proxy puts into requests now. */
static bool has_token(struct secret_store *store, const char *service, const char *token)
{
	struct proxy_message found;
	bool has;

	if (!find(store, service, &found))
		return false;
	has = found.value != NULL && strcmp(found.value, token) == 0;
	proxy_message_finish(&found);
	return has;
}

static bool await_token(struct secret_store *store, const char *service, const char *token)
{
	uint64_t deadline_ms = clock_now_ms() + 20000;

	while (!has_token(store, service, token) && clock_now_ms() < deadline_ms)
		(void)usleep(20000);
	return has_token(store, service, token);
}

static int log_in(struct secret_store *store, const char *code, struct err *err)
{
	json_t *begun = NULL, *done = NULL;
	int r = secret_store_begin_login(store, "openai", &begun, err);

	if (r == 0)
		r = secret_store_finish_login(store,
					      json_string_value(json_object_get(begun, "state")),
					      code, &done, err);
	json_decref(begun);
	json_decref(done);
	return r;
}

TEST(a_code_becomes_tokens_that_stay_here)
{
	struct secret_store *store = begin();
	struct secret_file files[SECRET_FILES_MAX];
	struct proxy_message found;
	struct err err = ERR_INIT;

	write_text("answer",
		   "{\"access_token\":\"real-access-1\",\"refresh_token\":\"real-refresh-1\","
		   "\"id_token\":\"head.claims.signature\",\"expires_in\":864000}\n200",
		   0600);
	CHECK_EQ(log_in(store, "the\"code", &err), 0);
	CHECK(was_asked("url = \"https://auth.openai.com/oauth/token\""));
	CHECK(was_asked("proxy = \"http://u:p@proxy.test:3128\""));
	CHECK(was_asked("header = \"Content-Type: application/x-www-form-urlencoded\""));
	CHECK(was_asked("code=the%22code&redirect_uri=http%3A%2F%2Flocalhost%3A1455"));
	CHECK(was_asked("&code_verifier="));
	CHECK(find(store, "openai", &found));
	CHECK_STR(found.value, "real-access-1");
	CHECK_STR(found.refresh, "real-refresh-1");
	proxy_message_finish(&found);
	CHECK_EQ(secret_store_files(store, "web", files), 1);
	CHECK(strstr(files[0].text, "real-") == NULL && strstr(files[0].text, "signature") == NULL);
	CHECK(strstr(files[0].text, "\"head.claims.proxy-managed\"") != NULL);
	secret_file_finish(&files[0]);
	end(store);
}

TEST(a_code_is_good_for_the_login_that_was_begun_and_once)
{
	struct secret_store *store = begin();
	json_t *begun = NULL, *done = NULL;
	struct err err = ERR_INIT;
	const char *state;

	write_text("answer", "{\"error\":\"invalid_grant\"}\n400", 0600);
	CHECK_EQ(secret_store_begin_login(store, "openai", &begun, &err), 0);
	state = json_string_value(json_object_get(begun, "state"));
	CHECK_EQ(secret_store_finish_login(store, "no-such-state", "c", &done, &err), -ENOENT);
	CHECK_EQ(secret_store_finish_login(store, state, "c", &done, &err), -EKEYREJECTED);
	CHECK(strstr(err.text, "400") != NULL);
	CHECK_EQ(secret_store_finish_login(store, state, "c", &done, &err), -ENOENT);
	json_decref(begun);
	CHECK_EQ(secret_store_begin_login(store, "anthropic", &begun, &err), -EINVAL);
	CHECK_EQ(secret_store_begin_login(store, "github", &begun, &err), -EINVAL);
	CHECK_EQ(secret_store_begin_login(store, "nobody", &begun, &err), -ENOENT);
	write_text("answer", "<html>\n200", 0600);
	CHECK_EQ(log_in(store, "c", &err), -EPROTO);
	write_text("answer", "{\"access_token\":\"x\"}\n503", 0600);
	CHECK_EQ(log_in(store, "c", &err), -EIO);
	write_text("answer", "no status", 0600);
	CHECK(log_in(store, "c", &err) < 0);
	CHECK(!has_token(store, "openai", "x"));
	end(store);
}

TEST(a_token_is_renewed_before_its_end)
{
	const struct proxy_message seen = { .type = PROXY_TOKENS,
					    .name = (char *)"anthropic",
					    .access = (char *)"old-access",
					    .refresh = (char *)"old-refresh",
					    .expires = 1 };
	struct secret_store *store = begin();
	struct proxy_message found;

	write_text("answer",
		   "{\"access_token\":\"new-access\",\"refresh_token\":\"new-refresh\","
		   "\"expires_in\":3600}\n200",
		   0600);
	secret_store_event(store, "web", &seen);
	CHECK(await_token(store, "anthropic", "new-access"));
	CHECK(was_asked("url = \"https://platform.claude.com/v1/oauth/token\""));
	CHECK(
		was_asked("{\\\"grant_type\\\":\\\"refresh_token\\\","
			  "\\\"refresh_token\\\":\\\"old-refresh\\\""));
	CHECK(find(store, "anthropic", &found));
	CHECK_STR(found.refresh, "new-refresh");
	proxy_message_finish(&found);
	end(store);
}

TEST(what_cannot_be_renewed_stays_and_is_told_of)
{
	const struct proxy_message seen = { .type = PROXY_TOKENS,
					    .name = (char *)"anthropic",
					    .access = (char *)"old-access",
					    .refresh = (char *)"old-refresh",
					    .expires = 1 };
	const struct secret_selector selector = { .kind = VAULT_SERVICE, .name = "anthropic" };
	struct secret_store *store = begin();
	struct err err = ERR_INIT;
	json_t *removed = NULL;

	write_text("answer", "{\"error\":\"invalid_grant\"}\n401", 0600);
	secret_store_event(store, "web", &seen);
	CHECK(await_token(store, "anthropic", "old-access"));
	CHECK(await_asked("old-refresh"));
	/* It is not tried again at once. */
	CHECK_EQ(secret_store_prepare(store, "web", &err), 0);
	CHECK(has_token(store, "anthropic", "old-access"));
	/* Both tokens go with the service. */
	CHECK_EQ(secret_store_remove(store, &selector, &removed, &err), 0);
	CHECK_EQ(json_array_size(json_object_get(removed, "removed")), 1);
	json_decref(removed);
	CHECK(!has_token(store, "anthropic", "old-access"));
	CHECK_EQ(secret_store_remove(store, &selector, &removed, &err), -ENOENT);
	end(store);
}

TEST_MAIN()
