#include "sbx/yamlout.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/check.h"

enum { DEPTH_MAX = 64, NUMBER_SIZE = 64 };

bool yamlout_is_plain(const char *text)
{
	static const char *const meant[] = { "y",     "n",  "yes", "no",  "true",
					     "false", "on", "off", "null" };

	if (!isalpha((unsigned char)text[0]) && text[0] != '/' && text[0] != '_')
		return false;
	for (size_t i = 0; i < countof(meant); i++)
		if (strcasecmp(text, meant[i]) == 0)
			return false;
	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("/_.@+-", *c) == NULL)
			return false;
	return true;
}

/* Takes what initialising the event said into account. */
static int emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized)
{
	if (initialized == 0)
		return -ENOMEM;
	return yaml_emitter_emit(emitter, event) == 1 ? 0 : -EIO;
}

static int emit_text(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return emit(emitter, &event,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						 (int)strlen(text), 1, 1, style));
}

static int emit_string(yaml_emitter_t *emitter, const char *text)
{
	return emit_text(emitter, text,
			 yamlout_is_plain(text)		 ? YAML_PLAIN_SCALAR_STYLE
			 : strpbrk(text, "\n\t") != NULL ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
							 : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

static int emit_number(yaml_emitter_t *emitter, const json_t *value)
{
	char text[NUMBER_SIZE];
	size_t len = json_dumpb(value, text, sizeof(text) - 1, JSON_ENCODE_ANY);

	if (len >= sizeof(text))
		return -EIO;
	text[len] = '\0';
	return emit_text(emitter, text, YAML_PLAIN_SCALAR_STYLE);
}

static int emit_value(yaml_emitter_t *emitter, const json_t *value, unsigned depth);

static int emit_list(yaml_emitter_t *emitter, const json_t *list, unsigned depth)
{
	yaml_event_t event;
	const json_t *item;
	size_t i;
	int r = emit(emitter, &event,
		     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							  YAML_BLOCK_SEQUENCE_STYLE));

	json_array_foreach((json_t *)list, i, item)
	{
		if (r == 0)
			r = emit_value(emitter, item, depth);
	}
	return r < 0 ? r : emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static int emit_object(yaml_emitter_t *emitter, const json_t *object, unsigned depth)
{
	yaml_event_t event;
	const char *key;
	json_t *item;
	int r = emit(emitter, &event,
		     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							 YAML_BLOCK_MAPPING_STYLE));

	json_object_foreach((json_t *)object, key, item)
	{
		if (r == 0)
			r = emit_string(emitter, key);
		if (r == 0)
			r = emit_value(emitter, item, depth);
	}
	return r < 0 ? r : emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static int emit_value(yaml_emitter_t *emitter, const json_t *value, unsigned depth)
{
	if (depth == DEPTH_MAX)
		return -EIO;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return emit_object(emitter, value, depth + 1);
	case JSON_ARRAY:
		return emit_list(emitter, value, depth + 1);
	case JSON_STRING:
		return emit_string(emitter, json_string_value(value));
	case JSON_INTEGER:
	case JSON_REAL:
		return emit_number(emitter, value);
	case JSON_TRUE:
		return emit_text(emitter, "true", YAML_PLAIN_SCALAR_STYLE);
	case JSON_FALSE:
		return emit_text(emitter, "false", YAML_PLAIN_SCALAR_STYLE);
	case JSON_NULL:
		return emit_text(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
	}
	return -EIO;
}

static int emit_document(yaml_emitter_t *emitter, const json_t *value)
{
	yaml_event_t event;
	int r = emit(emitter, &event,
		     yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));

	if (r == 0)
		r = emit(emitter, &event,
			 yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	if (r == 0)
		r = emit_value(emitter, value, 0);
	if (r == 0)
		r = emit(emitter, &event, yaml_document_end_event_initialize(&event, 1));
	return r < 0 ? r : emit(emitter, &event, yaml_stream_end_event_initialize(&event));
}

int yamlout_print(const json_t *value, FILE *to)
{
	yaml_emitter_t emitter;
	int r;

	if (value == NULL || yaml_emitter_initialize(&emitter) != 1)
		return -ENOMEM;
	yaml_emitter_set_output_file(&emitter, to);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	r = emit_document(&emitter, value);
	yaml_emitter_delete(&emitter);
	return r;
}
