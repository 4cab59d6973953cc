/*
 * A kit as it was fetched: the bytes of spec.yaml and the files that it
 * brings, wherever they came from. Nothing in it is believed yet but its
 * names: each file stands under home/ or workspace/, once, and nowhere else.
 */
#ifndef KIT_BUNDLE_H
#define KIT_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct err;

enum {
	BUNDLE_FILES_MAX = 4096,
	BUNDLE_FILE_BYTES_MAX = 16 << 20, /* of one file */
	BUNDLE_BYTES_MAX = 64 << 20,	  /* of all files */
	BUNDLE_SIGNATURE_MAX = 4096,
	BUNDLE_DIGEST_SIZE = 72, /* "sha256:", 64 digits, NUL */
};

struct kit_file {
	char *path; /* owned; "home/.config/tool.json" */
	uint8_t *bytes;
	size_t len;
};

struct kit_bundle {
	char *name;   /* owned; what sentences call it: "./mykit" */
	char *source; /* owned; where it comes from without version: what approvals are kept by */
	char *handle; /* owned; another name before the dot of an argument; or NULL */
	char *folder; /* owned; where relative references start; NULL: there are none from here */
	char *image;  /* owned; the image that it is the description of; or NULL */
	char *stray;  /* owned; a file that is neither under home/ nor workspace/; or NULL */
	bool is_builtin;	/* a part of this program: nobody is asked about it */
	struct buf spec;	/* at most DOCUMENT_BYTES_MAX */
	struct buf signature;	/* of who signed it (kit/signature.h); empty: nobody */
	struct kit_file *files; /* owned, sorted by path */
	size_t count;
	size_t bytes; /* of all files */
};

/* name is copied; the rest is empty. -ENOMEM. */
int kit_bundle_init(struct kit_bundle *bundle, const char *name);
void kit_bundle_finish(struct kit_bundle *bundle);

/*
 * Adds a file by a copy of its bytes. With a sentence: -EPERM when the path
 * leads elsewhere or is there already, -EFBIG beyond the limits, -ENOMEM.
 */
int kit_bundle_add(struct kit_bundle *bundle, const char *path, const void *bytes, size_t len,
		   struct err *err);

/*
 * The same of a file of a kit's folder: "spec.yaml", "kit.sig.bundle",
 * "files/home/…". Files that are none of a kit's are left out, and the first
 * one below files/ is remembered.
 */
int kit_bundle_add_member(struct kit_bundle *bundle, const char *path, const void *bytes,
			  size_t len, struct err *err);

/*
 * What identifies the content: the SHA-256 of the text that `sha256sum
 * spec.yaml files/home/… files/workspace/…` prints, files sorted by name as
 * bytes. That text is appended to *ret_listing, unless NULL. -ENOMEM.
 */
int kit_bundle_digest(const struct kit_bundle *bundle, char ret[BUNDLE_DIGEST_SIZE],
		      struct buf *ret_listing);

#endif
