/*
 * The sections of a kit, one function each: what it adds to what is there.
 * jansson takes a NULL that ran out of memory and says so at the next call,
 * so results are gathered and looked at once.
 */
#include "kit/compose.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/parse.h"
#include "kit/credential.h"

#define USER_ROOT "0"
#define USER_AGENT "1000"
#define FILE_MODE "0644"

struct merge {
	const struct composition *composition;
	const struct part *part; /* the one that is added now */
	json_t *to;
	struct err *err;
};

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* The member, or a text when there is none. */
static json_t *or_text(const json_t *object, const char *key, const char *otherwise)
{
	json_t *value = json_object_get(object, key);

	return value != NULL ? json_incref(value) : json_string(otherwise);
}

static json_t *or_false(const json_t *object, const char *key)
{
	return json_boolean(json_is_true(json_object_get(object, key)));
}

/* Takes the member over under another name, when it is there. */
static int take(json_t *to, const char *name, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	return value != NULL ? json_object_set(to, name, value) : 0;
}

static int take_size(json_t *to, const char *name, const json_t *from, const char *key)
{
	const char *size = text(from, key);
	uint64_t bytes;

	if (size == NULL || parse_size(size, &bytes) < 0)
		return 0;
	return json_object_set_new(to, name, json_integer((json_int_t)bytes));
}

/* The entry of a list whose member has that text; -1 when there is none. */
static ssize_t find_by(const json_t *list, const char *key, const char *wanted)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *value = text(item, key);

		if (value != NULL && wanted != NULL && strcmp(value, wanted) == 0)
			return (ssize_t)i;
	}
	return -1;
}

static int append_once(json_t *list, json_t *value)
{
	json_t *other;
	size_t i;

	json_array_foreach(list, i, other)
	{
		if (json_equal(other, value))
			return 0;
	}
	return json_array_append(list, value);
}

static int merge_command(struct merge *merge, const json_t *command)
{
	json_t *standard =
		json_is_array(command) ? (json_t *)command : json_object_get(command, "default");
	json_t *interactive = json_object_get(command, "interactive");
	int r = 0;

	if (standard != NULL)
		r |= json_object_set(merge->to, "command", standard);
	if (interactive == NULL)
		interactive = standard;
	if (interactive != NULL)
		r |= json_object_set(merge->to, "interactive", interactive);
	return r;
}

static int merge_resources(struct merge *merge, const json_t *resources)
{
	json_t *to = json_object_get(merge->to, "resources");
	double cpus = json_number_value(json_object_get(resources, "cpu"));
	json_int_t whole = cpus < UINT16_MAX ? (json_int_t)cpus : 0;
	int r = take_size(to, "memory", resources, "memory");

	if (cpus > 0 && cpus < (double)UINT16_MAX)
		r |= json_object_set_new(to, "cpus", json_integer(whole + ((double)whole < cpus)));
	return r;
}

static int merge_sandbox(struct merge *merge, const json_t *spec)
{
	const json_t *sandbox = json_object_get(spec, "sandbox");
	int r = take(merge->to, "image", sandbox, "image");

	r |= take(merge->to, "entrypoint", sandbox, "entrypoint");
	if (json_object_get(sandbox, "command") != NULL)
		r |= merge_command(merge, json_object_get(sandbox, "command"));
	return r | merge_resources(merge, json_object_get(sandbox, "resources"));
}

static int merge_network(struct merge *merge, const json_t *spec)
{
	static const char *const lists[] = { "allow", "deny" };
	const json_t *from = json_object_get(json_object_get(spec, "permissions"), "network");
	json_t *to = json_object_get(merge->to, "network"), *rule;
	size_t at;
	int r = 0;

	for (size_t i = 0; i < countof(lists); i++)
		json_array_foreach(json_object_get(from, lists[i]), at, rule) r |=
			append_once(json_object_get(to, lists[i]), rule);
	return r;
}

/* Two kits say different things about one service. */
static int refuse_credential(struct merge *merge, const char *service, size_t index)
{
	const struct composition *composition = merge->composition;
	char here[PLACE_SIZE], there[PLACE_SIZE] = "";

	part_place_item(merge->part, "credentials", index, here);
	for (size_t i = 0; i < composition->count && there[0] == '\0'; i++) {
		const struct part *part = &composition->parts[i];
		ssize_t at =
			find_by(json_object_get(part->kit.spec, "credentials"), "service", service);

		if (at >= 0)
			part_place_item(part, "credentials", (size_t)at, there);
	}
	return err_set(merge->err, -EBADMSG,
		       "%s: the credential '%s' is asked for in another way at %s", here, service,
		       there);
}

static int merge_credentials(struct merge *merge, const json_t *spec)
{
	json_t *to = json_object_get(merge->to, "credentials"), *credential;
	size_t i;

	json_array_foreach(json_object_get(spec, "credentials"), i, credential)
	{
		const char *service = text(credential, "service");
		json_t *resolved = credential_resolve(credential);
		ssize_t at = find_by(to, "service", service);
		bool is_equal = at >= 0 && json_equal(json_array_get(to, (size_t)at), resolved);

		if (resolved == NULL)
			return -ENOMEM;
		if (at < 0 && json_array_append(to, resolved) < 0)
			at = -ENOMEM;
		json_decref(resolved);
		if (at == -ENOMEM)
			return -ENOMEM;
		if (at >= 0 && !is_equal)
			return refuse_credential(merge, service, i);
	}
	return 0;
}

static int merge_environment(struct merge *merge, const json_t *spec)
{
	const json_t *from = json_object_get(json_object_get(spec, "environment"), "variables");

	return from != NULL ? json_object_update(json_object_get(merge->to, "env"), (json_t *)from)
			    : 0;
}

