#include "kit/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/parse.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { NAME_MAX_LENGTH = 64, PORT_MAX = 65535, MODE_DIGITS = 4 };

/* One of first, then any of rest, to the end. */
static bool is_made_of(const char *text, const char *first, const char *rest)
{
	return text[0] != '\0' && strchr(first, text[0]) != NULL &&
	       text[1 + strspn(text + 1, rest)] == '\0';
}

static const char *one_of(const char *text, const char *a, const char *b, const char *phrase)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0 ? NULL : phrase;
}

const char *text_version(const char *text)
{
	return one_of(text, "2", "2", "\"2\" (or \"1\", \"3\")");
}

const char *text_kind(const char *text)
{
	return one_of(text, "sandbox", "mixin", "sandbox or mixin");
}

const char *text_kind_v1(const char *text)
{
	return strcmp(text, "agent") == 0 ? NULL : text_kind(text);
}

const char *text_kind_v3(const char *text)
{
	static const char *const kinds[] = { "workload", "mixin", "set", "sandbox" };

	for (size_t i = 0; i < countof(kinds); i++)
		if (strcmp(text, kinds[i]) == 0)
			return NULL;
	return "workload or mixin";
}

const char *text_service(const char *text)
{
	return is_made_of(text, LOWER DIGITS, LOWER DIGITS "-_") && strlen(text) <= NAME_MAX_LENGTH
		       ? NULL
		       : "made of a-z, 0-9, - and _, at most 64 of them";
}

const char *text_capability(const char *text)
{
	const char *slash = strchr(text, '/'), *sign = strchr(text, '@');
	uint64_t version;

	if (slash != NULL && sign != NULL && slash < sign &&
	    strspn(text, LOWER DIGITS "-.") == (size_t)(slash - text) &&
	    strspn(slash + 1, LOWER DIGITS "-") == (size_t)(sign - slash - 1) && sign > slash + 1 &&
	    slash > text && parse_u64(sign + 1, UINT16_MAX, &version) == 0)
		return NULL;
	return "a type of capability, like com.example/name@1";
}

const char *text_name(const char *text)
{
	size_t length = strlen(text);

	if (length <= NAME_MAX_LENGTH && is_made_of(text, LOWER DIGITS, LOWER DIGITS "-") &&
	    text[length - 1] != '-')
		return NULL;
	return "made of a-z, 0-9 and - inside, at most 64 of them";
}

const char *text_path(const char *text)
{
	static const char phrase[] = "an absolute path without ..";

	if (text[0] != '/')
		return phrase;
	for (const char *at = strstr(text, "/.."); at != NULL; at = strstr(at + 1, "/.."))
		if (at[3] == '/' || at[3] == '\0')
			return phrase;
	return NULL;
}

const char *text_locked(const char *text)
{
	for (;;) {
		size_t length = strspn(text, LOWER UPPER DIGITS);

		if (length == 0 || strchr(LOWER, text[0]) == NULL)
			break;
		if (text[length] == '\0')
			return NULL;
		if (text[length] != '.')
			break;
		text += length + 1;
	}
	return "keys with dots between them, like permissions.network";
}

const char *text_argument(const char *text)
{
	return is_made_of(text, LOWER UPPER "_", LOWER UPPER DIGITS "_-")
		       ? NULL
		       : "a name: a letter or _, then letters, digits, _ and -";
}

const char *text_variable(const char *text)
{
	static const char *const prefixes[] = { "DASH_", "SBX_", "DOCKER_", "LD_" };
	static const char *const names[] = { "HOME", "USER", "SHELL", "PATH" };

	if (!is_made_of(text, LOWER UPPER "_", LOWER UPPER DIGITS "_"))
		return "the name of a variable: a letter or _, then letters, digits and _";
	for (size_t i = 0; i < countof(prefixes); i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return "a variable that is not the sandbox's own (DASH_ SBX_ DOCKER_ LD_)";
	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(text, names[i]) == 0)
			return "a variable that is not the sandbox's own (HOME USER SHELL PATH)";
	return NULL;
}

const char *text_mode(const char *text)
{
	const char *digits = text + strspn(text, "0");
	size_t length = strspn(digits, "01234567");

	return text[0] != '\0' && digits[length] == '\0' && length <= MODE_DIGITS
		       ? NULL
		       : "a mode in octal, like 0644";
}

const char *text_port(const char *text)
{
	uint64_t port;

	return parse_u64(text, PORT_MAX, &port) == 0 && port > 0 ? NULL : "a port, 1 to 65535";
}

const char *text_protocol(const char *text)
{
	return text[0] == '\0' ? NULL : one_of(text, "tcp", "udp", "tcp or udp");
}

const char *text_volume_type(const char *text)
{
	return one_of(text, "", "tmpfs", "tmpfs or empty");
}

const char *text_scheme(const char *text)
{
	return one_of(text, "bearer", "basic", "bearer or basic");
}

const char *text_format(const char *text)
{
	const char *percent = strchr(text, '%');

	if (percent != NULL && percent[1] == 's' && strchr(percent + 1, '%') == NULL)
		return NULL;
	return "a format with one %s";
}

const char *text_size(const char *text)
{
	uint64_t bytes;

	return parse_size(text, &bytes) == 0 ? NULL : "a size, like 512m";
}

const char *text_resource(const char *text)
{
	const char *rest = LOWER UPPER DIGITS "-_.:/*[]";

	return is_made_of(text, rest, rest) ? NULL : "a host, HOST:PORT or a wildcard like *.x.com";
}

const char *text_filled(const char *text)
{
	return text[0] != '\0' ? NULL : "filled in";
}

const char *text_https(const char *text)
{
	return strncmp(text, "https://", 8) == 0 ? NULL : "a URL that begins with https://";
}
