/*
 * libyaml gives events; the tree grows under `open`, the innermost collection
 * that has not ended. In a mapping every other scalar is a key: it waits in
 * `key` until its value comes. Nodes are chained as they are made, so that
 * they are freed without a walk down the tree.
 */
#include "yaml/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "yaml/scalar.h"

struct building {
	struct document *document;
	struct node *open; /* NULL: outside the root */
	size_t depth;
	size_t documents;
	char *key; /* owned; waits for its value */
	yaml_mark_t key_mark;
	struct err *err;
};

__attribute__((format(printf, 5, 0))) static int refuse_at(const struct document *document,
							   unsigned long line, unsigned long column,
							   struct err *err, const char *format,
							   va_list args)
{
	char sentence[ERR_TEXT_MAX];

	(void)vsnprintf(sentence, sizeof(sentence), format, args);
	return err_set(err, -EBADMSG, "%s:%lu:%lu: %s", document->name, line, column, sentence);
}

__attribute__((format(printf, 3, 4))) static int
refuse(const struct building *building, const yaml_mark_t *mark, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = refuse_at(building->document, mark->line + 1, mark->column + 1, building->err, format,
		      args);
	va_end(args);
	return r;
}

int node_refuse(const struct document *document, const struct node *node, struct err *err,
		const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = refuse_at(document, node->line, node->column, err, format, args);
	va_end(args);
	return r;
}

int node_refuse_key(const struct document *document, const struct node *node, struct err *err,
		    const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = refuse_at(document, node->key_line, node->key_column, err, format, args);
	va_end(args);
	return r;
}

struct node *node_member(const struct node *node, const char *key)
{
	if (node == NULL || node->kind != NODE_MAPPING)
		return NULL;
	node_for_each (child, node) {
		if (strcmp(child->key, key) == 0)
			return child;
	}
	return NULL;
}

int node_set_text(struct node *node, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return -ENOMEM;
	free(node->text);
	node->text = copy;
	return 0;
}

static void append_child(struct node *parent, struct node *child)
{
	child->parent = parent;
	if (parent->last == NULL)
		parent->children = child;
	else
		parent->last->next = child;
	parent->last = child;
	parent->count++;
}

/* A node in its place in the tree, with the key that waited for it. */
static int add_node(struct building *building, enum node_kind kind, const yaml_mark_t *mark,
		    struct node **ret)
{
	struct document *document = building->document;
	struct node *node;

	if (document->nodes == DOCUMENT_NODES_MAX)
		return refuse(building, mark, "more than %d values; split the file",
			      DOCUMENT_NODES_MAX);
	node = calloc(1, sizeof(*node));
	if (node == NULL)
		return err_set(building->err, -ENOMEM, "out of memory");
	document->nodes++;
	node->earlier = document->newest;
	document->newest = node;
	node->kind = kind;
	node->line = (unsigned int)mark->line + 1;
	node->column = (unsigned int)mark->column + 1;
	node->key = take_ptr(building->key);
	node->key_line = (unsigned int)building->key_mark.line + 1;
	node->key_column = (unsigned int)building->key_mark.column + 1;
	if (building->open == NULL)
		document->root = node;
	else
		append_child(building->open, node);
	*ret = node;
	return 0;
}

static bool wants_key(const struct building *building)
{
	return building->open != NULL && building->open->kind == NODE_MAPPING &&
	       building->key == NULL;
}

static int take_key(struct building *building, const char *text, bool is_plain,
		    const yaml_mark_t *mark)
{
	if (is_plain && scalar_kind(text) != SCALAR_STRING)
		return refuse(building, mark, "the key '%s' is not a string; put it in quotes",
			      text);
	if (is_plain && strcmp(text, "<<") == 0)
		return refuse(building, mark, "merge keys are not accepted; write the members out");
	if (node_member(building->open, text) != NULL)
		return refuse(building, mark, "the key '%s' stands here twice", text);
	if (building->open->count == DOCUMENT_MEMBERS_MAX)
		return refuse(building, mark, "more than %d keys in one mapping",
			      DOCUMENT_MEMBERS_MAX);
	building->key = strdup(text);
	building->key_mark = *mark;
	return building->key == NULL ? err_set(building->err, -ENOMEM, "out of memory") : 0;
}

static int refuse_decoration(const struct building *building, const yaml_char_t *anchor,
			     const yaml_char_t *tag, const yaml_mark_t *mark)
{
	if (anchor != NULL)
		return refuse(building, mark, "anchors are not accepted; write the value out");
	if (tag != NULL)
		return refuse(building, mark,
			      "tags are not accepted; quote what is to be a string");
	return 0;
}