static json_t *make_file(const json_t *file)
{
	json_t *made =
		json_pack("{s:o, s:o, s:o, s:o}", "path", or_text(file, "path", ""), "content",
			  or_text(file, "content", ""), "mode", or_text(file, "mode", FILE_MODE),
			  "only_if_missing", or_false(file, "onlyIfMissing"));

	return made;
}

static json_t *make_install(const json_t *step)
{
	return json_pack("{s:o, s:o, s:o}", "command", or_text(step, "command", ""), "user",
			 or_text(step, "user", USER_ROOT), "description",
			 or_text(step, "description", ""));
}

static json_t *make_startup(const json_t *step)
{
	return json_pack("{s:O, s:o, s:o, s:o}", "command", json_object_get(step, "command"),
			 "user", or_text(step, "user", USER_AGENT), "background",
			 or_false(step, "background"), "description",
			 or_text(step, "description", ""));
}

static int merge_setup(struct merge *merge, const json_t *spec)
{
	static const struct {
		const char *name;
		json_t *(*make)(const json_t *from);
	} lists[] = { { "files", make_file },
		      { "install", make_install },
		      { "startup", make_startup } };
	const json_t *setup = json_object_get(spec, "setup");
	json_t *item;
	size_t at;
	int r = 0;

	for (size_t i = 0; i < countof(lists); i++)
		json_array_foreach(json_object_get(setup, lists[i].name), at, item) r |=
			json_array_append_new(json_object_get(merge->to, lists[i].name),
					      lists[i].make(item));
	return r;
}

static int merge_volumes(struct merge *merge, const json_t *spec)
{
	json_t *to = json_object_get(merge->to, "volumes"), *volume;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(spec, "volumes"), i, volume)
	{
		ssize_t at = find_by(to, "path", text(volume, "path"));
		json_t *made = json_pack("{s:o, s:o}", "path", or_text(volume, "path", ""), "type",
					 or_text(volume, "type", ""));

		r |= take_size(made, "size", volume, "size");
		r |= take(made, "mode", volume, "mode");
		r |= at >= 0 ? json_array_set_new(to, (size_t)at, made)
			     : json_array_append_new(to, made);
	}
	return r;
}

static int merge_ports(struct merge *merge, const json_t *spec)
{
	json_t *to = json_object_get(merge->to, "ports"), *port;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(spec, "ports"), i, port)
	{
		const char *protocol = text(port, "protocol");
		uint64_t number = 0;
		json_t *made;

		(void)parse_u64(text(port, "container"), UINT16_MAX, &number);
		made = json_pack("{s:I, s:s, s:o}", "container", (json_int_t)number, "protocol",
				 protocol == NULL || *protocol == '\0' ? "tcp" : protocol, "name",
				 or_text(port, "name", ""));
		r |= made != NULL ? append_once(to, made) : -1;
		json_decref(made);
	}
	return r;
}

/* A sandbox kit owns the agent's own file; a mixin adds a note beside it. */
static int merge_instructions(struct merge *merge, const json_t *spec)
{
	const json_t *from = json_object_get(spec, "agentInstructions");
	json_t *to = json_object_get(merge->to, "instructions");
	int r = 0;

	if (kit_is_mixin(&merge->part->kit)) {
		if (text(from, "content") != NULL)
			r = json_array_append_new(json_object_get(merge->to, "memories"),
						  json_pack("{s:s, s:s}", "kit",
							    kit_name(&merge->part->kit), "content",
							    text(from, "content")));
		return r;
	}
	r |= take(to, "filename", from, "filename");
	return r | take(to, "content", from, "content");
}

/* Its name in the list of kits, and in what the whole is called when it is the base. */
static int merge_identity(struct merge *merge, const json_t *spec)
{
	const char *version = text(spec, "version"), *name = text(spec, "name");
	bool is_base = merge->part == &merge->composition->parts[merge->composition->base];
	int r = json_array_append_new(json_object_get(merge->to, "kits"),
				      version != NULL ? json_sprintf("%s@%s", name, version)
						      : json_string(name));

	if (json_is_true(json_object_get(json_object_get(spec, "security"), "privileged")))
		r |= json_object_set_new(merge->to, "privileged", json_true());
	if (!is_base)
		return r;
	r |= take(merge->to, "name", spec, "name");
	r |= json_object_set_new(merge->to, "version", or_text(spec, "version", ""));
	return r | json_object_set_new(merge->to, "description", or_text(spec, "description", ""));
}

static json_t *empty_kit(void)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:[], s:[], s:[], s:{}, s:{s:[], s:[]}, s:[], s:[],"
		"s:[], s:[], s:[], s:[], s:{}, s:[], s:b, s:{}, s:[]}",
		"name", "", "version", "", "description", "", "image", "", "entrypoint", "command",
		"interactive", "env", "network", "allow", "deny", "credentials", "files", "install",
		"startup", "volumes", "ports", "instructions", "memories", "privileged", 0,
		"resources", "kits");
}

int compose_merge(const struct composition *composition, json_t **ret, struct err *err)
{
	static int (*const sections[])(struct merge * merge, const json_t *spec) = {
		merge_identity, merge_sandbox, merge_network, merge_credentials, merge_environment,
		merge_setup,	merge_volumes, merge_ports,   merge_instructions
	};
	struct merge merge = { .composition = composition, .to = empty_kit(), .err = err };
	int r = merge.to != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < composition->count; i++) {
		merge.part = &composition->parts[i];
		for (size_t j = 0; r == 0 && j < countof(sections); j++)
			r = sections[j](&merge, merge.part->kit.spec);
	}
	if (r == 0) {
		*ret = merge.to;
		return 0;
	}
	json_decref(merge.to);
	return r == -EBADMSG ? r : err_set(err, -ENOMEM, "out of memory");
}
