/* /audit: what was done, and whether the record of it is whole. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbxd/route.h"
#include "sbxd/supervisor.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 10000 };

static char *folder_of(const struct request *request)
{
	return path_join(request->supervisor->paths.state, "audit");
}

static int verify(struct request *request, struct err *err)
{
	autofree char *folder = folder_of(request);
	struct audit_report report = { .lines = 0 };
	struct err broken = ERR_INIT;
	int r;

	if (folder == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = audit_verify(folder, &report, &broken);
	if (r < 0 && r != -EBADMSG)
		return err_set(err, r, "%s", broken.text);
	return request_reply(request, 200,
			     json_pack("{sb sI ss ss*}", "right", r == 0, "lines",
				       (json_int_t)report.lines, "last", report.last, "message",
				       r == 0 ? NULL : broken.text),
			     err);
}

/* The lines that are looked for; the latest `limit` of them are kept. */
struct search {
	const char *sandbox, *event; /* NULL: any */
	size_t limit;
	json_t *lines;
};

static bool has_text(const json_t *line, const char *member, const char *wanted)
{
	const char *text = json_string_value(json_object_get(line, member));

	return wanted == NULL || (text != NULL && strcmp(text, wanted) == 0);
}

static void take_line(void *context, const char *text)
{
	struct search *search = context;
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (line == NULL)
		return;
	if (has_text(line, "sandbox", search->sandbox) && has_text(line, "event", search->event)) {
		(void)json_array_append(search->lines, line);
		if (json_array_size(search->lines) > search->limit)
			(void)json_array_remove(search->lines, 0);
	}
	json_decref(line);
}

static int show(struct request *request, struct err *err)
{
	struct search search = { .sandbox = request->query(request, "sandbox"),
				 .event = request->query(request, "event") };
	const char *given = request->query(request, "limit");
	autofree char *folder = folder_of(request);
	uint64_t limit = LIMIT_DEFAULT;
	int r;

	if (given != NULL && (parse_u64(given, LIMIT_MAX, &limit) < 0 || limit == 0))
		return err_set(err, -EINVAL, "limit must be 1 to %d", LIMIT_MAX);
	if (folder == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	search.limit = (size_t)limit;
	search.lines = json_array();
	r = audit_read(folder, take_line, &search, err);
	if (r < 0) {
		json_decref(search.lines);
		return r;
	}
	return request_reply(request, 200, json_pack("{so}", "lines", search.lines), err);
}

const struct route routes_audit[] = {
	{ "GET", "/audit", show },
	{ "GET", "/audit/verify", verify },
	{ NULL, NULL, NULL },
};
