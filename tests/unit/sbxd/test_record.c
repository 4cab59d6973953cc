#include "sbxd/record.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/test.h"

static void fill(struct record *record)
{
	record_init(record, "demo");
	(void)record_set(&record->agent, "shell");
	(void)record_set(&record->engine, "qemu");
	(void)record_set(&record->reason, "a \"quoted\"\nreason");
	(void)string_list_add(&record->fast_dirs, "target");
	(void)mounts_add_stored(
		&record->mounts,
		&(struct mount){ .source = "/a b\nc", .target = "/w", .read_only = true });
	(void)mounts_add_stored(
		&record->mounts,
		&(struct mount){ .source = "/f", .target = "/g/f", .is_file = true });
	(void)string_list_add(&record->env, "A=1");
	(void)record_set(&record->template.name, "shell");
	(void)record_set(&record->template.id, "sha256:0123");
	(void)string_list_add(&record->template.layers, "/cache/base.erofs");
	(void)string_list_add(&record->template.layers, "/cache/docker.erofs");
	(void)string_list_add(&record->template.env, "LANG=C");
	(void)string_list_add(&record->labels, "k=v=w");
	record->status = SANDBOX_RUNNING;
	record->cpus = 2;
	record->memory_bytes = 1ull << 33;
	record->disk_bytes = 20ull << 30;
	record->docker_disk_bytes = 10ull << 30;
	record->pids_limit = 300;
	record->keep_alive = record->is_fleeting = true;
	record->created_at = 1700000000;
	record->processes_count = 1;
	record->processes[0] =
		(struct record_process){ .name = "qemu",
					 .id = { .pid = 4711, .start_ticks = 123456789012 } };
}

static int parse(const char *text, size_t len, struct record *ret)
{
	struct err err = ERR_INIT;
	int r = record_parse(text, len, ret, &err);

	return r == 0 || err.text[0] != '\0' ? r : -ENOMSG;
}

TEST(what_is_written_is_read)
{
	struct record record, again;
	char *text, *text_again;

	fill(&record);
	text = record_format(&record);
	CHECK(text != NULL);
	CHECK_EQ(parse(text, strlen(text), &again), 0);
	text_again = record_format(&again);
	CHECK_STR(text_again, text);
	CHECK_STR(again.mounts.items[0].source, "/a b\nc");
	CHECK_STR(again.fast_dirs.items[0], "target");
	CHECK(again.mounts.items[0].read_only && again.mounts.items[1].is_file);
	CHECK_EQ(again.processes[0].id.start_ticks, 123456789012);
	CHECK_EQ(again.status, SANDBOX_RUNNING);
	CHECK_STR(again.template.layers.items[1], "/cache/docker.erofs");
	CHECK_STR(again.template.env.items[0], "LANG=C");
	CHECK(again.kernel == NULL && again.keep_alive && again.is_fleeting && !again.weak_jail);
	free(text);
	free(text_again);
	record_finish(&record);
	record_finish(&again);
}

TEST(every_cut_is_refused)
{
	struct record record, again;
	char *text;

	fill(&record);
	text = record_format(&record);
	for (size_t len = 0; len < strlen(text); len++)
		CHECK_EQ(parse(text, len, &again), -EINVAL);
	free(text);
	record_finish(&record);
}

/* Replaces one piece of a good record; what comes out must be refused. */
static int parse_changed(const char *from, const char *to)
{
	struct record record, again;
	char *text, *found, changed[8192];
	int r;

	fill(&record);
	text = record_format(&record);
	found = strstr(text, from);
	if (found == NULL)
		return -ENOENT;
	(void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(found - text), text, to,
		       found + strlen(from));
	r = parse(changed, strlen(changed), &again);
	if (r == 0)
		record_finish(&again);
	free(text);
	record_finish(&record);
	return r;
}

TEST(values_outside_their_limits_are_refused)
{
	CHECK_EQ(parse_changed("\"cpus\": 2", "\"cpus\": 3"), 0);
	CHECK_EQ(parse_changed("\"cpus\": 2", "\"cpus\": 0"), -EINVAL);
	CHECK_EQ(parse_changed("\"cpus\": 2", "\"cpus\": \"2\""), -EINVAL);
	CHECK_EQ(parse_changed("\"name\": \"demo\"", "\"name\": \"../demo\""), -EINVAL);
	CHECK_EQ(parse_changed("\"status\": \"running\"", "\"status\": \"damaged\""), -EINVAL);
	CHECK_EQ(parse_changed("\"version\": 1", "\"version\": 2"), -EINVAL);
	CHECK_EQ(parse_changed("\"pid\": 4711", "\"pid\": 1"), -EINVAL);
	CHECK_EQ(parse_changed("\"pid\": 4711", "\"pid\": -4711"), -EINVAL);
	CHECK_EQ(parse_changed("\"/w\"", "\"/proc\""), -EINVAL);
	CHECK_EQ(parse_changed("\"/w\"", "\"w\""), -EINVAL);
	CHECK_EQ(parse_changed("\"memory\": 8", "\"memory\": -8"), -EINVAL);
	CHECK_EQ(parse_changed("\"pids_limit\": 300", "\"pids_limit\": 4194304"), 0);
	CHECK_EQ(parse_changed("\"pids_limit\": 300", "\"pids_limit\": 4194305"), -EINVAL);
	CHECK_EQ(parse_changed("\"version\": 1", "\"version\": 1, \"more\": 1"), -EINVAL);
	CHECK_EQ(parse_changed("\"version\": 1", "\"version\": 1, \"version\": 1"), -EINVAL);
	CHECK_EQ(parse_changed("\"A=1\"", "7"), -EINVAL);
}

/* A record as the daemon wrote it before there were templates; middle: what stood for the image. */
static int parse_older(const char *middle, struct record *ret)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "{\"version\":1,\"id\":\"0123456789abcdef\",\"name\":\"demo\","
		       "\"status\":\"stopped\",\"agent\":\"shell\",\"engine\":\"qemu\",%s"
		       "\"cpus\":1,\"memory\":1,\"disk\":1,\"docker_disk\":1,"
		       "\"keep_alive\":false,\"weak_jail\":false,\"grown\":false,"
		       "\"created_at\":0,\"started_at\":0,\"stopped_at\":0,\"last_used_at\":0,"
		       "\"mounts\":[],\"env\":[],\"labels\":[],\"processes\":[]}",
		       middle);
	return parse(text, strlen(text), ret);
}

TEST(records_without_a_template_are_read)
{
	struct record record;

	CHECK_EQ(parse_older("", &record), 0);
	CHECK(record.template.name == NULL && record.template.layers.count == 0);
	record_finish(&record);
	CHECK_EQ(parse_older("\"image\":\"/images/own.erofs\",", &record), 0);
	CHECK_EQ(record.template.layers.count, 1);
	CHECK_STR(record.template.layers.items[0], "/images/own.erofs");
	record_finish(&record);
}

TEST(ids_differ)
{
	struct record a, b;

	record_init(&a, "aa");
	record_init(&b, "bb");
	CHECK_EQ(strlen(a.id), RECORD_ID_SIZE - 1);
	CHECK(strcmp(a.id, b.id) != 0);
	record_finish(&a);
	record_finish(&b);
}

TEST_MAIN()
