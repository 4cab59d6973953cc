#include "audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

struct place {
	char folder[64], file[96];
};

static void place_init(struct place *place)
{
	(void)snprintf(place->folder, sizeof(place->folder), "audit.XXXXXX");
	if (mkdtemp(place->folder) == NULL)
		abort();
	(void)snprintf(place->file, sizeof(place->file), "%s/audit-000001.jsonl", place->folder);
}

static void place_finish(const struct place *place)
{
	(void)file_remove_tree(AT_FDCWD, place->folder);
}

static int append(struct audit *audit, int number)
{
	struct err err = ERR_INIT;

	return audit_append(audit, "exec", "web", json_pack("{si}", "number", number), &err);
}

/* Writes `count` lines in a run of its own. */
static int write_lines(const struct place *place, int count)
{
	struct audit *audit;
	struct err err = ERR_INIT;
	int r = audit_open(place->folder, &audit, &err);

	for (int i = 0; r == 0 && i < count; i++)
		r = append(audit, i);
	if (r == 0)
		audit_close(audit);
	return r;
}

static int verify(const struct place *place, uint64_t *ret_lines)
{
	struct audit_report report = { .lines = 0 };
	struct err err = ERR_INIT;
	int r = audit_verify(place->folder, &report, &err);

	*ret_lines = report.lines;
	if (r < 0)
		printf("# %s\n", err.text);
	return r;
}

static void read_text(const struct place *place, struct buf *ret)
{
	buf_init(ret, 1 << 20);
	if (file_read(AT_FDCWD, place->file, ret) < 0)
		abort();
}

static void write_text(const struct place *place, const void *bytes, size_t len)
{
	if (file_write(AT_FDCWD, place->file, bytes, len, 0600) < 0)
		abort();
}

TEST(a_chain_goes_on_after_a_restart)
{
	struct place place;
	uint64_t lines;

	place_init(&place);
	CHECK_EQ(verify(&place, &lines), 0);
	CHECK_EQ(lines, 0);
	CHECK_EQ(write_lines(&place, 3), 0);
	CHECK_EQ(write_lines(&place, 2), 0);
	CHECK_EQ(verify(&place, &lines), 0);
	CHECK_EQ(lines, 5);
	place_finish(&place);
}

TEST(a_changed_line_shows)
{
	autocall(buf_finish) struct buf text;
	struct place place;
	uint64_t lines;
	char *found;

	place_init(&place);
	CHECK_EQ(write_lines(&place, 4), 0);
	read_text(&place, &text);
	found = memmem(text.data, text.len, "\"number\":2", 10);
	CHECK(found != NULL);
	found[9] = '7';
	write_text(&place, text.data, text.len);
	CHECK_EQ(verify(&place, &lines), -EBADMSG);
	CHECK_EQ(lines, 2);
	place_finish(&place);
}

TEST(a_removed_line_shows)
{
	autocall(buf_finish) struct buf text;
	struct place place;
	uint64_t lines;
	const uint8_t *end;

	place_init(&place);
	CHECK_EQ(write_lines(&place, 3), 0);
	read_text(&place, &text);
	end = memchr(text.data, '\n', text.len);
	CHECK(end != NULL);
	write_text(&place, end + 1, text.len - (size_t)(end + 1 - text.data));
	CHECK_EQ(verify(&place, &lines), -EBADMSG);
	CHECK_EQ(lines, 0);
	place_finish(&place);
}

TEST(a_cut_line_is_moved_aside_and_told)
{
	autocall(buf_finish) struct buf text;
	struct place place;
	char cut[96];
	uint64_t lines;

	place_init(&place);
	CHECK_EQ(write_lines(&place, 3), 0);
	read_text(&place, &text);
	write_text(&place, text.data, text.len - 20);
	CHECK_EQ(verify(&place, &lines), -EBADMSG);
	CHECK_EQ(write_lines(&place, 1), 0);
	CHECK_EQ(verify(&place, &lines), 0);
	CHECK_EQ(lines, 4); /* two, the note, one */
	(void)snprintf(cut, sizeof(cut), "%s/audit-000001.cut", place.folder);
	CHECK_EQ(access(cut, F_OK), 0);
	place_finish(&place);
}

TEST(a_foreign_last_line_begins_a_new_file)
{
	struct place place;
	char second[96];
	uint64_t lines;

	place_init(&place);
	write_text(&place, "not ours\n", 9);
	CHECK_EQ(write_lines(&place, 1), 0);
	(void)snprintf(second, sizeof(second), "%s/audit-000002.jsonl", place.folder);
	CHECK_EQ(access(second, F_OK), 0);
	CHECK_EQ(verify(&place, &lines), -EBADMSG);
	place_finish(&place);
}

TEST(files_are_rotated_and_none_may_miss)
{
	struct place place;
	struct audit *audit;
	struct err err = ERR_INIT;
	uint64_t lines;

	place_init(&place);
	CHECK_EQ(audit_open(place.folder, &audit, &err), 0);
	audit_set_file_max(audit, 600);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(append(audit, i), 0);
	audit_close(audit);
	CHECK_EQ(write_lines(&place, 1), 0);
	CHECK_EQ(verify(&place, &lines), 0);
	CHECK_EQ(lines, 21);
	place.file[strlen(place.file) - strlen("1.jsonl")] = '2';
	CHECK_EQ(unlink(place.file), 0);
	CHECK_EQ(verify(&place, &lines), -EBADMSG);
	place.file[strlen(place.file) - strlen("2.jsonl")] = '1';
	CHECK_EQ(unlink(place.file), 0);
	CHECK_EQ(verify(&place, &lines), -EBADMSG);
	CHECK_EQ(lines, 0);
	place_finish(&place);
}

static void count_line(void *context, const char *line)
{
	if (strstr(line, "\"event\":\"exec\"") != NULL)
		*(unsigned *)context += 1;
}

TEST(lines_are_read_over_files)
{
	struct place place;
	struct audit *audit;
	struct err err = ERR_INIT;
	unsigned count = 0;

	place_init(&place);
	CHECK_EQ(audit_open(place.folder, &audit, &err), 0);
	audit_set_file_max(audit, 600);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(append(audit, i), 0);
	audit_close(audit);
	CHECK_EQ(audit_read(place.folder, count_line, &count, &err), 0);
	CHECK_EQ(count, 10);
	place_finish(&place);
}

static void *append_many(void *audit)
{
	for (int i = 0; i < 100; i++)
		if (append(audit, i) < 0)
			abort();
	return NULL;
}

TEST(many_threads_make_one_chain)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	struct place place;
	struct audit *audit;
	struct err err = ERR_INIT;
	uint64_t lines;

	place_init(&place);
	CHECK_EQ(audit_open(place.folder, &audit, &err), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, append_many, audit), 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	audit_close(audit);
	CHECK_EQ(verify(&place, &lines), 0);
	CHECK_EQ(lines, 100 * THREADS);
	place_finish(&place);
}

TEST(no_folder_is_an_error)
{
	struct place place = { .folder = "does-not-exist" };
	struct audit *audit = NULL;
	struct err err = ERR_INIT;
	uint64_t lines;

	CHECK_EQ(verify(&place, &lines), -ENOENT);
	CHECK(audit_open("/proc/none", &audit, &err) < 0);
	CHECK(audit == NULL);
	CHECK(err.text[0] != '\0');
}

TEST_MAIN()
