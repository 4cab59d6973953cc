/*
 * A template: what the root of a sandbox is made of, and how programs in it want to be
 * started. Its root is a stack of erofs files, each with what it changes on those below
 * (overlayfs marks: a character device 0:0 hides a name, trusted.overlay.opaque=y a folder).
 *
 * As JSON, in manifests and in records of sandboxes:
 *
 *	{"name":"shell","description":"…","agent":"shell","layers":["base.erofs", …],
 *	 "config":{"Env":["K=V"],"WorkingDir":"","User":"agent","Entrypoint":[],"Cmd":[]}}
 *
 * "config" is that of the OCI image specification, its members optional.
 */
#ifndef SBXD_TEMPLATE_H
#define SBXD_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sbxd/string_list.h"

struct err;

enum {
	TEMPLATE_LAYERS_MAX = 6,
	TEMPLATE_ID_SIZE = 72,	      /* "sha256:", 64 hexadecimal digits and a NUL */
	TEMPLATE_BYTES_MAX = 1 << 20, /* of a manifest */
};

struct template
{
	char *name;		   /* owned, as all below: what users call it */
	char *id;		   /* "sha256:…" of the manifest; NULL: not known */
	char *description;	   /* NULL: none */
	char *agent;		   /* the agent that it is made for; NULL: none */
	struct string_list layers; /* paths, the lowest first; absolute after template_resolve() */
	struct string_list env;	   /* "K=V" */
	struct string_list entrypoint, command;
	char *working_dir, *user; /* NULL: not said */
	uint64_t size_bytes;	  /* of its layers; 0 before template_resolve() */
	int64_t created_at;	  /* seconds since 1970; 0: not known */
	bool is_builtin;	  /* it came with the programs */
};

void template_finish(struct template *template);

/* -ENOMEM. */
int template_copy(const struct template *from, struct template *ret);

/* The object above, with "id" and "created_at" where they are known; NULL: out of memory. */
json_t *template_pack(const struct template *template);

/* Reads what template_pack() gave; anything else is -EINVAL and a sentence. */
int template_unpack(json_t *json, struct template *ret, struct err *err);

/*
 * Reads a manifest: its layers may be named relative to `folder`, its id is the SHA-256 of
 * the text. -EINVAL as above; -ENOENT when a layer is missing.
 */
int template_read(const char *folder, const char *file, struct template *ret, struct err *err);

/* Makes the layers' paths absolute and adds up their sizes; -ENOENT and a sentence. */
int template_resolve(struct template *template, const char *folder, struct err *err);

#endif