static int take_scalar(struct building *building, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	const yaml_mark_t *mark = &event->start_mark;
	struct node *node;
	int r = refuse_decoration(building, event->data.scalar.anchor, event->data.scalar.tag,
				  mark);

	if (r < 0)
		return r;
	if (strlen(text) != event->data.scalar.length)
		return refuse(building, mark, "a string with a NUL in it");
	if (wants_key(building))
		return take_key(building, text, is_plain, mark);
	r = add_node(building, NODE_SCALAR, mark, &node);
	if (r < 0)
		return r;
	node->is_plain = is_plain;
	node->text = strdup(text);
	return node->text == NULL ? err_set(building->err, -ENOMEM, "out of memory") : 0;
}

static int begin_collection(struct building *building, enum node_kind kind,
			    const yaml_char_t *anchor, const yaml_char_t *tag,
			    const yaml_mark_t *mark)
{
	struct node *node;
	int r = refuse_decoration(building, anchor, tag, mark);

	if (r == 0 && wants_key(building))
		r = refuse(building, mark, "a key must be a string");
	if (r == 0 && building->depth == DOCUMENT_DEPTH_MAX)
		r = refuse(building, mark, "nested deeper than %d", DOCUMENT_DEPTH_MAX);
	if (r == 0)
		r = add_node(building, kind, mark, &node);
	if (r < 0)
		return r;
	building->open = node;
	building->depth++;
	return 0;
}

static void end_collection(struct building *building)
{
	building->open = building->open->parent;
	building->depth--;
}

static int take_event(struct building *building, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (building->documents++ > 0)
			return refuse(building, &event->start_mark,
				      "a second document begins; one file holds one");
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(building, &event->start_mark,
			      "aliases are not accepted; write the value out");
	case YAML_SCALAR_EVENT:
		return take_scalar(building, event);
	case YAML_SEQUENCE_START_EVENT:
		return begin_collection(building, NODE_SEQUENCE, event->data.sequence_start.anchor,
					event->data.sequence_start.tag, &event->start_mark);
	case YAML_MAPPING_START_EVENT:
		return begin_collection(building, NODE_MAPPING, event->data.mapping_start.anchor,
					event->data.mapping_start.tag, &event->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		end_collection(building);
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

/* What libyaml found wrong; its reader knows an offset only, its others a place. */
static int refuse_syntax(const struct building *building, const yaml_parser_t *parser)
{
	const char *problem = parser->problem != NULL ? parser->problem : "no YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return err_set(building->err, -ENOMEM, "out of memory");
	if (parser->error == YAML_READER_ERROR)
		return refuse(building, &parser->mark, "byte %zu: %s", parser->problem_offset,
			      problem);
	return refuse(building, &parser->problem_mark, "%s", problem);
}

static int take_events(struct building *building, yaml_parser_t *parser)
{
	bool is_over = false;
	yaml_event_t event;
	int r = 0;

	while (r == 0 && !is_over) {
		if (yaml_parser_parse(parser, &event) == 0)
			return refuse_syntax(building, parser);
		is_over = event.type == YAML_STREAM_END_EVENT;
		r = take_event(building, &event);
		yaml_event_delete(&event);
	}
	if (r == 0 && building->document->root == NULL)
		r = refuse(building, &parser->mark, "the file is empty");
	return r;
}

static int parse(struct document *document, const void *bytes, size_t len, struct err *err)
{
	struct building building = { .document = document, .err = err };
	yaml_parser_t parser;
	int r;

	if (yaml_parser_initialize(&parser) == 0)
		return err_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, len > 0 ? bytes : (const unsigned char *)"", len);
	r = take_events(&building, &parser);
	yaml_parser_delete(&parser);
	free(building.key);
	return r;
}

int document_parse(const char *name, const void *bytes, size_t len, struct document *ret,
		   struct err *err)
{
	struct document document = { .name = strdup(name) };
	int r;

	if (document.name == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (len > DOCUMENT_BYTES_MAX)
		r = err_set(err, -EBADMSG, "%s:1:1: larger than %d KiB", name,
			    DOCUMENT_BYTES_MAX / 1024);
	else
		r = parse(&document, bytes, len, err);
	if (r < 0) {
		document_finish(&document);
		return r;
	}
	*ret = document;
	return 0;
}

void document_finish(struct document *document)
{
	struct node *node, *earlier;

	if (document == NULL)
		return;
	for (node = document->newest; node != NULL; node = earlier) {
		earlier = node->earlier;
		free(node->text);
		free(node->key);
		free(node);
	}
	free(document->name);
	*document = (struct document){ .name = NULL };
}
