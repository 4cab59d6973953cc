#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

/* Reads digits; returns the first byte that is none, NULL when there is no digit or no room. */
static const char *take_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!isdigit((unsigned char)*text))
		return NULL;
	for (; isdigit((unsigned char)*text); text++) {
		if (u64_mul(value, 10, &value) < 0 ||
		    u64_add(value, (uint64_t)(*text - '0'), &value) < 0)
			return NULL;
	}
	*ret = value;
	return text;
}

int parse_u64(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	const char *end = take_number(text, &value);

	if (end == NULL || *end != '\0')
		return -EINVAL;
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgt";
	const char *unit;
	uint64_t value;
	const char *end = take_number(text, &value);

	if (end == NULL)
		return -EINVAL;
	if (*end != '\0') {
		unit = strchr(units, tolower((unsigned char)*end));
		if (unit == NULL)
			return -EINVAL;
		end++;
		if (*end != '\0' && strcasecmp(end, "b") != 0 && strcasecmp(end, "ib") != 0)
			return -EINVAL;
		if (u64_mul(value, UINT64_C(1) << (10 * (unit - units + 1)), &value) < 0)
			return -ERANGE;
	}
	*ret_bytes = value;
	return 0;
}

static uint64_t seconds_of(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

int parse_duration(const char *text, uint64_t *ret_seconds)
{
	uint64_t total = 0;

	if (*text == '\0')
		return -EINVAL;
	while (*text != '\0') {
		uint64_t value;
		const char *end = take_number(text, &value);

		if (end == NULL || seconds_of(*end) == 0)
			return -EINVAL;
		if (u64_mul(value, seconds_of(*end), &value) < 0 ||
		    u64_add(total, value, &total) < 0)
			return -ERANGE;
		text = end + 1;
	}
	*ret_seconds = total;
	return 0;
}
