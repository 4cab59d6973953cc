/*
 * A request to the REST interface: "METHOD PATH\n" and a body. The path is routed;
 * a body for POST /sandbox is checked as a creation, against a host without files.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "sbxd/create.h"
#include "sbxd/kit.h"
#include "sbxd/record.h"
#include "sbxd/route.h"
#include "sbxd/supervisor.h"
#include "tests/fuzz/fuzz.h"

static void try_creation(json_t *body)
{
	static struct supervisor supervisor = {
		.paths = { .state = (char *)"/state",
			   .run = (char *)"/run",
			   .home = (char *)"/home" },
		.host = { .cpus = 4, .memory_bytes = 16ull << 30 },
	};
	struct request request = { .supervisor = &supervisor, .body = body };
	struct err err = ERR_INIT;
	struct kit *kit = NULL;
	struct record record;
	struct create_choices how;

	if (create_check(&request, &record, &how, &kit, &err) < 0) {
		assert(err.text[0] != '\0');
		return;
	}
	assert(!how.is_named || name_is_valid(record.name));
	assert(record.cpus >= 1 && record.cpus <= 4);
	assert((kit != NULL) == (record.kit == RECORD_KIT_PENDING));
	kit_destroy(kit);
	record_finish(&record);
}

static void try_route(const char *line)
{
	const struct route *route = NULL;
	const char *args[REQUEST_ARGS_MAX] = { NULL };
	const char *space = strchr(line, ' ');
	struct route_path path;
	char method[16];

	if (space == NULL || (size_t)(space - line) >= sizeof(method) ||
	    route_split(space + 1, &path) < 0)
		return;
	(void)snprintf(method, sizeof(method), "%.*s", (int)(space - line), line);
	if (route_find(method, &path, args, &route) == 0)
		assert(strcmp(route->method, method) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
	struct err err = ERR_INIT;
	char line[512];
	json_t *body;
	size_t len;

	if (end == NULL)
		return 0;
	len = (size_t)(end - data);
	if (len < sizeof(line)) {
		memcpy(line, data, len);
		line[len] = '\0';
		try_route(line);
	}
	if (route_parse_body((const char *)end + 1, size - len - 1, &body, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	try_creation(body);
	json_decref(body);
	return 0;
}
