#include "app/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

/* Every byte of a message may become six ("\u001b"), and the frame around it. */
enum { LINE_MAX_BYTES = LOG_MESSAGE_MAX * 6 + 256 };

static struct {
	struct log_config config;
	uint64_t written;	/* bytes in the file */
	uint64_t refilled_ms;	/* when tokens were last added */
	unsigned tokens;	/* lines that may be written now */
	unsigned long left_out; /* lines since the last one that was written */
	bool full;
} state = { .config = { .fd = -1 } };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_open(const struct log_config *config)
{
	struct stat st;

	state.config = *config;
	state.written = config->fd >= 0 && fstat(config->fd, &st) == 0 && S_ISREG(st.st_mode)
				? (uint64_t)st.st_size
				: 0;
	state.refilled_ms = clock_now_ms();
	state.tokens = LOG_BURST;
	state.left_out = 0;
	state.full = false;
}

void log_set_level(enum log_level level)
{
	state.config.level = level;
}

enum log_level log_level(void)
{
	return state.config.level;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

int log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < countof(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

struct line {
	size_t len;
	char bytes[LINE_MAX_BYTES];
};

static void put(struct line *line, const char *text)
{
	size_t len = strlen(text);

	if (len > sizeof(line->bytes) - line->len)
		len = sizeof(line->bytes) - line->len;
	memcpy(line->bytes + line->len, text, len);
	line->len += len;
}

/* RFC 8259 section 7; bytes beyond ASCII pass as they are, so a reader may see bad UTF-8. */
static void put_escaped(struct line *line, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		char escaped[8] = { (char)c };

		if (c == '"' || c == '\\')
			(void)snprintf(escaped, sizeof(escaped), "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		put(line, escaped);
	}
}

/*
 * The civil date of a day counted from 1970-01-01, in the proleptic Gregorian
 * calendar. gmtime_r() is not used because it may open the time zone file.
 */
static void civil_date(uint64_t day, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	/* Count from 0000-03-01, so that the leap day ends a year, in eras of 400 years. */
	uint64_t shifted = day + 719468;
	uint64_t era = shifted / 146097;
	uint64_t of_era = shifted % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * of_year + 2) / 153;

	*ret_day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (unsigned)(month < 10 ? month + 3 : month - 9);
	*ret_year = (unsigned)(year + era * 400 + (*ret_month <= 2 ? 1 : 0));
}

static void put_time(struct line *line)
{
	uint64_t ms = clock_realtime_ns() / 1000000;
	uint64_t second = ms / 1000;
	unsigned year, month, day;
	char text[64];

	civil_date(second / 86400, &year, &month, &day);
	(void)snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day,
		       (unsigned)(second / 3600 % 24), (unsigned)(second / 60 % 60),
		       (unsigned)(second % 60), (unsigned)(ms % 1000));
	put(line, text);
}

static void line_make(struct line *line, enum log_level level, const char *message)
{
	line->len = 0;
	put(line, "{\"time\":\"");
	put_time(line);
	put(line, "\",\"level\":\"");
	put(line, level_names[level]);
	put(line, "\",\"program\":\"");
	put_escaped(line, state.config.program != NULL ? state.config.program : "");
	put(line, "\",\"msg\":\"");
	put_escaped(line, message);
	put(line, "\"}\n");
}

/* Renames the full file and begins a new one. */
static int rotate(void)
{
	char old[4096];
	int n = snprintf(old, sizeof(old), "%s.1", state.config.path);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(old))
		return -ENAMETOOLONG;
	if (rename(state.config.path, old) < 0)
		return -errno;
	fd = open(state.config.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	(void)close(state.config.fd);
	state.config.fd = fd;
	state.written = 0;
	return 0;
}

static void line_write(const struct line *line)
{
	ssize_t n = write(state.config.fd, line->bytes, line->len);

	if (n > 0)
		state.written += (uint64_t)n;
}

/* Whether len more bytes may be written; rotates or closes the log when it is full. */
static bool has_room(size_t len)
{
	struct line last;

	if (state.config.max_bytes == 0 || state.written + len <= state.config.max_bytes)
		return true;
	if (state.config.path != NULL && rotate() == 0)
		return true;
	line_make(&last, LOG_LEVEL_WARNING, "the log is full; nothing more is written");
	line_write(&last);
	state.full = true;
	return false;
}

/* Takes a token of the bucket; tokens come back at LOG_RATE a second. */
static bool take_token(void)
{
	uint64_t now = clock_now_ms();
	uint64_t earned = (now - state.refilled_ms) * LOG_RATE / 1000;

	if (earned > 0) {
		uint64_t room = LOG_BURST - state.tokens;

		state.tokens += (unsigned)min_of(earned, room);
		state.refilled_ms = now;
	}
	if (state.tokens == 0)
		return false;
	state.tokens--;
	return true;
}

static void report_left_out(void)
{
	struct line line;
	char text[64];

	if (state.left_out == 0)
		return;
	(void)snprintf(text, sizeof(text), "%lu lines were left out", state.left_out);
	state.left_out = 0;
	line_make(&line, LOG_LEVEL_WARNING, text);
	line_write(&line);
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *format,
							   va_list args)
{
	char message[LOG_MESSAGE_MAX];
	struct line line;
	int saved = errno;

	if (state.config.fd < 0 || level > state.config.level || state.full)
		return;
	if (!take_token()) {
		state.left_out++;
		return;
	}
	report_left_out();
	(void)vsnprintf(message, sizeof(message), format, args);
	line_make(&line, level, message);
	if (has_room(line.len))
		line_write(&line);
	errno = saved;
}

#define LOG_FUNCTION(name, level)                \
	void log_##name(const char *format, ...) \
	{                                        \
		va_list args;                    \
                                                 \
		va_start(args, format);          \
		log_line(level, format, args);   \
		va_end(args);                    \
	}

LOG_FUNCTION(error, LOG_LEVEL_ERROR)
LOG_FUNCTION(warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(info, LOG_LEVEL_INFO)
LOG_FUNCTION(debug, LOG_LEVEL_DEBUG)
