/* PRESETS is the folder of the shipped ones, set by meson.build. */
#include "sbxd/policy_store.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "policy/encode.h"
#include "sbxd/policy_view.h"
#include "tests/unit/test.h"
#include "wire/net.h"
#include "wire/proxy.h"

static char folder[64];
static unsigned changes;
static char changed_sandbox[64];

static unsigned note_change(void *context, const char *sandbox)
{
	*(unsigned *)context += 1;
	(void)snprintf(changed_sandbox, sizeof(changed_sandbox), "%s",
		       sandbox == NULL ? "" : sandbox);
	return 3;
}

static struct policy_store *open_store(void)
{
	struct policy_store *store = NULL;
	struct err err = ERR_INIT;

	if (policy_store_create(folder, PRESETS, &store, &err) < 0)
		abort();
	policy_store_set_hooks(
		store, &(struct policy_hooks){ .context = &changes, .changed = note_change });
	return store;
}

static struct policy_store *make_store(void)
{
	(void)snprintf(folder, sizeof(folder), "policy.XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
	changes = 0;
	return open_store();
}

static void remove_store(struct policy_store *store)
{
	policy_store_destroy(store);
	(void)file_remove_tree(AT_FDCWD, folder);
}

/* As if the daemon was started again. */
static struct policy_store *reopen(struct policy_store *store)
{
	policy_store_destroy(store);
	return open_store();
}

/* Adds a rule of comma-separated resources; its id in a static buffer, or NULL. */
static const char *add(struct policy_store *store, const char *sandbox,
		       enum policy_decision decision, const char *resource, struct err *err)
{
	static char id[POLICY_UUID_SIZE];
	json_t *resources = json_pack("[s]", resource), *rule = NULL;
	const struct policy_wish wish = { .decision = decision, .resources = resources };
	bool existed;
	unsigned told;
	int r = policy_store_add(store, sandbox, &wish, &rule, &existed, &told, err);

	json_decref(resources);
	if (r < 0)
		return NULL;
	(void)snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(rule, "id")));
	json_decref(rule);
	return id;
}

static enum policy_deny_kind ask(struct policy_store *store, const char *sandbox, const char *name)
{
	const struct policy_question question = { .name = name,
						  .port = 443,
						  .protocol = POLICY_TCP };
	struct policy_verdict verdict;
	struct policy *policy = NULL;

	if (policy_store_compile(store, sandbox, &policy) < 0)
		abort();
	policy_decide(policy, &question, &verdict);
	policy_destroy(policy);
	return verdict.kind;
}

TEST(without_a_preset_only_what_the_user_added_counts)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;

	CHECK(!policy_store_is_initialized(store, NULL));
	CHECK_EQ(ask(store, "web", "pypi.org"), POLICY_IMPLICIT);
	CHECK(add(store, NULL, POLICY_ALLOW, "a.example", &err) != NULL);
	CHECK_EQ(policy_store_set_kit(store, "web", "group kit\nallow k.example\n", &err), 0);
	CHECK_EQ(ask(store, "web", "a.example"), POLICY_NOT_DENIED);
	CHECK_EQ(ask(store, "web", "k.example"), POLICY_CEILING);
	remove_store(store);
}

TEST(a_preset_is_chosen_once_until_a_reset)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;

	CHECK_EQ(policy_store_init(store, "nonsense", &err), -EINVAL);
	CHECK_EQ(policy_store_init(store, "Balanced", &err), 0);
	CHECK_EQ(changes, 1);
	CHECK_EQ(policy_store_init(store, "open", &err), -EEXIST);
	CHECK_STR(err.text,
		  "default policy is already set; use \"sbx policy reset\" first to "
		  "change it");
	CHECK_EQ(ask(store, "web", "pypi.org"), POLICY_NOT_DENIED);
	CHECK_EQ(ask(store, "web", "example.com"), POLICY_IMPLICIT);
	store = reopen(store);
	CHECK(policy_store_is_initialized(store, "web"));
	CHECK_EQ(ask(store, "web", "pypi.org"), POLICY_NOT_DENIED);
	CHECK_EQ(policy_store_reset(store, &err), 0);
	CHECK_EQ(ask(store, "web", "pypi.org"), POLICY_IMPLICIT);
	CHECK_EQ(policy_store_init(store, "allow-all", &err), 0);
	CHECK_EQ(ask(store, "web", "example.com"), POLICY_NOT_DENIED);
	remove_store(store);
}

