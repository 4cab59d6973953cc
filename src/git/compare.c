#include "git/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "git/quarantine.h"
#include "git/registry.h"
#include "git/repository.h"

enum { MODE_DIGITS = 6 };

int compare_prepare(const struct quarantine *quarantine, bool files, struct err *err)
{
	static const char *const fill[] = { "read-tree", "refs/heads/tip", NULL };
	static const char *const add[] = { "add", "--all", "--ignore-errors", NULL };
	const struct git_call call = quarantine_files(quarantine);
	int r = git_must(&call, fill, NULL, err);

	if (r < 0 || !files)
		return r;
	r = git_run(&call, add, NULL, err);
	return r > 1 ? err_wrap(err, "git add") : r < 0 ? r : 0;
}

/* The commit that both sides come from; owned by the caller. */
static int find_base(const struct quarantine *quarantine, char **ret, struct err *err)
{
	static const char *const words[] = { "merge-base", "refs/heads/ours", "refs/heads/tip",
					     NULL };
	const struct git_call call = quarantine_call(quarantine);
	struct err ignored = ERR_INIT;

	if (quarantine->since != NULL) {
		*ret = strdup(quarantine->since);
		return *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
	}
	if (git_line(&call, words, ret, &ignored) == 0)
		return 0;
	*ret = strdup(quarantine->branch->base);
	return *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int compare_run(const struct quarantine *quarantine, enum compare_form form, int out,
		struct buf *ret, struct err *err)
{
	static const char *const forms[] = {
		[COMPARE_PATCH] = "--patch", [COMPARE_STAT] = "--stat", [COMPARE_RAW] = "--raw"
	};
	struct git_call call = quarantine_files(quarantine);
	autofree char *base = NULL;
	int r = find_base(quarantine, &base, err);

	if (r < 0)
		return r;
	const char *words[] = { "diff",
				"--cached",
				"--no-ext-diff",
				"--no-textconv",
				"--no-renames",
				"--no-color",
				"--ignore-submodules=none",
				"--no-abbrev",
				forms[form],
				form == COMPARE_RAW ? "-z" : base,
				form == COMPARE_RAW ? base : NULL,
				NULL };

	call.out = out;
	return git_must(&call, words, ret, err);
}

/* An octal mode and the blank behind it. */
static int take_mode(const char **at, unsigned *ret)
{
	unsigned mode = 0;

	for (int i = 0; i < MODE_DIGITS; i++) {
		if ((*at)[i] < '0' || (*at)[i] > '7')
			return -EBADMSG;
		mode = mode * 8 + (unsigned)((*at)[i] - '0');
	}
	if ((*at)[MODE_DIGITS] != ' ')
		return -EBADMSG;
	*at += MODE_DIGITS + 1;
	*ret = mode;
	return 0;
}

/* An object name and the blank behind it, which becomes its end. */
static int take_object(const char **at, char name[GIT_OID_MAX + 1])
{
	size_t len = strspn(*at, "0123456789abcdef");

	if ((len != 40 && len != 64) || (*at)[len] != ' ')
		return -EBADMSG;
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len + 1;
	return 0;
}

/* ":OLD NEW OBJECT OBJECT S" */
static int take_head(const char *head, struct change *change, char object[GIT_OID_MAX + 1])
{
	char old[GIT_OID_MAX + 1];
	const char *at = head + 1;
	int r = *head == ':' ? take_mode(&at, &change->old_mode) : -EBADMSG;

	if (r == 0)
		r = take_mode(&at, &change->new_mode);
	if (r == 0)
		r = take_object(&at, old);
	if (r == 0)
		r = take_object(&at, object);
	if (r == 0 && (*at < 'A' || *at > 'Z'))
		r = -EBADMSG;
	change->status = *at;
	change->object = object;
	return r;
}

/* The next string of the text that has its NUL within it; NULL when there is none. */
static const char *next_string(const char **at, const char *end)
{
	const char *string = *at, *nul = memchr(string, '\0', (size_t)(end - string));

	if (nul == NULL)
		return NULL;
	*at = nul + 1;
	return string;
}

int compare_walk(const char *text, size_t len,
		 int (*visit)(void *context, const struct change *change), void *context)
{
	const char *at = text, *end = text + len;
	int r = 0;

	while (r == 0 && at < end) {
		char object[GIT_OID_MAX + 1];
		struct change change;
		const char *head = next_string(&at, end);

		change.path = head == NULL ? NULL : next_string(&at, end);
		if (change.path == NULL || *change.path == '\0' ||
		    take_head(head, &change, object) < 0)
			return -EBADMSG;
		r = visit(context, &change);
	}
	return r;
}
