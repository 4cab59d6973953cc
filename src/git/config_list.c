#include "git/config_list.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"

enum { LIST_MAX = 1 << 20 };

/* list: "KEY\nVALUE\0" each, or "KEY\0". */
static int walk(struct buf *list, git_config_fn *each, void *data, struct err *err)
{
	char *at = (char *)(uintptr_t)buf_str(list);
	int r = 0;

	if (at == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (const char *end = at + list->len; r == 0 && at < end;) {
		char *next = at + strlen(at) + 1, *value = strchr(at, '\n');

		if (value != NULL) {
			*value++ = '\0';
			r = each(at, value, data, err);
		}
		at = next;
	}
	return r;
}

int git_each_config(const struct git_call *call, const char *blob, const char *pattern,
		    git_config_fn *each, void *data, struct err *err)
{
	const char *source = blob != NULL ? blob : "--null"; /* that again says nothing new */
	const char *words[] = { "config", "--null", source, "--get-regexp", pattern, NULL };
	autocall(buf_finish) struct buf list;
	int r;

	buf_init(&list, LIST_MAX);
	r = git_run(call, words, &list, err);
	return r != 0 ? r : walk(&list, each, data, err);
}
