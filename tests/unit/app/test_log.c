#include "app/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "tests/unit/test.h"

struct folder {
	char path[64];
	char log[96];
	int fd;
};

static bool folder_make(struct folder *folder)
{
	memcpy(folder->path, "log-XXXXXX", sizeof("log-XXXXXX"));
	if (mkdtemp(folder->path) == NULL)
		return false;
	(void)snprintf(folder->log, sizeof(folder->log), "%s/log", folder->path);
	folder->fd = open(folder->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return folder->fd >= 0;
}

static void folder_remove(struct folder *folder)
{
	log_open(&(struct log_config){ .fd = -1 });
	(void)file_remove_tree(AT_FDCWD, folder->path);
}

/* The content of a log file; the buffer is the caller's to finish. */
static const char *content(const char *path, struct buf *buf)
{
	buf_init(buf, 1 << 20);
	return file_read(AT_FDCWD, path, buf) == 0 ? buf_str(buf) : "";
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n' ? 1 : 0;
	return lines;
}

static void open_log(struct folder *folder, uint64_t max_bytes, bool rotate)
{
	log_open(&(struct log_config){
		.program = "test",
		.fd = folder->fd,
		.path = rotate ? folder->log : NULL,
		.max_bytes = max_bytes,
		.level = LOG_LEVEL_INFO,
	});
}

TEST(a_line_is_one_json_object)
{
	struct folder folder;
	struct buf buf;
	json_t *line;
	const char *time;

	CHECK(folder_make(&folder));
	open_log(&folder, 0, false);
	log_info("say \"%s\"\n\x1b[31m", "hello");
	line = json_loads(content(folder.log, &buf), 0, NULL);
	CHECK(line != NULL);
	CHECK_STR(json_string_value(json_object_get(line, "msg")), "say \"hello\"\n\x1b[31m");
	CHECK_STR(json_string_value(json_object_get(line, "level")), "info");
	CHECK_STR(json_string_value(json_object_get(line, "program")), "test");
	time = json_string_value(json_object_get(line, "time"));
	CHECK(time != NULL && strlen(time) == strlen("2026-11-21T06:45:00.123Z"));
	CHECK(strncmp(time, "20", 2) == 0 && time[4] == '-' && time[10] == 'T');
	json_decref(line);
	buf_finish(&buf);
	(void)close(folder.fd);
	folder_remove(&folder);
}

TEST(levels_above_are_dropped)
{
	struct folder folder;
	struct buf buf;
	enum log_level level;

	CHECK(folder_make(&folder));
	open_log(&folder, 0, false);
	log_debug("not this");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("this");
	CHECK_EQ(count_lines(content(folder.log, &buf)), 1);
	CHECK_EQ(log_level_parse("warning", &level), 0);
	CHECK_EQ(level, LOG_LEVEL_WARNING);
	CHECK_EQ(log_level_parse("loud", &level), -EINVAL);
	buf_finish(&buf);
	(void)close(folder.fd);
	folder_remove(&folder);
}

TEST(a_flood_is_cut)
{
	struct folder folder;
	struct buf buf;
	size_t lines;

	CHECK(folder_make(&folder));
	open_log(&folder, 0, false);
	for (int i = 0; i < 10000; i++)
		log_error("again");
	lines = count_lines(content(folder.log, &buf));
	CHECK(lines >= LOG_BURST && lines < 2 * LOG_BURST);
	buf_finish(&buf);
	(void)close(folder.fd);
	folder_remove(&folder);
}

TEST(a_full_log_is_silent)
{
	struct folder folder;
	struct buf buf;
	const char *text;

	CHECK(folder_make(&folder));
	open_log(&folder, 500, false);
	for (int i = 0; i < 20; i++)
		log_info("line");
	text = content(folder.log, &buf);
	CHECK(strlen(text) < 700);
	CHECK(strstr(text, "the log is full") != NULL);
	buf_finish(&buf);
	(void)close(folder.fd);
	folder_remove(&folder);
}

TEST(a_full_log_with_a_path_is_rotated)
{
	struct folder folder;
	struct buf now, before;
	char old[128];

	CHECK(folder_make(&folder));
	open_log(&folder, 500, true);
	for (int i = 0; i < 20; i++)
		log_info("line %d", i);
	(void)snprintf(old, sizeof(old), "%s.1", folder.log);
	CHECK(strstr(content(folder.log, &now), "line 19") != NULL);
	CHECK(strlen(content(old, &before)) > 300);
	CHECK(now.len <= 500);
	CHECK(before.len <= 500);
	buf_finish(&now);
	buf_finish(&before);
	folder_remove(&folder);
}

TEST(a_long_message_is_cut_and_still_json)
{
	struct folder folder;
	struct buf buf;
	char message[3 * LOG_MESSAGE_MAX];
	json_t *line;

	CHECK(folder_make(&folder));
	open_log(&folder, 0, false);
	memset(message, '\x01', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	log_info("%s", message);
	line = json_loads(content(folder.log, &buf), 0, NULL);
	CHECK(line != NULL);
	CHECK_EQ(json_string_length(json_object_get(line, "msg")), LOG_MESSAGE_MAX - 1);
	json_decref(line);
	buf_finish(&buf);
	(void)close(folder.fd);
	folder_remove(&folder);
}

TEST_MAIN()
