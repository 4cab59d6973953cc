#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "policy/policy.h"

enum { LABEL_MAX = 63 }; /* RFC 1035, 2.3.4 */

/* Digits, or 0x and digits: resolvers read a name that ends so as an IPv4 address. */
static bool is_number(const char *label, size_t len)
{
	if (len >= 2 && label[0] == '0' && label[1] == 'x') {
		for (size_t i = 2; i < len; i++)
			if (!isxdigit((unsigned char)label[i]))
				return false;
		return true;
	}
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)label[i]))
			return false;
	return true;
}

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* RFC 952 and 1123, and '_' which service names have. */
static bool is_label(const char *label, size_t len)
{
	if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_letter((unsigned char)label[i]))
			return false;
	return true;
}

static bool is_name(const char *name)
{
	for (;;) {
		size_t len = strcspn(name, ".");

		if (!is_label(name, len))
			return false;
		if (name[len] == '\0')
			return !is_number(name, len);
		name += len + 1;
	}
}

int policy_name_check(const char *bytes, size_t len, char ret[POLICY_NAME_MAX + 1])
{
	char name[POLICY_NAME_MAX + 1];

	if (len > 0 && bytes[len - 1] == '.')
		len--;
	if (len == 0 || len > POLICY_NAME_MAX || memchr(bytes, '\0', len) != NULL)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		name[i] = bytes[i] >= 'A' && bytes[i] <= 'Z' ? (char)(bytes[i] | 0x20) : bytes[i];
	name[len] = '\0';
	if (!is_name(name))
		return -EINVAL;
	memcpy(ret, name, len + 1);
	return 0;
}
