#include "sbxd/policy_log.h"

#include <errno.h>
#include <fcntl.h>

#include "base/err.h"
#include "base/file.h"
#include "policy/policy.h"
#include "sbxd/policy_approval.h"
#include "sbxd/policy_store.h"
#include "sbxd/supervisor.h"
#include "tests/unit/test.h"
#include "wire/net.h"

static char folder[64];

static struct policy_log *open_log(void)
{
	struct policy_log *log = NULL;
	struct err err = ERR_INIT;

	if (policy_log_create(folder, &log, &err) < 0)
		abort();
	return log;
}

static struct policy_log *make_log(void)
{
	(void)snprintf(folder, sizeof(folder), "log.XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
	return open_log();
}

static void remove_log(struct policy_log *log)
{
	policy_log_destroy(log);
	(void)file_remove_tree(AT_FDCWD, folder);
}

static struct net_verdict denied(const char *name, uint32_t port)
{
	return (struct net_verdict){ .decision = POLICY_DENY,
				     .deny_kind = POLICY_IMPLICIT,
				     .protocol = POLICY_TCP,
				     .path_kind = NET_PATH_TRANSPARENT,
				     .port = port,
				     .count = 1,
				     .name = (char *)(uintptr_t)name,
				     .text = (char *)(uintptr_t) "no rule" };
}

static json_int_t number(const json_t *entry, const char *member)
{
	return json_integer_value(json_object_get(entry, member));
}

static const char *text(const json_t *entry, const char *member)
{
	const char *value = json_string_value(json_object_get(entry, member));

	return value == NULL ? "" : value;
}

TEST(equal_verdicts_are_counted)
{
	struct policy_log *log = make_log();
	struct net_verdict verdict = denied("a.example", 443);
	json_t *view;

	policy_log_add(log, "web", &verdict, 100);
	verdict.count = 5;
	policy_log_add(log, "web", &verdict, 200);
	verdict = denied("b.example", 443);
	policy_log_add(log, "web", &verdict, 300);
	view = policy_log_view(log, "web");
	CHECK_EQ(json_array_size(view), 2);
	CHECK_STR(text(json_array_get(view, 0), "host"), "b.example:443");
	CHECK_EQ(number(json_array_get(view, 1), "count"), 6);
	CHECK_EQ(number(json_array_get(view, 1), "since"), 100);
	CHECK_EQ(number(json_array_get(view, 1), "last_seen"), 200);
	CHECK_STR(text(json_array_get(view, 1), "deny_kind"), "implicit");
	CHECK_STR(text(json_array_get(view, 1), "proxy_type"), "transparent");
	json_decref(view);
	remove_log(log);
}

TEST(a_log_outlives_the_daemon)
{
	struct policy_log *log = make_log();
	struct net_verdict verdict = denied("a.example", 443);
	json_t *view;

	policy_log_add(log, "web", &verdict, 100);
	policy_log_destroy(log);
	log = open_log();
	policy_log_add(log, "web", &verdict, 200);
	view = policy_log_view(log, NULL);
	CHECK_EQ(json_array_size(view), 1);
	CHECK_EQ(number(json_array_get(view, 0), "count"), 2);
	json_decref(view);
	policy_log_clear(log, "web");
	policy_log_destroy(log);
	log = open_log();
	view = policy_log_view(log, NULL);
	CHECK_EQ(json_array_size(view), 0);
	json_decref(view);
	remove_log(log);
}

TEST(a_log_is_bounded_and_keeps_what_is_new)
{
	struct policy_log *log = make_log();
	json_t *view;

	for (unsigned i = 0; i < POLICY_LOG_ENTRIES + 50; i++) {
		char name[32];
		struct net_verdict verdict;

		(void)snprintf(name, sizeof(name), "h%u.example", i);
		verdict = denied(name, 443);
		policy_log_add(log, "web", &verdict, i);
	}
	view = policy_log_view(log, "web");
	CHECK_EQ(json_array_size(view), POLICY_LOG_ENTRIES);
	CHECK_STR(text(json_array_get(view, 0), "host"), "h561.example:443");
	json_decref(view);
	remove_log(log);
}

/* What a guest sends may be any bytes: an entry is never lost for that, and never odd. */
TEST(text_of_a_guest_is_made_harmless)
{
	struct policy_log *log = make_log();
	struct net_verdict verdict = denied("a.example", 443);
	json_t *view;
	const json_t *entry;

	verdict.method = (char *)(uintptr_t) "GET";
	verdict.path = (char *)(uintptr_t) "/\x1b[31m\xff\xc3\xa4\n";
	verdict.text = (char *)(uintptr_t) "cut \xc3";
	policy_log_add(log, "web", &verdict, 100);
	view = policy_log_view(log, "web");
	entry = json_array_get(view, 0);
	CHECK_STR(text(entry, "path"), "/?[31m????");
	CHECK_STR(text(entry, "reason"), "cut ?");
	json_decref(view);
	remove_log(log);
}

TEST(a_damaged_log_makes_place_for_a_new_one)
{
	struct policy_log *log = make_log();
	struct net_verdict verdict = denied("a.example", 443);
	char path[128];
	json_t *view;

	policy_log_destroy(log);
	(void)snprintf(path, sizeof(path), "%s/policy/log/web.json", folder);
	CHECK_EQ(file_write(AT_FDCWD, path, "[{\"host\":1}]", 12, 0600), 0);
	log = open_log();
	policy_log_add(log, "web", &verdict, 100);
	view = policy_log_view(log, "web");
	CHECK_EQ(json_array_size(view), 1);
	json_decref(view);
	remove_log(log);
}

/* A supervisor with what approvals need. */
static void make_supervisor(struct supervisor *supervisor)
{
	struct err err = ERR_INIT;

	*supervisor = (struct supervisor){ .policy_log = make_log() };
	list_init(&supervisor->sandboxes);
	(void)pthread_mutex_init(&supervisor->lock, NULL);
	if (policy_store_create(folder, PRESETS, &supervisor->policy, &err) < 0)
		abort();
}

static void finish_supervisor(struct supervisor *supervisor)
{
	policy_store_destroy(supervisor->policy);
	remove_log(supervisor->policy_log);
}

static void allow(struct supervisor *supervisor, const char *sandbox, const char *resource)
{
	json_t *resources = json_pack("[s]", resource), *rule = NULL;
	const struct policy_wish wish = { .decision = POLICY_ALLOW, .resources = resources };
	struct err err = ERR_INIT;
	bool existed;
	unsigned told;

	if (policy_store_add(supervisor->policy, sandbox, &wish, &rule, &existed, &told, &err) < 0)
		abort();
	json_decref(resources);
	json_decref(rule);
}

TEST(what_no_rule_denies_waits_until_a_rule_says_something)
{
	struct supervisor supervisor;
	struct net_verdict verdict = denied("a.example", 443);
	struct err err = ERR_INIT;
	json_t *list, *one = NULL;

	make_supervisor(&supervisor);
	policy_log_take(&supervisor, "web", &verdict);
	verdict.path_kind = NET_PATH_FORWARD; /* the same host on another way */
	policy_log_take(&supervisor, "web", &verdict);
	verdict = denied("b.example", 443);
	verdict.deny_kind = POLICY_EXPLICIT;
	policy_log_take(&supervisor, "web", &verdict);
	verdict = denied("metadata.example", 80);
	verdict.deny_kind = POLICY_UNSAFE;
	policy_log_take(&supervisor, "web", &verdict);
	list = approval_list(&supervisor, "web");
	CHECK_EQ(json_array_size(list), 1);
	CHECK_STR(text(json_array_get(list, 0), "resource"), "a.example:443");
	CHECK_EQ(approval_find(&supervisor, text(json_array_get(list, 0), "id"), &one, &err), 0);
	json_decref(one);
	CHECK_EQ(approval_find(&supervisor, "a.example:443", &one, &err), 0);
	json_decref(one);
	CHECK_EQ(approval_find(&supervisor, "nothing", &one, &err), -ENOENT);
	json_decref(list);
	allow(&supervisor, "web", "a.example");
	list = approval_list(&supervisor, NULL);
	CHECK_EQ(json_array_size(list), 0);
	json_decref(list);
	finish_supervisor(&supervisor);
}

TEST_MAIN()
