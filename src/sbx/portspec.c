#include "sbx/portspec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbx/sandbox.h"

static int refuse(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
		       "'%.100s' is no port: [[HOST_IP:]HOST_PORT:]SANDBOX_PORT[/PROTOCOL]", text);
}

/* Cuts what is behind the last colon off the text; NULL when there is none. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

static int add_number(json_t *port, const char *member, const char *text)
{
	uint64_t number = 0;

	if (parse_u64(text, UINT16_MAX, &number) < 0)
		return -EINVAL;
	return json_object_set_new(port, member, json_integer((json_int_t)number));
}

/* Without its brackets, which an IPv6 address must have. */
static int add_address(json_t *port, char *text)
{
	size_t len = strlen(text);

	if (text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
	} else if (strchr(text, ':') != NULL) {
		return -EINVAL;
	}
	return text[0] == '\0' ? -EINVAL : json_object_set_new(port, "host_ip", json_string(text));
}

/* Takes the text apart from its end. */
static int fill(json_t *port, char *text)
{
	char *slash = strchr(text, '/');
	char *last, *middle;
	int r = 0;

	if (slash != NULL) {
		*slash = '\0';
		r = slash[1] == '\0'
			    ? -EINVAL
			    : json_object_set_new(port, "protocol", json_string(slash + 1));
	}
	last = cut_last(text);
	if (r == 0)
		r = add_number(port, "sandbox_port", last != NULL ? last : text);
	if (r < 0 || last == NULL)
		return r;
	/* one colon: a port; more: an address before it */
	middle = text[0] == '[' && text[strlen(text) - 1] == ']' ? NULL : cut_last(text);
	if (middle == NULL && text[0] == '[')
		return add_address(port, text);
	if (middle == NULL || middle[0] != '\0')
		r = add_number(port, "host_port", middle != NULL ? middle : text);
	return r < 0 || middle == NULL ? r : add_address(port, text);
}

int portspec_add(json_t *list, const char *text, struct err *err)
{
	autofree char *copy = strdup(text);
	json_t *port = json_object();

	if (copy == NULL || port == NULL) {
		json_decref(port);
		return err_set(err, -ENOMEM, "out of memory");
	}
	if (fill(port, copy) < 0) {
		json_decref(port);
		return refuse(text, err);
	}
	return json_array_append_new(list, port) == 0 ? 0 : err_set(err, -ENOMEM, "out of memory");
}

void portspec_host(const json_t *port, char *ret, size_t size)
{
	const char *address = sandbox_text(port, "host_ip");
	bool is_v6 = strchr(address, ':') != NULL;

	(void)snprintf(ret, size, "%s%s%s:%lld", is_v6 ? "[" : "", address, is_v6 ? "]" : "",
		       (long long)json_integer_value(json_object_get(port, "host_port")));
}

char *portspec_list(const json_t *ports)
{
	autocall(buf_finish) struct buf text = { 0 };
	char host[80];
	json_t *port;
	size_t i;
	int r = 0;

	buf_init(&text, 1 << 16);
	json_array_foreach(ports, i, port)
	{
		portspec_host(port, host, sizeof(host));
		r |= buf_printf(
			&text, "%s%s->%lld/%s", i > 0 ? ", " : "", host,
			(long long)json_integer_value(json_object_get(port, "sandbox_port")),
			sandbox_text(port, "protocol"));
	}
	return r < 0 || buf_str(&text) == NULL ? NULL : strdup(buf_str(&text));
}
