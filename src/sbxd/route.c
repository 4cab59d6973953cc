#include "sbxd/route.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

static const struct route *const tables[] = { routes_daemon, routes_sandbox, routes_ports,
					      routes_guest,  routes_secret,  routes_policy,
					      routes_audit,  routes_template };

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX in place (RFC 3986, section 2.1); no byte becomes the end of the text. */
static int decode(char *text)
{
	char *to = text;

	while (*text != '\0') {
		int high, low;

		if (*text != '%') {
			*to++ = *text++;
			continue;
		}
		high = digit_of(text[1]);
		low = high >= 0 ? digit_of(text[2]) : -1;
		if (low < 0 || high + low == 0)
			return -ENOENT;
		*to++ = (char)(high << 4 | low);
		text += 3;
	}
	*to = '\0';
	return 0;
}

static int decode_parts(struct route_path *path)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < path->count; i++)
		r = decode(path->parts[i]);
	return r;
}

int route_split(const char *path, struct route_path *ret)
{
	size_t len = strcspn(path, "?");
	char *part;

	if (len >= sizeof(ret->text))
		return -ENAMETOOLONG;
	if (path[0] != '/')
		return -ENOENT;
	memcpy(ret->text, path, len);
	ret->text[len] = '\0';
	ret->count = 0;
	for (part = ret->text; *part == '/'; part = strchrnul(part, '/')) {
		if (ret->count == ROUTE_PARTS_MAX)
			return -ENOENT;
		*part++ = '\0';
		if (*part == '\0' || *part == '/')
			return -ENOENT;
		ret->parts[ret->count++] = part;
	}
	return decode_parts(ret);
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
