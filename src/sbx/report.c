#include "sbx/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/err.h"

void report_error(const struct err *err)
{
	(void)fputs("ERROR: ", stderr);
	(void)terminal_print_safe(stderr, err->text);
	(void)fputc('\n', stderr);
}

void report_warning(const char *text)
{
	(void)fputs("WARNING: ", stderr);
	(void)terminal_print_safe(stderr, text);
	(void)fputc('\n', stderr);
}

int report_json(const json_t *document, struct err *err)
{
	if (json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) < 0)
		return err_set(err, -EIO, "cannot write the answer as JSON");
	(void)putchar('\n');
	return 0;
}

int report_confirm(bool force, const char *question, struct err *err)
{
	char answer[16];
	const char *given;

	if (force)
		return 0;
	if (isatty(STDIN_FILENO) != 1)
		return err_set(err, -ENOTTY,
			       "stdin is not a terminal; use --force to skip confirmation");
	(void)terminal_print_safe(stderr, question);
	(void)fputs(" [y/N] ", stderr);
	(void)fflush(stderr);
	given = fgets(answer, sizeof(answer), stdin);
	if (given != NULL && (*given == 'y' || *given == 'Y'))
		return 0;
	if (given == NULL) /* ^D leaves the cursor behind the question */
		(void)fputc('\n', stderr);
	return err_set(err, -ECANCELED, "cancelled; nothing was changed");
}

void report_size(uint64_t bytes, char *ret, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < countof(units)) {
		value /= 1024;
		unit++;
	}
	if (value == (double)(uint64_t)value)
		(void)snprintf(ret, size, "%llu %s", (unsigned long long)value, units[unit]);
	else
		(void)snprintf(ret, size, "%.1f %s", value, units[unit]);
}
