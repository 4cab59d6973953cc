#include "oci/text.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

int oci_text_parse(const char *what, const char *text, size_t len, bool is_list, json_t **ret,
		   struct err *err)
{
	json_error_t error;
	json_t *json;

	if (len > OCI_JSON_MAX)
		return err_set(err, -EFBIG, "%s is larger than %d MiB", what, OCI_JSON_MAX >> 20);
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		return err_set(err, -EPROTO, "%s is no JSON: line %d: %.200s", what, error.line,
			       error.text);
	if (is_list ? !json_is_array(json) : !json_is_object(json)) {
		json_decref(json);
		return err_set(err, -EPROTO, "%s is no JSON %s", what, is_list ? "list" : "object");
	}
	*ret = json;
	return 0;
}

/* The member, NULL when it is absent or null. */
static json_t *find(const json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);

	return json_is_null(value) ? NULL : value;
}

int oci_text_string(const char *what, const json_t *object, const char *member, const char **ret,
		    struct err *err)
{
	const json_t *value = find(object, member);

	if (value != NULL && !json_is_string(value))
		return err_set(err, -EPROTO, "%s: %s is no string", what, member);
	if (value != NULL && json_string_length(value) > OCI_STRING_MAX)
		return err_set(err, -EPROTO, "%s: %s is longer than %d KiB", what, member,
			       OCI_STRING_MAX >> 10);
	*ret = json_string_value(value);
	return 0;
}

int oci_text_list(const char *what, const json_t *object, const char *member, size_t max,
		  json_t **ret, struct err *err)
{
	json_t *value = find(object, member);

	if (value != NULL && !json_is_array(value))
		return err_set(err, -EPROTO, "%s: %s is no list", what, member);
	if (json_array_size(value) > max)
		return err_set(err, -EPROTO, "%s: %s has more than %zu entries", what, member, max);
	*ret = value;
	return 0;
}

int oci_text_object(const char *what, const json_t *object, const char *member, json_t **ret,
		    struct err *err)
{
	json_t *value = find(object, member);

	if (value != NULL && !json_is_object(value))
		return err_set(err, -EPROTO, "%s: %s is no object", what, member);
	*ret = value;
	return 0;
}

int oci_text_check_version(const char *what, const json_t *object, struct err *err)
{
	const json_t *version = json_object_get(object, "schemaVersion");

	if (!json_is_integer(version) || json_integer_value(version) != 2)
		return err_set(err, -EPROTO, "%s is not of schema version 2", what);
	return 0;
}
