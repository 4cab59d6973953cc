#include "kit/kit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/format.h"
#include "kit/bundle.h"
#include "kit/grammar.h"
#include "kit/rule.h"
#include "kit/version.h"
#include "yaml/document.h"

static const char *text_of(const struct document *document, const char *key)
{
	const struct node *node = node_member(document->root, key);

	return node != NULL && node->kind == NODE_SCALAR ? node->text : NULL;
}

/* The tables of the schema versions, and what else they demand. */
static int read_spec(struct kit *kit, const struct kit_text *text, struct err *err)
{
	const char *version = text_of(&kit->document, "schemaVersion");
	const struct rule *grammar = grammar_v2;
	int r;

	if (version != NULL && strcmp(version, "1") == 0)
		grammar = grammar_v1;
	else if (version != NULL && strcmp(version, "3") == 0)
		grammar = grammar_v3;
	r = rule_check(&kit->document, kit->document.root, grammar, &kit->spec, err);
	if (r < 0)
		return r;
	if (grammar == grammar_v1)
		return version_1_fold(kit, err);
	return grammar == grammar_v3 ? version_3_fold(kit, text, err) : version_2_check(kit, err);
}

int kit_parse(const struct kit_text *text, const struct kit_values *values, struct kit *ret,
	      struct err *err)
{
	struct kit kit = { .warnings = json_array() };
	struct kit_names names = { .handle = text->handle };
	int r = document_parse(text->name, text->bytes, text->len, &kit.document, err);

	if (r == 0) {
		names.name = text_of(&kit.document, "name");
		r = arguments_apply(&kit.document, &names, values, &kit.arguments, err);
	}
	if (r == 0)
		r = read_spec(&kit, text, err);
	if (r < 0)
		kit_finish(&kit);
	else
		*ret = kit;
	return r;
}

int kit_parse_bundle(const struct kit_bundle *bundle, const struct kit_values *values,
		     struct kit *ret, struct err *err)
{
	autofree char *name = NULL;
	struct kit_text text = { .handle = bundle->handle,
				 .image = bundle->image,
				 .bytes = bundle->spec.data,
				 .len = bundle->spec.len };
	int r;

	if (asprintf(&name, "%s/spec.yaml", bundle->name) < 0) {
		name = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	text.name = name;
	r = kit_parse(&text, values, ret, err);
	if (r == 0 && bundle->stray != NULL &&
	    kit_warn(ret,
		     "%s: files/%s is left out; only files/home and files/workspace are copied",
		     bundle->name, bundle->stray) < 0) {
		kit_finish(ret);
		r = err_set(err, -ENOMEM, "out of memory");
	}
	return r;
}

void kit_finish(struct kit *kit)
{
	if (kit == NULL)
		return;
	document_finish(&kit->document);
	json_decref(kit->spec);
	json_decref(kit->arguments);
	json_decref(kit->warnings);
	*kit = (struct kit){ .spec = NULL };
}

const char *kit_name(const struct kit *kit)
{
	return json_string_value(json_object_get(kit->spec, "name"));
}

bool kit_is_mixin(const struct kit *kit)
{
	return strcmp(json_string_value(json_object_get(kit->spec, "kind")), "mixin") == 0;
}

int kit_warn(struct kit *kit, const char *format, ...)
{
	autofree char *sentence = NULL;
	va_list args;

	va_start(args, format);
	sentence = format_text(format, args);
	va_end(args);
	if (sentence == NULL || json_array_append_new(kit->warnings, json_string(sentence)) < 0)
		return -ENOMEM;
	return 0;
}
