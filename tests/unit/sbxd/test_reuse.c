#include "sbxd/reuse.h"

#include "tests/unit/sbxd/fixture.h"
#include "tests/unit/test.h"

static struct fixture fixture;

static void wish(struct record *record, const char *name, const char *workspace, const char *label)
{
	fixture_record(record, name);
	record->mounts.items[0].source = strdup(workspace);
	record->mounts.items[0].target = strdup(workspace);
	record->mounts.count = 1;
	if (label != NULL)
		(void)string_list_add(&record->labels, label);
}

/* Entered; the table has the only reference. */
static struct sandbox *enter(const char *name, const char *workspace, const char *label,
			     int64_t last_used_at)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox = NULL;
	struct record record;

	wish(&record, name, workspace, label);
	record.last_used_at = last_used_at;
	if (sandbox_create(&fixture.supervisor, &record, &sandbox) == 0)
		(void)supervisor_add(&fixture.supervisor, sandbox, &err);
	return sandbox;
}

/* The name of what is found, "" for none. */
static const char *find(const char *name, const char *workspace, const char *label)
{
	static char found[NAME_SIZE];
	struct record wanted;
	struct sandbox *sandbox;

	wish(&wanted, name, workspace, label);
	sandbox = reuse_find(&fixture.supervisor, &wanted, *name != '\0');
	(void)snprintf(found, sizeof(found), "%s", sandbox != NULL ? sandbox->record.name : "");
	supervisor_put(sandbox);
	record_finish(&wanted);
	return found;
}

TEST(same_purpose_is_found)
{
	struct sandbox *sandbox;

	CHECK_EQ(fixture_make(&fixture), 0);
	CHECK_STR(find("", "/src", NULL), "");
	(void)enter("aa", "/src", NULL, 7);
	(void)enter("bb", "/src", "clone=/src", 9);
	sandbox = enter("cc", "/src", NULL, 8);
	(void)enter("dd", "/other", NULL, 10);
	CHECK_STR(find("", "/src", NULL), "cc");
	CHECK_STR(find("", "/src", "clone=/src"), "bb");
	CHECK_STR(find("", "/src", "clone=/elsewhere"), "");
	CHECK_STR(find("", "/sr", NULL), "");
	sandbox->want_remove = true;
	CHECK_STR(find("", "/src", NULL), "aa");
	fixture_remove(&fixture);
}

TEST(a_name_decides_alone)
{
	CHECK_EQ(fixture_make(&fixture), 0);
	(void)enter("aa", "/src", NULL, 1);
	CHECK_STR(find("aa", "/other", "x=y"), "aa");
	CHECK_STR(find("ab", "/src", NULL), "");
	fixture_remove(&fixture);
}

TEST_MAIN()