TEST(a_policy_of_its_own_stands_in_the_place_of_the_preset)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;

	CHECK_EQ(policy_store_init(store, "open", &err), 0);
	CHECK_EQ(policy_store_set_own(store, "web", "locked-down", NULL, &err), 0);
	CHECK_STR(changed_sandbox, "web");
	CHECK_EQ(ask(store, "web", "example.com"), POLICY_IMPLICIT);
	CHECK_EQ(ask(store, "other", "example.com"), POLICY_NOT_DENIED);
	CHECK_EQ(policy_store_set_own(store, "web", NULL, "group g\nallow f.example\n", &err), 0);
	CHECK_EQ(ask(store, "web", "f.example"), POLICY_NOT_DENIED);
	CHECK_EQ(ask(store, "web", "example.com"), POLICY_IMPLICIT);
	CHECK_EQ(policy_store_set_own(store, "web", NULL, "group g\nallow *\n", &err), -EINVAL);
	CHECK(strstr(err.text, "line 2") != NULL);
	store = reopen(store);
	CHECK_EQ(ask(store, "web", "f.example"), POLICY_NOT_DENIED);
	policy_store_forget(store, "web");
	CHECK_EQ(ask(store, "web", "example.com"), POLICY_NOT_DENIED);
	store = reopen(store);
	CHECK_EQ(ask(store, "web", "example.com"), POLICY_NOT_DENIED);
	remove_store(store);
}

TEST(rules_are_for_all_or_for_one)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;

	CHECK_EQ(policy_store_init(store, "open", &err), 0);
	CHECK(add(store, "web", POLICY_DENY, "evil.example", &err) != NULL);
	CHECK(add(store, NULL, POLICY_DENY, "worse.example", &err) != NULL);
	CHECK_EQ(ask(store, "web", "evil.example"), POLICY_EXPLICIT);
	CHECK_EQ(ask(store, "other", "evil.example"), POLICY_NOT_DENIED);
	CHECK_EQ(ask(store, "other", "worse.example"), POLICY_EXPLICIT);
	CHECK_EQ(ask(store, NULL, "worse.example"), POLICY_EXPLICIT);
	remove_store(store);
}

TEST(a_rule_against_another_is_refused_and_twice_the_same_is_one)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;
	char id[POLICY_UUID_SIZE], wanted[256];

	CHECK(add(store, NULL, POLICY_ALLOW, "Example.COM", &err) != NULL);
	(void)snprintf(id, sizeof(id), "%s", add(store, NULL, POLICY_ALLOW, "example.com", &err));
	CHECK(add(store, NULL, POLICY_DENY, "example.com", &err) == NULL);
	CHECK_EQ(err.code, -EEXIST);
	(void)snprintf(wanted, sizeof(wanted),
		       "deny: \"example.com\" conflicts with existing allow rule \"%s\"", id);
	CHECK(strncmp(err.text, wanted, strlen(wanted)) == 0);
	CHECK(add(store, "web", POLICY_DENY, "example.com", &err) != NULL);
	CHECK_EQ(changes, 2);
	remove_store(store);
}

static int remove_rule(struct policy_store *store, const char *id, const char *resource)
{
	const struct policy_selector selector = { .id = id, .resource = resource };
	struct err err = ERR_INIT;
	json_t *removed = NULL;
	unsigned told;
	int r = policy_store_remove(store, NULL, &selector, &removed, &told, &err);

	json_decref(removed);
	return r;
}

