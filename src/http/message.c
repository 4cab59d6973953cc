#include "http/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/token.h"

enum { FIELDS_FIRST = 16 }; /* a power of two */

void http_fields_init(struct http_fields *fields)
{
	*fields = (struct http_fields){ .items = NULL };
}

static void field_finish(struct http_field *field)
{
	if (field->is_secret && field->value != NULL)
		explicit_bzero(field->value, field->value_len);
	free(field->name);
	free(field->value);
}

void http_fields_finish(struct http_fields *fields)
{
	if (fields == NULL)
		return;
	for (size_t i = 0; i < fields->count; i++)
		field_finish(&fields->items[i]);
	free(fields->items);
	http_fields_init(fields);
}

/* Room for one more item; the array doubles whenever its size was reached. */
static int fields_grow(struct http_fields *fields)
{
	size_t count = fields->count;
	struct http_field *items;

	if (count == HTTP_FIELDS_MAX)
		return -E2BIG;
	if (fields->items != NULL && (count < FIELDS_FIRST || (count & (count - 1)) != 0))
		return 0;
	items = realloc(fields->items,
			(count < FIELDS_FIRST ? FIELDS_FIRST : count * 2) * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	fields->items = items;
	return 0;
}

static char *copy_value(const char *value, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, value, len);
	copy[len] = '\0';
	return copy;
}

static char *copy_name(const char *name, size_t len)
{
	char *copy = copy_value(name, len);

	for (size_t i = 0; copy != NULL && i < len; i++)
		copy[i] = http_lower(copy[i]);
	return copy;
}

static int add(struct http_fields *fields, const char *name, const char *value, size_t value_len,
	       bool is_secret)
{
	size_t name_len = strlen(name);
	autofree char *own_name = NULL, *own_value = NULL;
	int r;

	if (!http_is_token(name, name_len) || !http_is_value(value, value_len))
		return -EINVAL;
	if (name_len > HTTP_HEAD_MAX - fields->bytes ||
	    value_len > HTTP_HEAD_MAX - fields->bytes - name_len)
		return -E2BIG;
	r = fields_grow(fields);
	if (r < 0)
		return r;
	own_name = copy_name(name, name_len);
	own_value = copy_value(value, value_len);
	if (own_name == NULL || own_value == NULL)
		return -ENOMEM;
	fields->items[fields->count++] = (struct http_field){ .name = take_ptr(own_name),
							      .value = take_ptr(own_value),
							      .value_len = value_len,
							      .is_secret = is_secret };
	fields->bytes += name_len + value_len;
	return 0;
}

int http_fields_add(struct http_fields *fields, const char *name, const char *value,
		    size_t value_len)
{
	return add(fields, name, value, value_len, false);
}

int http_fields_add_secret(struct http_fields *fields, const char *name, const char *value,
			   size_t value_len)
{
	return add(fields, name, value, value_len, true);
}

int http_fields_replace(struct http_fields *fields, size_t index, const char *value,
			size_t value_len, bool is_secret)
{
	struct http_field *field = &fields->items[index];
	char *copy;

	if (!http_is_value(value, value_len))
		return -EINVAL;
	if (value_len > HTTP_HEAD_MAX - (fields->bytes - field->value_len))
		return -E2BIG;
	copy = copy_value(value, value_len);
	if (copy == NULL)
		return -ENOMEM;
	fields->bytes = fields->bytes - field->value_len + value_len;
	if (field->is_secret)
		explicit_bzero(field->value, field->value_len);
	free(field->value);
	field->value = copy;
	field->value_len = value_len;
	field->is_secret = is_secret;
	return 0;
}

/* Takes out those of `name`, or those that are unwanted, from index on. */
static size_t remove_from(struct http_fields *fields, size_t index, const char *name,
			  bool (*is_unwanted)(const char *name))
{
	size_t kept = index, removed;

	for (size_t i = index; i < fields->count; i++) {
		struct http_field *field = &fields->items[i];

		if (name != NULL ? strcmp(field->name, name) != 0 : !is_unwanted(field->name)) {
			fields->items[kept++] = *field;
			continue;
		}
		fields->bytes -= strlen(field->name) + field->value_len;
		field_finish(field);
	}
	removed = fields->count - kept;
	fields->count = kept;
	return removed;
}

int http_fields_set(struct http_fields *fields, const char *name, const char *value)
{
	for (size_t i = 0; i < fields->count; i++) {
		int r;

		if (strcmp(fields->items[i].name, name) != 0)
			continue;
		r = http_fields_replace(fields, i, value, strlen(value), false);
		if (r == 0)
			(void)remove_from(fields, i + 1, name, NULL);
		return r;
	}
	return http_fields_add(fields, name, value, strlen(value));
}

size_t http_fields_remove(struct http_fields *fields, const char *name)
{
	return remove_from(fields, 0, name, NULL);
}

size_t http_fields_filter(struct http_fields *fields, bool (*is_unwanted)(const char *name))
{
	return remove_from(fields, 0, NULL, is_unwanted);
}

const struct http_field *http_fields_only(const struct http_fields *fields, const char *name)
{
	const struct http_field *only = NULL;

	for (size_t i = 0; i < fields->count; i++) {
		if (strcmp(fields->items[i].name, name) != 0)
			continue;
		if (only != NULL)
			return NULL;
		only = &fields->items[i];
	}
	return only;
}

size_t http_fields_count(const struct http_fields *fields, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < fields->count; i++)
		count += strcmp(fields->items[i].name, name) == 0;
	return count;
}

void http_request_init(struct http_request *request)
{
	*request = (struct http_request){ .content_length = -1 };
}

void http_response_init(struct http_response *response, unsigned status)
{
	*response = (struct http_response){ .status = status, .content_length = -1 };
}

void http_request_finish(struct http_request *request)
{
	if (request == NULL)
		return;
	free(request->scheme);
	free(request->authority);
	free(request->path);
	free(request->upgrade);
	http_fields_finish(&request->fields);
	http_request_init(request);
}

void http_response_finish(struct http_response *response)
{
	if (response == NULL)
		return;
	http_fields_finish(&response->fields);
	http_response_init(response, 0);
}
