/* Credentials to test with. */
#ifndef TESTS_UNIT_CREDENTIAL_SAMPLE_H
#define TESTS_UNIT_CREDENTIAL_SAMPLE_H

#include <stdlib.h>
#include <string.h>

#include "credential/credential.h"

struct sample {
	const char *name;
	enum credential_kind kind;
	const char *targets; /* parted by blanks */
	const char *header, *format, *sentinel, *username, *value;
};

static inline char *sample_copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static inline char **sample_split(const char *text)
{
	char **list = calloc(CREDENTIAL_TARGETS_MAX + 1, sizeof(*list));

	for (size_t i = 0; *text != '\0'; i++) {
		size_t len = strcspn(text, " ");

		list[i] = strndup(text, len);
		text += len + (text[len] == ' ');
	}
	return list;
}

static inline struct credential sample_credential(const struct sample *sample)
{
	struct credential credential = {
		.name = sample_copy(sample->name),
		.kind = sample->kind,
		.targets = sample_split(sample->targets),
		.header = sample_copy(sample->header),
		.format = sample_copy(sample->format),
		.sentinel = sample_copy(sample->sentinel),
		.username = sample_copy(sample->username),
	};

	if (sample->value != NULL)
		(void)credential_set_value(&credential, sample->value, strlen(sample->value));
	return credential;
}

static inline struct credentials *sample_set(const struct sample *samples, size_t count)
{
	struct credential items[16];
	struct credentials *set = NULL;

	for (size_t i = 0; i < count; i++)
		items[i] = sample_credential(&samples[i]);
	return credentials_create(items, count, &set) == 0 ? set : NULL;
}

#endif
