#include "sbxd/route.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

static const struct route *const tables[] = { routes_daemon, routes_sandbox, routes_ports,
					      routes_guest,  routes_secret,  routes_policy,
					      routes_audit,  routes_template };

int route_split(const char *path, struct route_path *ret)
{
	size_t len = strlen(path);
	char *part;

	if (path[0] != '/' || len >= sizeof(ret->text))
		return -ENOENT;
	memcpy(ret->text, path, len + 1);
	ret->count = 0;
	for (part = ret->text; *part == '/'; part = strchrnul(part, '/')) {
		if (ret->count == ROUTE_PARTS_MAX)
			return -ENOENT;
		*part++ = '\0';
		if (*part == '\0' || *part == '/')
			return -ENOENT;
		ret->parts[ret->count++] = part;
	}
	return 0;
}

static bool match(const char *route, const struct route_path *path,
		  const char *ret_args[REQUEST_ARGS_MAX])
{
	size_t args = 0;

	for (size_t i = 0; i < path->count; i++) {
		const char *part = path->parts[i];
		size_t len;

		if (*route != '/')
			return false;
		len = strcspn(++route, "/");
		if (len == 2 && memcmp(route, "{}", 2) == 0)
			ret_args[args++] = part;
		else if (strlen(part) != len || memcmp(route, part, len) != 0)
			return false;
		route += len;
	}
	return *route == '\0';
}

int route_find(const char *method, const struct route_path *path,
	       const char *ret_args[REQUEST_ARGS_MAX], const struct route **ret)
{
	int r = -ENOENT;

	for (size_t t = 0; t < countof(tables); t++) {
		for (const struct route *route = tables[t]; route->method != NULL; route++) {
			if (!match(route->path, path, ret_args))
				continue;
			if (strcmp(route->method, method) == 0) {
				*ret = route;
				return 0;
			}
			r = -EPROTOTYPE;
		}
	}
	return r;
}

int route_parse_body(const char *text, size_t len, json_t **ret, struct err *err)
{
	json_error_t error;
	json_t *json;

	if (len == 0)
		json = json_object();
	else
		json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		return err_set(err, -EINVAL, "the request's body is no JSON: line %d: %s",
			       len == 0 ? 0 : error.line, len == 0 ? "out of memory" : error.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, -EINVAL, "the request's body is no JSON object");
	}
	*ret = json;
	return 0;
}
