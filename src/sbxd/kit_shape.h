/*
 * JSON against tables: each member has a kind, a limit and a check, and what
 * no table names is refused. Tables nest as deep as they are written, so the
 * walk is bounded by them.
 */
#ifndef SBXD_KIT_SHAPE_H
#define SBXD_KIT_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

enum shape_kind {
	SHAPE_TEXT, /* max: bytes */
	SHAPE_BOOL,
	SHAPE_NUMBER, /* 0 to max */
	SHAPE_SIZE,   /* bytes as a number, or with a unit as text */
	SHAPE_OBJECT, /* of `of` */
	SHAPE_TEXTS,  /* a list of at most max texts */
	SHAPE_LIST,   /* a list of at most max objects of `of` */
	SHAPE_MAP,    /* an object of at most max texts; the check is of its keys */
	SHAPE_ANY,    /* not looked into */
};

enum { SHAPE_TEXT_MAX = 4096 }; /* bytes, where no maximum is stated */

struct shape {
	const char *member; /* NULL ends a table */
	enum shape_kind kind;
	bool is_required; /* else it may be absent or null */
	size_t max;
	const char *(*check)(const char *text); /* NULL: good, else what it must be */
	const struct shape *of;
};

/* -EINVAL with a sentence that names the member. */
int shape_check(const json_t *json, const struct shape *shape, struct err *err);

#endif
