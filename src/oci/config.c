#include "oci/config.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "oci/text.h"

enum { STRINGS_MAX = 512 };

static const char what[] = "the image's configuration";

void oci_config_finish(struct oci_config *config)
{
	json_decref(config->config);
	config->config = NULL;
}

static int check_machine(const json_t *json, struct err *err)
{
	const char *os, *architecture;
	int r = oci_text_string(what, json, "os", &os, err);

	if (r == 0)
		r = oci_text_string(what, json, "architecture", &architecture, err);
	if (r < 0)
		return r;
	if (os == NULL || architecture == NULL)
		return err_set(err, -EPROTO, "%s does not say for which machine it is", what);
	if (strcmp(os, "linux") != 0 || strcmp(architecture, "amd64") != 0)
		return err_set(err, -ENOENT,
			       "the image is for %.32s/%.32s, and sandboxes run linux/amd64", os,
			       architecture);
	return 0;
}

static int parse_layers(const json_t *json, struct oci_config *ret, struct err *err)
{
	json_t *rootfs, *list, *id;
	size_t i;
	int r = oci_text_object(what, json, "rootfs", &rootfs, err);

	if (r == 0)
		r = oci_text_list(what, rootfs, "diff_ids", OCI_LAYERS_MAX, &list, err);
	if (r < 0)
		return r;
	json_array_foreach(list, i, id)
	{
		const char *digest = json_string_value(id);

		if (digest == NULL || !oci_digest_is_valid(digest))
			return err_set(err, -EPROTO, "%s: a diff_id is no SHA-256 digest", what);
		memcpy(ret->diff_ids[ret->count++], digest, OCI_DIGEST_SIZE - 1);
	}
	return 0;
}

/* Takes over a member, if it says something. */
static int keep(json_t *value, const char *member, json_t *ret, struct err *err)
{
	if (value == NULL || json_string_length(value) + json_array_size(value) == 0)
		return 0;
	return json_object_set(ret, member, value) == 0 ? 0
							: err_set(err, -ENOMEM, "out of memory");
}

static int take_string(const json_t *config, const char *member, json_t *ret, struct err *err)
{
	const char *text;
	int r = oci_text_string(what, config, member, &text, err);

	return r < 0 || text == NULL ? r : keep(json_object_get(config, member), member, ret, err);
}

static int take_strings(const json_t *config, const char *member, json_t *ret, struct err *err)
{
	json_t *list, *text;
	size_t i;
	int r = oci_text_list(what, config, member, STRINGS_MAX, &list, err);

	if (r < 0)
		return r;
	json_array_foreach(list, i, text)
	{
		if (!json_is_string(text) || json_string_length(text) > OCI_STRING_MAX)
			return err_set(err, -EPROTO, "%s: %s holds what is no string", what,
				       member);
	}
	return keep(list, member, ret, err);
}

static int take_agent(const json_t *config, struct oci_config *ret, struct err *err)
{
	const char *agent;
	json_t *labels;
	int r = oci_text_object(what, config, "Labels", &labels, err);

	if (r == 0)
		r = oci_text_string(what, labels, OCI_AGENT_LABEL, &agent, err);
	if (r == 0 && agent != NULL && strlen(agent) < sizeof(ret->agent))
		memcpy(ret->agent, agent, strlen(agent) + 1);
	return r;
}

static int parse_start(const json_t *json, struct oci_config *ret, struct err *err)
{
	static const char *const texts[] = { "WorkingDir", "User" };
	static const char *const lists[] = { "Env", "Entrypoint", "Cmd" };
	json_t *config;
	int r = oci_text_object(what, json, "config", &config, err);

	if (r == 0)
		r = take_agent(config, ret, err);
	for (size_t i = 0; r == 0 && i < countof(texts); i++)
		r = take_string(config, texts[i], ret->config, err);
	for (size_t i = 0; r == 0 && i < countof(lists); i++)
		r = take_strings(config, lists[i], ret->config, err);
	return r;
}

int oci_config_parse(const char *text, size_t len, struct oci_config *ret, struct err *err)
{
	struct oci_config config = { .config = json_object() };
	json_t *json = NULL;
	int r = config.config == NULL ? err_set(err, -ENOMEM, "out of memory")
				      : oci_text_parse(what, text, len, false, &json, err);

	if (r == 0)
		r = check_machine(json, err);
	if (r == 0)
		r = parse_layers(json, &config, err);
	if (r == 0)
		r = parse_start(json, &config, err);
	json_decref(json);
	if (r < 0)
		oci_config_finish(&config);
	else
		*ret = config;
	return r;
}
