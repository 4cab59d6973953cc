/* Any bytes: a refusal has a place and a sentence; a tree keeps its limits. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "tests/fuzz/fuzz.h"
#include "yaml/document.h"

static size_t depth_of(const struct node *node)
{
	size_t depth = 0;

	for (; node != NULL; node = node->parent)
		depth++;
	return depth;
}

static void check_node(const struct node *node)
{
	size_t count = 0;

	assert((node->kind == NODE_SCALAR) == (node->text != NULL));
	assert(node->line > 0 && node->column > 0);
	node_for_each (child, node) {
		assert(child->parent == node);
		assert((node->kind == NODE_MAPPING) == (child->key != NULL));
		assert(child->key == NULL || node_member(node, child->key) == child);
		count++;
	}
	assert(count == node->count);
	assert(depth_of(node) <= DOCUMENT_DEPTH_MAX + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document document;
	struct err err = ERR_INIT;

	if (document_parse("file", data, size, &document, &err) < 0) {
		assert(strncmp(err.text, "file:", 5) == 0);
		return 0;
	}
	assert(document.root != NULL && document.nodes <= DOCUMENT_NODES_MAX);
	for (const struct node *node = document.newest; node != NULL; node = node->earlier)
		check_node(node);
	document_finish(&document);
	return 0;
}
