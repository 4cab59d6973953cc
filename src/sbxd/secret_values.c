#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbxd/secret_state.h"

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct secret_value *find(const struct secret_store *store, enum vault_kind kind,
				 const char *name, const char *scope)
{
	for (size_t i = 0; i < store->values_count; i++) {
		struct secret_value *value = &store->values[i];

		if (value->kind == kind && strcmp(value->name, name) == 0 &&
		    is_same(value->scope, scope))
			return value;
	}
	return NULL;
}

const struct secret_value *secret_value_find(const struct secret_store *store,
					     const struct vault_entry *entry)
{
	return find(store, entry->kind, entry->name, entry->scope);
}

static void value_finish(struct secret_value *value)
{
	free(value->name);
	free(value->scope);
	sodium_free(value->text);
}

/* A new one without text; NULL without memory. */
static struct secret_value *add(struct secret_store *store, enum vault_kind kind, const char *name,
				const char *scope)
{
	struct secret_value *values =
		realloc(store->values, (store->values_count + 1) * sizeof(*values));
	struct secret_value value = { .kind = kind };

	if (values == NULL)
		return NULL;
	store->values = values;
	value.name = strdup(name);
	value.scope = scope != NULL ? strdup(scope) : NULL;
	if (value.name == NULL || (scope != NULL && value.scope == NULL)) {
		value_finish(&value);
		return NULL;
	}
	values[store->values_count] = value;
	return &values[store->values_count++];
}

bool secret_value_put(struct secret_store *store, enum vault_kind kind, const char *name,
		      const char *scope, char *text, size_t len)
{
	struct secret_value *value = find(store, kind, name, scope);
	bool is_changed;

	if (value == NULL)
		value = add(store, kind, name, scope);
	if (value == NULL) {
		sodium_free(text);
		return false;
	}
	is_changed = value->text == NULL || value->len != len ||
		     sodium_memcmp(value->text, text, len) != 0;
	sodium_free(value->text);
	value->text = text;
	value->len = len;
	value->asked_ms = clock_now_ms();
	return is_changed;
}

void secret_value_forget(struct secret_store *store, enum vault_kind kind, const char *name,
			 const char *scope)
{
	struct secret_value *value = find(store, kind, name, scope);

	if (value == NULL)
		return;
	value_finish(value);
	*value = store->values[--store->values_count];
}

void secret_values_finish(struct secret_store *store)
{
	for (size_t i = 0; i < store->values_count; i++)
		value_finish(&store->values[i]);
	free(store->values);
}

/* When the entry's source is to be asked; 0: now, UINT64_MAX: not by the clock. */
static uint64_t due_ms(const struct secret_store *store, const struct vault_entry *entry,
		       const json_t *attributes)
{
	json_int_t refresh_s = json_integer_value(json_object_get(attributes, "refresh"));
	const struct secret_value *value = secret_value_find(store, entry);

	if (value == NULL)
		return 0;
	return refresh_s <= 0 ? UINT64_MAX : value->asked_ms + (uint64_t)refresh_s * 1000;
}

uint64_t secret_values_due_ms(const struct secret_store *store)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; store->vault != NULL && i < vault_count(store->vault); i++) {
		const struct vault_entry *entry = vault_at(store->vault, i);
		json_t *attributes = secret_attributes(entry);
		struct secret_source source;

		/* one that never gave a value is asked when a sandbox needs it */
		if (secret_attributes_source(attributes, &source) &&
		    secret_value_find(store, entry) != NULL)
			first = min_of(first, due_ms(store, entry, attributes));
		json_decref(attributes);
	}
	return first;
}

/* A source to be asked while the lock is not held. */
struct question {
	enum vault_kind kind;
	char *name, *scope, *command, *ref; /* owned */
};

static void question_finish(struct question *question)
{
	free(question->name);
	free(question->scope);
	free(question->command);
	free(question->ref);
	*question = (struct question){ .name = NULL };
}

static char *copy(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static bool is_due(const struct secret_store *store, const struct vault_entry *entry,
		   const json_t *attributes, bool on_demand)
{
	uint64_t due = due_ms(store, entry, attributes);

	if (due == UINT64_MAX)
		return on_demand;
	return due <= clock_now_ms() && (due > 0 || on_demand);
}

/* The first one from *index on that is due; moves *index behind it. */
static bool next_question(struct secret_store *store, const char *sandbox, bool on_demand,
			  size_t *index, struct question *ret)
{
	for (; *index < vault_count(store->vault); (*index)++) {
		const struct vault_entry *entry = vault_at(store->vault, *index);
		json_t *attributes = secret_attributes(entry);
		struct secret_source source;
		bool is_wanted = secret_attributes_source(attributes, &source) &&
				 (sandbox == NULL || secret_is_effective(store, entry, sandbox)) &&
				 is_due(store, entry, attributes, on_demand);

		if (is_wanted)
			*ret = (struct question){ .kind = entry->kind,
						  .name = copy(entry->name),
						  .scope = copy(entry->scope),
						  .command = copy(source.command),
						  .ref = copy(source.ref) };
		json_decref(attributes);
		if (is_wanted) {
			(*index)++;
			return ret->name != NULL;
		}
	}
	return false;
}

/* Lock held, let go meanwhile. 1 when the value is another one now. */
static int ask(struct secret_store *store, const struct question *question, struct err *err)
{
	const struct secret_source source = { question->command, question->ref };
	char *text = NULL;
	size_t len = 0;
	int r;

	(void)pthread_mutex_unlock(&store->lock);
	r = secret_source_ask(&source, false, &text, &len, err);
	(void)pthread_mutex_lock(&store->lock);
	if (r < 0)
		return err_wrap(err, "secret '%s'", question->name);
	return secret_value_put(store, question->kind, question->name, question->scope, text, len);
}

int secret_values_refresh(struct secret_store *store, const char *sandbox, bool on_demand,
			  struct err *err)
{
	struct question question = { .name = NULL };
	bool is_changed = false;
	size_t index = 0;
	int failure = 0;

	while (store->vault != NULL &&
	       next_question(store, sandbox, on_demand, &index, &question)) {
		int r = ask(store, &question, err);

		question_finish(&question);
		if (r < 0)
			failure = r;
		is_changed |= r > 0;
	}
	if (is_changed)
		store->generation++;
	return failure < 0 ? failure : is_changed;
}
