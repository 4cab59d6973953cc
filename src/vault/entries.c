#include "vault/entries.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { NUMBERS = 12, LENGTH = 4, NO_TEXT = -1 };

static void entry_finish(struct vault_entry *entry)
{
	free((char *)entry->name);
	free((char *)entry->scope);
	free((char *)entry->attributes);
	sodium_free((char *)entry->value);
	*entry = (struct vault_entry){ .name = NULL };
}

void entries_finish(struct entries *entries)
{
	if (entries == NULL)
		return;
	for (size_t i = 0; i < entries->count; i++)
		entry_finish(&entries->items[i]);
	free(entries->items);
	*entries = (struct entries){ .items = NULL };
}

/* Locked, with a NUL after it. */
static char *copy_secret(const void *bytes, size_t len)
{
	char *copy = sodium_malloc(len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

static bool is_copied(const char *from, const char *to)
{
	return (from == NULL) == (to == NULL);
}

static int entry_copy(const struct vault_entry *from, struct vault_entry *ret)
{
	struct vault_entry copy = *from;

	copy.name = strdup(from->name);
	copy.scope = from->scope != NULL ? strdup(from->scope) : NULL;
	copy.attributes = from->attributes != NULL ? strdup(from->attributes) : NULL;
	copy.value = from->value != NULL ? copy_secret(from->value, from->value_len) : NULL;
	if (copy.name == NULL || !is_copied(from->scope, copy.scope) ||
	    !is_copied(from->attributes, copy.attributes) || !is_copied(from->value, copy.value)) {
		entry_finish(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static bool is_same_scope(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

const struct vault_entry *entries_find(const struct entries *entries, enum vault_kind kind,
				       const char *name, const char *scope)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->items[i].kind == kind && strcmp(entries->items[i].name, name) == 0 &&
		    is_same_scope(entries->items[i].scope, scope))
			return &entries->items[i];
	return NULL;
}

static int add_room(struct entries *entries)
{
	struct vault_entry *items;

	if (entries->count == VAULT_ENTRIES_MAX)
		return -ENOSPC;
	items = realloc(entries->items, (entries->count + 1) * sizeof(*items));
	if (items == NULL)
		return -ENOMEM;
	entries->items = items;
	return 0;
}

static bool is_too_long(const char *text)
{
	return text != NULL && strlen(text) > VAULT_TEXT_MAX;
}

int entries_put(struct entries *entries, const struct vault_entry *entry)
{
	const struct vault_entry *old =
		entries_find(entries, entry->kind, entry->name, entry->scope);
	struct vault_entry copy;
	int r;

	if (is_too_long(entry->name) || is_too_long(entry->scope) ||
	    is_too_long(entry->attributes) || entry->value_len > VAULT_VALUE_MAX)
		return -EMSGSIZE;
	r = entry_copy(entry, &copy);
	if (r < 0)
		return r;
	if (old != NULL) {
		size_t index = (size_t)(old - entries->items);

		entry_finish(&entries->items[index]);
		entries->items[index] = copy;
		return 0;
	}
	r = add_room(entries);
	if (r == 0)
		entries->items[entries->count++] = copy;
	else
		entry_finish(&copy);
	return r;
}

int entries_remove(struct entries *entries, enum vault_kind kind, const char *name,
		   const char *scope)
{
	const struct vault_entry *found = entries_find(entries, kind, name, scope);
	size_t index;

	if (found == NULL)
		return -ENOENT;
	index = (size_t)(found - entries->items);
	entry_finish(&entries->items[index]);
	entries->count--;
	memmove(&entries->items[index], &entries->items[index + 1],
		(entries->count - index) * sizeof(*entries->items));
	return 0;
}

int entries_copy(const struct entries *from, struct entries *ret)
{
	struct entries copy = { .items = NULL };
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->count; i++)
		r = entries_put(&copy, &from->items[i]);
	if (r < 0)
		entries_finish(&copy);
	else
		*ret = copy;
	return r;
}

static size_t text_len(const char *text)
{
	return text != NULL ? strlen(text) : 0;
}

static size_t encoded_len(const struct vault_entry *entry)
{
	return NUMBERS + 4 * LENGTH + strlen(entry->name) + text_len(entry->scope) +
	       text_len(entry->attributes) + entry->value_len;
}

static uint8_t *put_text(uint8_t *to, const char *text, size_t len)
{
	le32_store(to, text != NULL ? (uint32_t)len : UINT32_MAX);
	to += LENGTH;
	if (text != NULL)
		memcpy(to, text, len);
	return to + (text != NULL ? len : 0);
}

static uint8_t *put_entry(uint8_t *to, const struct vault_entry *entry)
{
	le32_store(to, entry->kind);
	le64_store(to + 4, (uint64_t)entry->changed_at);
	to = put_text(to + NUMBERS, entry->name, strlen(entry->name));
	to = put_text(to, entry->scope, text_len(entry->scope));
	to = put_text(to, entry->attributes, text_len(entry->attributes));
	return put_text(to, entry->value, entry->value_len);
}

int entries_encode(const struct entries *entries, uint8_t **ret, size_t *ret_len)
{
	size_t len = LENGTH;
	uint8_t *bytes, *to;

	for (size_t i = 0; i < entries->count; i++)
		len += encoded_len(&entries->items[i]);
	bytes = sodium_malloc(len);
	if (bytes == NULL)
		return -ENOMEM;
	le32_store(bytes, (uint32_t)entries->count);
	to = bytes + LENGTH;
	for (size_t i = 0; i < entries->count; i++)
		to = put_entry(to, &entries->items[i]);
	*ret = bytes;
	*ret_len = len;
	return 0;
}

/* What is left to decode. */
struct input {
	const uint8_t *bytes;
	size_t len;
};

static int take(struct input *input, size_t len, const uint8_t **ret)
{
	if (len > input->len)
		return -EBADMSG;
	*ret = input->bytes;
	input->bytes += len;
	input->len -= len;
	return 0;
}

/* Bytes with their length; *ret NULL for none. */
static int take_text(struct input *input, const char **ret, size_t *ret_len)
{
	const uint8_t *head, *bytes;
	uint32_t len;

	if (take(input, LENGTH, &head) < 0)
		return -EBADMSG;
	len = le32_load(head);
	*ret = NULL;
	*ret_len = 0;
	if (len == UINT32_MAX)
		return 0;
	if (len > VAULT_TEXT_MAX || take(input, len, &bytes) < 0)
		return -EBADMSG;
	*ret = (const char *)bytes;
	*ret_len = len;
	return 0;
}

/* The same for a string: a copy, which holds no NUL. */
static int take_string(struct input *input, char **ret)
{
	const char *text;
	size_t len;
	int r = take_text(input, &text, &len);

	if (r < 0 || text == NULL)
		return r;
	if (memchr(text, '\0', len) != NULL)
		return -EBADMSG;
	*ret = strndup(text, len);
	return *ret != NULL ? 0 : -ENOMEM;
}

static bool is_kind(uint32_t kind)
{
	return kind >= VAULT_SERVICE && kind <= VAULT_OAUTH;
}

static int take_entry(struct input *input, struct vault_entry *ret)
{
	const uint8_t *numbers;
	const char *value = NULL;
	int r = take(input, NUMBERS, &numbers);

	if (r < 0 || !is_kind(le32_load(numbers)))
		return -EBADMSG;
	ret->kind = le32_load(numbers);
	ret->changed_at = (int64_t)le64_load(numbers + 4);
	r = take_string(input, (char **)&ret->name);
	if (r == 0)
		r = take_string(input, (char **)&ret->scope);
	if (r == 0)
		r = take_string(input, (char **)&ret->attributes);
	if (r == 0)
		r = take_text(input, &value, &ret->value_len);
	if (r == 0 && ret->name == NULL)
		r = -EBADMSG;
	if (r < 0 || value == NULL)
		return r;
	ret->value = copy_secret(value, ret->value_len);
	return ret->value != NULL ? 0 : -ENOMEM;
}

/* One more entry, unless it is there already. */
static int decode_entry(struct input *input, struct entries *entries)
{
	struct vault_entry entry = { .name = NULL };
	int r = take_entry(input, &entry);

	if (r == 0 && entries_find(entries, entry.kind, entry.name, entry.scope) != NULL)
		r = -EBADMSG;
	if (r == 0)
		r = add_room(entries);
	if (r == 0)
		entries->items[entries->count++] = entry;
	else
		entry_finish(&entry);
	return r;
}

int entries_decode(const uint8_t *bytes, size_t len, struct entries *ret)
{
	struct entries entries = { .items = NULL };
	struct input input = { bytes, len };
	const uint8_t *head;
	uint32_t count;
	int r = take(&input, LENGTH, &head);

	if (r < 0)
		return r;
	count = le32_load(head);
	if (count > VAULT_ENTRIES_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = decode_entry(&input, &entries);
	if (r == 0 && input.len > 0)
		r = -EBADMSG;
	if (r < 0)
		entries_finish(&entries);
	else
		*ret = entries;
	return r;
}
