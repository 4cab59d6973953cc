#include "sbx/portspec.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/unit/test.h"

/* Whether the spec becomes this JSON, keys sorted. */
static bool becomes(const char *text, const char *want)
{
	struct err err = ERR_INIT;
	json_t *list = json_array();
	char *dump = NULL;
	bool same;

	if (portspec_add(list, text, &err) == 0)
		dump = json_dumps(json_array_get(list, 0), JSON_SORT_KEYS | JSON_COMPACT);
	same = dump != NULL && strcmp(dump, want) == 0;
	if (!same)
		printf("# %s became %s\n", text, dump != NULL ? dump : err.text);
	free(dump);
	json_decref(list);
	return same;
}

static bool is_refused(const char *text)
{
	struct err err = ERR_INIT;
	json_t *list = json_array();
	bool refused = portspec_add(list, text, &err) == -EINVAL && json_array_size(list) == 0;

	json_decref(list);
	return refused;
}

TEST(every_form_is_understood)
{
	CHECK(becomes("3000", "{\"sandbox_port\":3000}"));
	CHECK(becomes("3000/udp", "{\"protocol\":\"udp\",\"sandbox_port\":3000}"));
	CHECK(becomes("8080:3000", "{\"host_port\":8080,\"sandbox_port\":3000}"));
	CHECK(becomes("0.0.0.0:8080:3000/tcp4",
		      "{\"host_ip\":\"0.0.0.0\",\"host_port\":8080,\"protocol\":\"tcp4\","
		      "\"sandbox_port\":3000}"));
	CHECK(becomes("[::1]:8080:80",
		      "{\"host_ip\":\"::1\",\"host_port\":8080,\"sandbox_port\":80}"));
	CHECK(becomes("[::1]:80", "{\"host_ip\":\"::1\",\"sandbox_port\":80}"));
	CHECK(becomes("127.0.0.1::80", "{\"host_ip\":\"127.0.0.1\",\"sandbox_port\":80}"));
}

TEST(what_is_no_port_is_refused)
{
	CHECK(is_refused(""));
	CHECK(is_refused("http"));
	CHECK(is_refused("65536"));
	CHECK(is_refused("-1"));
	CHECK(is_refused("80:"));
	CHECK(is_refused(":80"));
	CHECK(is_refused("80/"));
	CHECK(is_refused("::1:80:80"));
	CHECK(is_refused("1:2:3:4"));
	CHECK(is_refused("[]:1:2"));
	CHECK(is_refused("80 "));
}

TEST(ports_are_listed)
{
	json_t *ports = json_loads(
		"[{\"host_ip\":\"127.0.0.1\",\"host_port\":8080,"
		"\"sandbox_port\":3000,\"protocol\":\"tcp4\"},"
		"{\"host_ip\":\"::1\",\"host_port\":8080,"
		"\"sandbox_port\":3000,\"protocol\":\"tcp6\"}]",
		0, NULL);
	char *text = portspec_list(ports), *none = portspec_list(NULL);

	CHECK_STR(text, "127.0.0.1:8080->3000/tcp4, [::1]:8080->3000/tcp6");
	CHECK_STR(none, "");
	free(text);
	free(none);
	json_decref(ports);
}

TEST_MAIN()
