#include "sbxd/kit_grammar.h"

#include <ctype.h>
#include <string.h>

#include "base/check.h"

enum { CONTENT_MAX = 512 << 10, STEPS_MAX = 128, ITEMS_MAX = 256, CPUS_MAX = 4096 };

/* What the runtime sets itself, and what would change how programs are loaded. */
static const char *const reserved[] = { "DASH_", "SBX_", "DOCKER_", "LD_" };
static const char *const fixed[] = { "HOME", "USER", "SHELL", "PATH" };

static const char *is_filled(const char *text)
{
	return text[0] != '\0' ? NULL : "more than nothing";
}

static const char *is_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= 63 && text[len] == '\0' && text[0] != '-' ? NULL
									   : "a name like my-kit";
}

static const char *is_variable(const char *text)
{
	size_t len =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	if (len == 0 || text[len] != '\0' || isdigit((unsigned char)text[0]))
		return "the name of an environment variable";
	for (size_t i = 0; i < countof(reserved); i++)
		if (strncmp(text, reserved[i], strlen(reserved[i])) == 0)
			return "a variable that is not the sandbox's own";
	for (size_t i = 0; i < countof(fixed); i++)
		if (strcmp(text, fixed[i]) == 0)
			return "a variable that is not the sandbox's own";
	return NULL;
}

/* One word of visible ASCII: it becomes a word of a line. */
static const char *is_word(const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return "one word";
	return text[0] != '\0' && text[0] != '#' ? NULL : "one word";
}

static const char *is_path(const char *text)
{
	static const char want[] = "an absolute path without '..'";

	if (text[0] != '/')
		return want;
	for (const char *part = text; part != NULL; part = strchr(part + 1, '/'))
		if (strncmp(part, "/..", 3) == 0 && (part[3] == '/' || part[3] == '\0'))
			return want;
	return NULL;
}

static const char *is_file_name(const char *text)
{
	return strchr(text, '/') == NULL && text[0] != '.' && text[0] != '\0' ? NULL
									      : "a file name";
}

static const char *is_mode(const char *text)
{
	size_t len = strspn(text, "01234567");

	return len > 0 && len <= 4 && text[len] == '\0' ? NULL : "an octal mode like 0644";
}

static const char *is_user(const char *text)
{
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return text[0] != '-' && len > 0 && text[len] == '\0' ? NULL : "a user's name or number";
}

static const char *is_protocol(const char *text)
{
	return text[0] == '\0' || strcmp(text, "tcp") == 0 || strcmp(text, "udp") == 0
		       ? NULL
		       : "tcp or udp";
}

static const char *is_volume_type(const char *text)
{
	return text[0] == '\0' || strcmp(text, "tmpfs") == 0 ? NULL : "tmpfs or nothing";
}

static const struct shape network[] = {
	{ .member = "allow", .kind = SHAPE_TEXTS, .max = ITEMS_MAX, .check = is_word },
	{ .member = "deny", .kind = SHAPE_TEXTS, .max = ITEMS_MAX, .check = is_word },
	{ .member = NULL },
};

static const struct shape inject[] = {
	{ .member = "domain", .is_required = true, .check = is_word },
	{ .member = "header", .check = is_word },
	{ .member = "format" },
	{ .member = "scheme", .check = is_word },
	{ .member = "username", .check = is_word },
	{ .member = NULL },
};

static const struct shape api_key[] = {
	{ .member = "env", .check = is_variable },
	{ .member = "proxy_managed", .kind = SHAPE_BOOL },
	{ .member = "inject", .kind = SHAPE_LIST, .max = 8, .of = inject },
	{ .member = NULL },
};

static const struct shape endpoint[] = {
	{ .member = "host", .is_required = true, .check = is_word },
	{ .member = "path", .is_required = true, .check = is_word },
	{ .member = NULL },
};

static const struct shape sentinels[] = {
	{ .member = "access_token", .check = is_word },
	{ .member = "refresh_token", .check = is_word },
	{ .member = NULL },
};

static const struct shape login_file[] = {
	{ .member = "path", .is_required = true, .check = is_word },
	{ .member = "structure", .kind = SHAPE_ANY },
	{ .member = "template" },
	{ .member = NULL },
};

