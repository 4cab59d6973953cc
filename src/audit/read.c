#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/files.h"
#include "base/cleanup.h"
#include "base/err.h"

static void close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

static int read_file(int folder, unsigned number, void (*take)(void *context, const char *line),
		     void *context)
{
	autocall(close_file) FILE *file = NULL;
	char line[AUDIT_LINE_MAX + 2];
	int r = files_open(folder, number, &file);

	while (r == 0 && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		take(context, line);
	}
	return r;
}

int audit_read(const char *folder, void (*take)(void *context, const char *line), void *context,
	       struct err *err)
{
	autoclose int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned first = 0, last = 0;
	int r = dir < 0 ? -errno : files_range(dir, &first, &last);

	for (unsigned number = first; r == 0 && number != 0 && number <= last; number++) {
		r = read_file(dir, number, take, context);
		if (r == -ENOENT)
			r = 0; /* what is missing is verify's to tell */
	}
	return r < 0 ? err_set_errno(err, r, "cannot read the audit file") : 0;
}
