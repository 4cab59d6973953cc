/*
 * The diary of a program: one JSON object a line, to a descriptor.
 *
 *	{"time":"2026-11-21T06:45:00.123Z","level":"info","program":"sbx-fs","msg":"…"}
 *
 * Programs only. There is one log in a process; before log_open() lines are
 * dropped. A line is one write(), so several processes may share a file opened
 * with O_APPEND and threads need no lock of their own. No call fails: a log
 * that cannot be written is silent.
 *
 * What the guest causes to be logged cannot fill the disk: a message is cut at
 * LOG_MESSAGE_MAX bytes, at most LOG_BURST lines may come at once and LOG_RATE
 * a second after that (a later line tells how many were left out), and the
 * whole is bounded by max_bytes. Nothing here opens a file, asks for the time
 * zone or allocates (but for the rotation of a log with a path), so it works
 * under a narrow seccomp filter: write and clock_gettime are enough.
 */
#ifndef APP_LOG_H
#define APP_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_MESSAGE_MAX = 1024, LOG_BURST = 200, LOG_RATE = 20 };

struct log_config {
	const char *program; /* weak, lives as long as the process */
	int fd;		     /* weak; -1: none */
	/*
	 * The file behind fd, weak, or NULL. With a path a full log is renamed to
	 * PATH.1 and begun again (the log then closes and owns its descriptors);
	 * without one, a full log says so and is silent from then on.
	 */
	const char *path;
	uint64_t max_bytes; /* 0: no bound */
	enum log_level level;
};

void log_open(const struct log_config *config);

/* Lines above this level are dropped. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

/* "error", "warning", "info", "debug"; -EINVAL for another word. */
const char *log_level_name(enum log_level level);
int log_level_parse(const char *name, enum log_level *ret);

__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *format, ...);

#endif
