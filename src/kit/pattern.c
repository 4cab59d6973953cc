#include "kit/pattern.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { STEPS_MAX = 100000, HEAP_KIB_MAX = 1024, DEPTH_MAX = 1000 };

/* After "(?" RE2 knows groups without a number, names and flags only. */
static bool is_re2(const char *pattern)
{
	for (const char *at = pattern; *at != '\0'; at++) {
		if (*at == '\\') {
			if (at[1] == '\0')
				return false;
			at++;
		} else if (at[0] == '(' && at[1] == '*') {
			return false;
		} else if (at[0] == '(' && at[1] == '?') {
			if (at[2] == '\0' || strchr(":imsU-P", at[2]) == NULL)
				return false;
			if (at[2] == 'P' && at[3] != '<')
				return false;
		}
	}
	return true;
}

static pcre2_code *compile(const char *pattern)
{
	uint32_t references = 0;
	PCRE2_SIZE offset;
	pcre2_code *code;
	int error;

	if (!is_re2(pattern))
		return NULL;
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			     PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
				     PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE,
			     &error, &offset, NULL);
	if (code != NULL && pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references) == 0 &&
	    references == 0)
		return code;
	pcre2_code_free(code);
	return NULL;
}

static int result_of(int matched)
{
	if (matched >= 0)
		return 1;
	switch (matched) {
	case PCRE2_ERROR_NOMATCH:
		return 0;
	case PCRE2_ERROR_MATCHLIMIT:
	case PCRE2_ERROR_DEPTHLIMIT:
	case PCRE2_ERROR_HEAPLIMIT:
		return -E2BIG;
	case PCRE2_ERROR_NOMEMORY:
		return -ENOMEM;
	default: /* the text is not UTF-8 */
		return 0;
	}
}

int pattern_matches(const char *pattern, const char *text)
{
	pcre2_code *code = compile(pattern);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data;
	int r = code == NULL ? -EINVAL : -ENOMEM;

	data = code != NULL ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
	if (data != NULL && limits != NULL) {
		(void)pcre2_set_match_limit(limits, STEPS_MAX);
		(void)pcre2_set_depth_limit(limits, DEPTH_MAX);
		(void)pcre2_set_heap_limit(limits, HEAP_KIB_MAX);
		r = result_of(
			pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits));
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	pcre2_code_free(code);
	return r;
}