static const struct shape oauth[] = {
	{ .member = "token_endpoint", .kind = SHAPE_OBJECT, .of = endpoint },
	{ .member = "resource_hosts", .kind = SHAPE_TEXTS, .max = 32, .check = is_word },
	{ .member = "sentinels", .kind = SHAPE_OBJECT, .of = sentinels },
	{ .member = "credential_file", .kind = SHAPE_OBJECT, .of = login_file },
	{ .member = "response_fields", .kind = SHAPE_ANY },
	{ .member = "passthrough", .kind = SHAPE_BOOL },
	{ .member = NULL },
};

static const struct shape credential[] = {
	{ .member = "service", .is_required = true, .check = is_name },
	{ .member = "required", .kind = SHAPE_BOOL },
	{ .member = "description" },
	{ .member = "api_key", .kind = SHAPE_OBJECT, .of = api_key },
	{ .member = "oauth", .kind = SHAPE_OBJECT, .of = oauth },
	{ .member = NULL },
};

static const struct shape file[] = {
	{ .member = "path", .is_required = true, .check = is_path },
	{ .member = "content", .max = CONTENT_MAX },
	{ .member = "mode", .check = is_mode },
	{ .member = "only_if_missing", .kind = SHAPE_BOOL },
	{ .member = NULL },
};

static const struct shape install[] = {
	{ .member = "command", .is_required = true, .max = 30000, .check = is_filled },
	{ .member = "user", .check = is_user },
	{ .member = "description" },
	{ .member = NULL },
};

static const struct shape startup[] = {
	{ .member = "command", .kind = SHAPE_TEXTS, .is_required = true, .max = STEPS_MAX },
	{ .member = "user", .check = is_user },
	{ .member = "background", .kind = SHAPE_BOOL },
	{ .member = "description" },
	{ .member = NULL },
};

static const struct shape volume[] = {
	{ .member = "path", .is_required = true, .check = is_path },
	{ .member = "type", .check = is_volume_type },
	{ .member = "size", .kind = SHAPE_SIZE },
	{ .member = "mode", .check = is_mode },
	{ .member = NULL },
};

static const struct shape port[] = {
	{ .member = "container", .kind = SHAPE_NUMBER, .is_required = true, .max = 65535 },
	{ .member = "protocol", .check = is_protocol },
	{ .member = "name" },
	{ .member = NULL },
};

static const struct shape instructions[] = {
	{ .member = "filename", .check = is_file_name },
	{ .member = "content", .max = CONTENT_MAX },
	{ .member = NULL },
};

static const struct shape memory[] = {
	{ .member = "kit", .is_required = true, .check = is_name },
	{ .member = "content", .max = CONTENT_MAX },
	{ .member = NULL },
};

static const struct shape resources[] = {
	{ .member = "cpus", .kind = SHAPE_NUMBER, .max = CPUS_MAX },
	{ .member = "memory", .kind = SHAPE_SIZE },
	{ .member = NULL },
};

const struct shape kit_grammar[] = {
	{ .member = "name", .is_required = true, .check = is_name },
	{ .member = "version" },
	{ .member = "digest" },
	{ .member = "description" },
	{ .member = "image" },
	{ .member = "entrypoint", .kind = SHAPE_TEXTS, .max = STEPS_MAX },
	{ .member = "command", .kind = SHAPE_TEXTS, .max = STEPS_MAX },
	{ .member = "interactive", .kind = SHAPE_TEXTS, .max = STEPS_MAX },
	{ .member = "env", .kind = SHAPE_MAP, .max = ITEMS_MAX, .check = is_variable },
	{ .member = "network", .kind = SHAPE_OBJECT, .of = network },
	{ .member = "credentials", .kind = SHAPE_LIST, .max = 32, .of = credential },
	{ .member = "files", .kind = SHAPE_LIST, .max = STEPS_MAX, .of = file },
	{ .member = "install", .kind = SHAPE_LIST, .max = STEPS_MAX, .of = install },
	{ .member = "startup", .kind = SHAPE_LIST, .max = STEPS_MAX, .of = startup },
	{ .member = "volumes", .kind = SHAPE_LIST, .max = STEPS_MAX, .of = volume },
	{ .member = "ports", .kind = SHAPE_LIST, .max = STEPS_MAX, .of = port },
	{ .member = "instructions", .kind = SHAPE_OBJECT, .of = instructions },
	{ .member = "memories", .kind = SHAPE_LIST, .max = 32, .of = memory },
	{ .member = "privileged", .kind = SHAPE_BOOL },
	{ .member = "resources", .kind = SHAPE_OBJECT, .of = resources },
	{ .member = "kits", .kind = SHAPE_TEXTS, .max = 32 },
	{ .member = NULL },
};
