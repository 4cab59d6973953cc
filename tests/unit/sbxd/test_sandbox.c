#include "sbxd/sandbox.h"

#include <errno.h>

#include "tests/unit/sbxd/fixture.h"
#include "tests/unit/test.h"

static struct fixture fixture;

/* A created sandbox; the caller holds one reference, the table the other. */
static struct sandbox *make(const char *name)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox;
	struct record record;

	fixture_record(&record, name);
	if (sandbox_create(&fixture.supervisor, &record, &sandbox) < 0)
		return NULL;
	if (supervisor_add(&fixture.supervisor, sandbox, &err) < 0) {
		supervisor_put(sandbox);
		return NULL;
	}
	(void)supervisor_get(sandbox);
	return sandbox;
}

TEST(created_listed_removed)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox, *found;
	char *image;

	CHECK_EQ(fixture_make(&fixture), 0);
	sandbox = make("demo");
	CHECK_EQ(fixture_do(sandbox, SANDBOX_CREATE, &err), 0);
	CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
	image = path_join(sandbox->folder, "disk.img");
	CHECK_EQ(access(image, F_OK), 0);
	found = supervisor_find(&fixture.supervisor, "demo");
	CHECK(found == sandbox);
	supervisor_put(found);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	CHECK(access(sandbox->folder, F_OK) < 0);
	CHECK(supervisor_find(&fixture.supervisor, "demo") == NULL);
	free(image);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_name_is_taken_once)
{
	struct err err = ERR_INIT;
	struct sandbox *one;

	CHECK_EQ(fixture_make(&fixture), 0);
	one = make("demo");
	CHECK(make("demo") == NULL);
	CHECK_EQ(fixture_do(one, SANDBOX_CREATE, &err), 0);
	supervisor_put(one);
	fixture_remove(&fixture);
}

TEST(the_list_is_sorted)
{
	static const char *const names[] = { "bb", "aa", "cc" };
	struct sandbox **all;
	size_t count = 0;

	CHECK_EQ(fixture_make(&fixture), 0);
	for (size_t i = 0; i < 3; i++)
		supervisor_put(make(names[i]));
	all = supervisor_list(&fixture.supervisor, &count);
	CHECK_EQ(count, 3);
	CHECK_STR(all[0]->record.name, "aa");
	CHECK_STR(all[2]->record.name, "cc");
	for (size_t i = 0; i < count; i++)
		supervisor_put(all[i]);
	free(all);
	fixture_remove(&fixture);
}

TEST(a_creation_that_fails_leaves_nothing)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox;

	CHECK_EQ(fixture_make(&fixture), 0);
	sandbox = make("demo");
	sandbox->record.docker_disk_bytes = 1024; /* no file system fits */
	CHECK(fixture_do(sandbox, SANDBOX_CREATE, &err) < 0);
	CHECK(strstr(err.text, "docker.img") != NULL);
	CHECK(access(sandbox->folder, F_OK) < 0);
	CHECK(supervisor_find(&fixture.supervisor, "demo") == NULL);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_start_that_fails_is_told_and_tried_again)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox;

	CHECK_EQ(fixture_make(&fixture), 0);
	sandbox = make("demo");
	CHECK_EQ(fixture_do(sandbox, SANDBOX_CREATE, &err), 0);
	for (int i = 0; i < 2; i++) {
		CHECK(fixture_do(sandbox, SANDBOX_START, &err) < 0);
		CHECK(strstr(err.text, "templates") != NULL);
		CHECK_EQ(fixture_status(sandbox), SANDBOX_STOPPED);
		CHECK_STR(sandbox->record.reason, err.text);
	}
	CHECK_EQ(fixture_do(sandbox, SANDBOX_STOP, &err), 0); /* nothing to do */
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(a_damaged_one_can_only_be_removed)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox;

	CHECK_EQ(fixture_make(&fixture), 0);
	sandbox = make("demo");
	sandbox->record.status = SANDBOX_DAMAGED;
	(void)record_set(&sandbox->record.reason, "broken");
	CHECK_EQ(fixture_do(sandbox, SANDBOX_START, &err), -EBUSY);
	CHECK(strstr(err.text, "broken") != NULL);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_STOP, &err), -EBUSY);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST(what_is_gone_cannot_be_started)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox;

	CHECK_EQ(fixture_make(&fixture), 0);
	sandbox = make("demo");
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_START, &err), -ENOENT);
	CHECK_EQ(fixture_do(sandbox, SANDBOX_REMOVE, &err), 0);
	supervisor_put(sandbox);
	fixture_remove(&fixture);
}

TEST_MAIN()
