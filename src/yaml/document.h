/*
 * A YAML document as a strict tree that remembers where everything stood.
 *
 * What makes YAML dangerous or ambiguous is refused: anchors and aliases,
 * tags, duplicate keys, keys that are not strings, merge keys, several
 * documents, NUL, and what is larger than the limits below. Every refusal is
 * one sentence that begins with "FILE:LINE:COLUMN: ". Syntax as YAML 1.1
 * (libyaml); what plain scalars mean is said by yaml/scalar.h.
 */
#ifndef YAML_DOCUMENT_H
#define YAML_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
	DOCUMENT_BYTES_MAX = 256 * 1024,
	DOCUMENT_DEPTH_MAX = 32,
	DOCUMENT_NODES_MAX = 16384,
	DOCUMENT_MEMBERS_MAX = 1024, /* of one mapping */
};

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

/* Owned by its document. Lines and columns count from 1; columns are characters. */
struct node {
	enum node_kind kind;
	bool is_plain; /* a scalar without quotes that is no block */
	unsigned int line, column;
	char *text; /* of a scalar, UTF-8 */
	char *key;  /* of a mapping's member, else NULL */
	unsigned int key_line, key_column;
	size_t count;	       /* of children */
	struct node *children; /* the first one, in the order of the file */
	struct node *next;     /* the next child of the same parent */
	struct node *parent;
	struct node *last;    /* child */
	struct node *earlier; /* made before this one */
};

struct document {
	char *name;	   /* owned; what errors call the file */
	struct node *root; /* never NULL after document_parse */
	struct node *newest;
	size_t nodes;
};

/*
 * Reads one document of len bytes (NULL when there are none). -EBADMSG with a sentence when it is
 * not acceptable, -ENOMEM. On success *ret must be finished.
 */
int document_parse(const char *name, const void *bytes, size_t len, struct document *ret,
		   struct err *err);
void document_finish(struct document *document);

/* The member of that key; NULL when there is none, or node is NULL or no mapping. */
struct node *node_member(const struct node *node, const char *key);

/* Gives a scalar another text. -ENOMEM. */
int node_set_text(struct node *node, const char *text);

/* Sets -EBADMSG and "FILE:LINE:COLUMN: sentence" of the node; returns the code. */
__attribute__((format(printf, 4, 5))) int node_refuse(const struct document *document,
						      const struct node *node, struct err *err,
						      const char *format, ...);

/* The same at the key of a mapping's member. */
__attribute__((format(printf, 4, 5))) int node_refuse_key(const struct document *document,
							  const struct node *node, struct err *err,
							  const char *format, ...);

#define node_for_each(child, of) \
	for (struct node *child = (of)->children; child != NULL; child = child->next)

#endif
