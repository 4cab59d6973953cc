/*
 * JSON documents of container images as they come from strangers: bounded in size,
 * no member given twice, each member that is read of its right type. Members that
 * nobody reads are let be, as the OCI image specification demands (considerations.md,
 * "Extensibility").
 */
#ifndef OCI_TEXT_H
#define OCI_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
	OCI_JSON_MAX = 4 << 20, /* bytes of a document, as registries limit them */
	OCI_STRING_MAX = 64 << 10,
};

/* A document whose root is an object (or a list); *ret is owned. -EPROTO and a sentence. */
int oci_text_parse(const char *what, const char *text, size_t len, bool is_list, json_t **ret,
		   struct err *err);

/*
 * A member that is a string, at most OCI_STRING_MAX bytes; *ret is weak, NULL when it is absent or
 * null.
 */
int oci_text_string(const char *what, const json_t *object, const char *member, const char **ret,
		    struct err *err);

/* A member that is an array of at most max values; *ret is weak, NULL when absent or null. */
int oci_text_list(const char *what, const json_t *object, const char *member, size_t max,
		  json_t **ret, struct err *err);

/* A member that is an object; *ret is weak, NULL when absent or null. */
int oci_text_object(const char *what, const json_t *object, const char *member, json_t **ret,
		    struct err *err);

/* "schemaVersion" must be 2. */
int oci_text_check_version(const char *what, const json_t *object, struct err *err);

#endif