TEST(rules_are_removed_by_id_and_by_resource)
{
	struct policy_store *store = make_store();
	json_t *resources = json_pack("[ss]", "a.example", "b.example"), *rule = NULL;
	const struct policy_wish wish = { .decision = POLICY_ALLOW, .resources = resources };
	struct err err = ERR_INIT;
	bool existed;
	unsigned told;
	const char *id;

	CHECK_EQ(policy_store_add(store, NULL, &wish, &rule, &existed, &told, &err), 0);
	CHECK_EQ(told, 3);
	json_decref(rule);
	json_decref(resources);
	CHECK_EQ(remove_rule(store, NULL, "A.example"), 0);
	CHECK_EQ(ask(store, "web", "a.example"), POLICY_IMPLICIT);
	CHECK_EQ(ask(store, "web", "b.example"), POLICY_NOT_DENIED);
	CHECK_EQ(remove_rule(store, NULL, "a.example"), -ENOENT);
	CHECK_EQ(remove_rule(store, NULL, NULL), -EINVAL);
	CHECK_EQ(remove_rule(store, NULL, "b.example"), 0);
	id = add(store, NULL, POLICY_ALLOW, "c.example", &err);
	CHECK(id != NULL);
	CHECK_EQ(remove_rule(store, id, NULL), 0);
	CHECK_EQ(remove_rule(store, id, NULL), -ENOENT);
	store = reopen(store);
	CHECK_EQ(ask(store, "web", "c.example"), POLICY_IMPLICIT);
	remove_store(store);
}

static void damage(const char *file)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/policy/%s", folder, file);
	if (file_write(AT_FDCWD, path, "{\"version\":1", 12, 0600) < 0)
		abort();
}

TEST(what_is_damaged_denies_and_is_not_built_upon)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;
	json_t *snapshot, *view;

	CHECK_EQ(policy_store_init(store, "open", &err), 0);
	CHECK(add(store, "web", POLICY_ALLOW, "a.example", &err) != NULL);
	damage("sandboxes/web.json");
	store = reopen(store);
	CHECK_EQ(ask(store, "web", "a.example"), POLICY_IMPLICIT);
	CHECK_EQ(ask(store, "other", "a.example"), POLICY_NOT_DENIED);
	CHECK(add(store, "web", POLICY_ALLOW, "b.example", &err) == NULL);
	CHECK_EQ(err.code, -EIO);
	snapshot = policy_store_snapshot(store);
	view = policy_view_rules(snapshot, "web");
	CHECK_EQ(json_array_size(json_object_get(view, "damage")), 1);
	json_decref(view);
	json_decref(snapshot);
	damage("global.json");
	store = reopen(store);
	CHECK_EQ(ask(store, "other", "a.example"), POLICY_IMPLICIT);
	CHECK_EQ(policy_store_reset(store, &err), 0);
	CHECK_EQ(policy_store_init(store, "open", &err), 0);
	CHECK_EQ(ask(store, "other", "a.example"), POLICY_NOT_DENIED);
	remove_store(store);
}

/* What sbx-net gets is what was compiled here. */
TEST(frames_carry_the_same_policy)
{
	struct policy_store *store = make_store();
	autocall(buf_finish) struct buf frames;
	struct policy_reader *reader = NULL;
	struct err err = ERR_INIT;
	struct frame frame;
	unsigned rules = 0;
	bool ended = false;

	CHECK_EQ(policy_store_set_own(store, "web", "balanced", NULL, &err), 0);
	buf_init(&frames, 1 << 20);
	CHECK_EQ(policy_store_append(store, "web", POLICY_TO_NET, 42, &frames), 0);
	CHECK_EQ(policy_reader_create(&reader), 0);
	policy_reader_begin(reader, false);
	for (int n; (n = frame_parse(frames.data, frames.len, &frame)) > 0;
	     buf_consume(&frames, (size_t)n)) {
		ended = frame.type == NET_POLICY_END;
		if (frame.type != NET_POLICY_RULE)
			continue;
		rules++;
		CHECK_EQ(policy_reader_rule(reader, &frame), 0);
	}
	CHECK(ended);
	CHECK(rules > 180);
	policy_reader_destroy(reader);
	CHECK_EQ(policy_store_append(store, "none", POLICY_TO_PROXY, 42, &frames), 0);
	CHECK(frame_parse(frames.data, frames.len, &frame) > 0);
	CHECK_EQ(frame.type, PROXY_POLICY_BEGIN);
	remove_store(store);
}

