#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/chain.h"
#include "audit/files.h"
#include "base/cleanup.h"
#include "base/err.h"

static void close_file(FILE **file)
{
	if (*file != NULL)
		(void)fclose(*file);
}

static int check_line(struct chain *chain, char *line, struct err *err)
{
	size_t len = strlen(line);

	if (len == 0 || line[len - 1] != '\n')
		return err_set(err, -EBADMSG, "it is cut, or longer than %d bytes", AUDIT_LINE_MAX);
	line[--len] = '\0';
	return chain_check(chain, line, len, err);
}

static int check_file(int folder, unsigned number, struct chain *chain, struct err *err)
{
	autocall(close_file) FILE *file = NULL;
	char line[AUDIT_LINE_MAX + 2];
	unsigned count = 0;
	int r = files_open(folder, number, &file);

	if (r < 0)
		return err_set(err, -EBADMSG, "audit file %u cannot be read: %s", number,
			       strerror(-r));
	while (fgets(line, sizeof(line), file) != NULL) {
		count++;
		r = check_line(chain, line, err);
		if (r < 0) {
			(void)err_wrap(err, "line %u of audit file %u", count, number);
			return r;
		}
	}
	return ferror(file) != 0 ? err_set(err, -EIO, "audit file %u cannot be read", number) : 0;
}

int audit_verify(const char *folder, struct audit_report *ret, struct err *err)
{
	autoclose int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned first = 0, last = 0;
	struct chain chain;
	int r = dir < 0 ? -errno : files_range(dir, &first, &last);

	chain_init(&chain);
	if (r < 0)
		return err_set_errno(err, r, "cannot read '%s'", folder);
	if (first > 1)
		r = err_set(err, -EBADMSG, "the audit files before number %u are missing", first);
	for (unsigned number = first; r == 0 && number != 0 && number <= last; number++)
		r = check_file(dir, number, &chain, err);
	*ret = (struct audit_report){ .lines = chain.next - 1 };
	(void)snprintf(ret->last, sizeof(ret->last), "%s", chain.prev);
	return r;
}
