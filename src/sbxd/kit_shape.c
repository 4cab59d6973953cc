#include "sbxd/kit_shape.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"

static int refuse(const struct shape *shape, const char *want, struct err *err)
{
	return err_set(err, -EINVAL, "'%s' of a kit must be %s", shape->member, want);
}

static int check_text(const json_t *json, const struct shape *shape, size_t max, struct err *err)
{
	const char *text = json_string_value(json), *want;

	if (text == NULL)
		return refuse(shape, "text", err);
	if (json_string_length(json) > max)
		return err_set(err, -EINVAL, "'%s' of a kit is longer than %zu bytes",
			       shape->member, max);
	want = shape->check != NULL ? shape->check(text) : NULL;
	return want == NULL ? 0
			    : err_set(err, -EINVAL, "'%s' of a kit must be %s, not '%.80s'",
				      shape->member, want, text);
}

static int check_number(const json_t *json, const struct shape *shape, struct err *err)
{
	if (json_is_number(json) && json_number_value(json) >= 0 &&
	    json_number_value(json) <= (double)shape->max)
		return 0;
	return err_set(err, -EINVAL, "'%s' of a kit must be a number from 0 to %zu", shape->member,
		       shape->max);
}

static int check_size(const json_t *json, const struct shape *shape, struct err *err)
{
	uint64_t bytes;

	if (json_is_integer(json) && json_integer_value(json) >= 0)
		return 0;
	if (json_is_string(json) && parse_size(json_string_value(json), &bytes) == 0)
		return 0;
	return refuse(shape, "a size, like 512m", err);
}

static int check_list(const json_t *json, const struct shape *shape, struct err *err)
{
	int r = 0;

	if (!json_is_array(json) || json_array_size(json) > shape->max)
		return err_set(err, -EINVAL, "'%s' of a kit must be a list of at most %zu",
			       shape->member, shape->max);
	for (size_t i = 0; r == 0 && i < json_array_size(json); i++) {
		const json_t *item = json_array_get(json, i);

		r = shape->kind == SHAPE_LIST ? shape_check(item, shape->of, err)
					      : check_text(item, shape, SHAPE_TEXT_MAX, err);
	}
	return r;
}

static int check_map(const json_t *json, const struct shape *shape, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(json) || json_object_size(json) > shape->max)
		return err_set(err, -EINVAL, "'%s' of a kit must be an object of at most %zu texts",
			       shape->member, shape->max);
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		const char *want = shape->check(key);

		if (want != NULL)
			return err_set(err, -EINVAL, "'%.80s' in '%s' of a kit must be %s", key,
				       shape->member, want);
		if (!json_is_string(value) || json_string_length(value) > SHAPE_TEXT_MAX)
			return err_set(err, -EINVAL, "'%.80s' in '%s' of a kit must be a text", key,
				       shape->member);
	}
	return 0;
}

static int check_member(const json_t *json, const struct shape *shape, struct err *err)
{
	switch (shape->kind) {
	case SHAPE_TEXT:
		return check_text(json, shape, shape->max > 0 ? shape->max : SHAPE_TEXT_MAX, err);
	case SHAPE_BOOL:
		return json_is_boolean(json) ? 0 : refuse(shape, "true or false", err);
	case SHAPE_NUMBER:
		return check_number(json, shape, err);
	case SHAPE_SIZE:
		return check_size(json, shape, err);
	case SHAPE_OBJECT:
		return shape_check(json, shape->of, err);
	case SHAPE_TEXTS:
	case SHAPE_LIST:
		return check_list(json, shape, err);
	case SHAPE_MAP:
		return check_map(json, shape, err);
	case SHAPE_ANY:
		return 0;
	}
	return 0;
}

static const struct shape *find(const struct shape *shape, const char *member)
{
	while (shape->member != NULL && strcmp(shape->member, member) != 0)
		shape++;
	return shape->member != NULL ? shape : NULL;
}

int shape_check(const json_t *json, const struct shape *shape, struct err *err)
{
	const char *key;
	json_t *value;
	int r = 0;

	if (!json_is_object(json))
		return err_set(err, -EINVAL, "the parts of a kit must be objects");
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		const struct shape *row = find(shape, key);

		if (row == NULL)
			return err_set(err, -EINVAL, "a kit has no member '%.80s'", key);
		r = json_is_null(value) && !row->is_required ? 0 : check_member(value, row, err);
		if (r < 0)
			return r;
	}
	for (; shape->member != NULL; shape++)
		if (shape->is_required && json_object_get(json, shape->member) == NULL)
			return err_set(err, -EINVAL, "a kit lacks '%s'", shape->member);
	return 0;
}