static unsigned count_rules(const json_t *view, const char *origin)
{
	unsigned count = 0;
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(view, "rules"), i, rule)
	{
		const char *text = json_string_value(json_object_get(rule, "origin"));

		count += text != NULL && strcmp(text, origin) == 0;
	}
	return count;
}

TEST(the_view_shows_all_that_is_in_force)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;
	json_t *snapshot, *view;
	const json_t *rule;

	CHECK_EQ(policy_store_init(store, "balanced", &err), 0);
	CHECK(add(store, NULL, POLICY_ALLOW, "a.example", &err) != NULL);
	CHECK(add(store, "web", POLICY_DENY, "b.example", &err) != NULL);
	CHECK(add(store, "other", POLICY_DENY, "c.example", &err) != NULL);
	CHECK_EQ(policy_store_set_kit(store, "web", "group local:x\nallow k.example\n", &err),
		 -EINVAL);
	CHECK_EQ(policy_store_set_kit(store, "web", "group kit:x:1\nallow k.example\n", &err), 0);
	snapshot = policy_store_snapshot(store);
	view = policy_view_rules(snapshot, "web");
	CHECK_EQ(count_rules(view, "local"), 9); /* six groups, two of files, and one rule */
	CHECK_EQ(count_rules(view, "scoped"), 1);
	CHECK_EQ(count_rules(view, "kit"), 1);
	rule = json_array_get(json_object_get(view, "rules"), 9);
	CHECK_STR(json_string_value(json_object_get(rule, "scope")), "sandbox:web");
	CHECK_STR(json_string_value(json_object_get(rule, "applies_to")), "sandbox:web");
	json_decref(view);
	view = policy_view_rules(snapshot, NULL);
	CHECK_EQ(count_rules(view, "scoped"), 2);
	json_decref(view);
	json_decref(snapshot);
	remove_store(store);
}

static bool source_is(struct policy_store *store, const char *sandbox, const char *source,
		      const char *preset)
{
	json_t *json = policy_store_describe(store, sandbox);
	const char *found = json_string_value(json_object_get(json, "preset"));
	bool same =
		strcmp(json_string_value(json_object_get(json, "source")), source) == 0 &&
		(found == NULL || preset == NULL ? found == preset : strcmp(found, preset) == 0);

	json_decref(json);
	return same;
}

TEST(what_is_in_force_is_described)
{
	struct policy_store *store = make_store();
	struct err err = ERR_INIT;

	CHECK(source_is(store, "web", "none", NULL));
	CHECK_EQ(policy_store_init(store, "balanced", &err), 0);
	CHECK(source_is(store, NULL, "global", "balanced"));
	CHECK(source_is(store, "web", "global", "balanced"));
	CHECK_EQ(policy_store_set_own(store, "web", "locked-down", NULL, &err), 0);
	CHECK(source_is(store, "web", "sandbox", "locked-down"));
	CHECK(source_is(store, "other", "global", "balanced"));
	remove_store(store);
}

TEST(a_name_to_probe_with_is_one_that_is_allowed)
{
	struct policy_store *store = make_store();
	char name[POLICY_NAME_MAX + 1];
	struct err err = ERR_INIT;
	uint16_t port = 0;

	CHECK_EQ(policy_store_allowed(store, "web", name, &port), -ENOENT);
	CHECK_EQ(policy_store_init(store, "balanced", &err), 0);
	CHECK_EQ(policy_store_allowed(store, "web", name, &port), 0);
	CHECK(strchr(name, '*') == NULL && strchr(name, '.') != NULL);
	CHECK_EQ(policy_store_set_own(store, "web", "locked-down", NULL, &err), 0);
	CHECK_EQ(policy_store_allowed(store, "web", name, &port), -ENOENT);
	remove_store(store);
}

TEST_MAIN()
