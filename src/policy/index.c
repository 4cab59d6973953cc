#include "policy/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/match.h"
#include "policy/resource.h"

enum { NONE = UINT32_MAX, LEAST_HEADS = 16 };

/* What a chain is for is hashed first, so that equal bytes of two kinds part. */
enum key_kind { KEY_NAME, KEY_SUFFIX, KEY_NET };

/* FNV-1a; keys come from rules, a guest only asks. */
static uint32_t hash(uint32_t seed, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t value = 2166136261u ^ seed;

	for (size_t i = 0; i < len; i++)
		value = (value ^ at[i]) * 16777619u;
	return value ^ (value >> 15);
}

static uint32_t hash_text(enum key_kind kind, const char *text)
{
	return hash((uint32_t)kind, text, strlen(text));
}

/* The first `bits` of an address. */
static uint32_t hash_net(const struct address *address, unsigned bits)
{
	uint8_t bytes[17] = { (uint8_t)address->family };
	unsigned whole = bits / 8;

	memcpy(bytes + 1, address->bytes, whole);
	if (bits % 8 != 0)
		bytes[1 + whole] =
			(uint8_t)(address->bytes[whole] & (0xff00u >> (bits % 8)) & 0xff);
	return hash(KEY_NET | bits << 8, bytes, sizeof(bytes));
}

/* The chain a rule stands in. */
static uint32_t *chain_of(struct rule_index *index, const struct policy_resource *resource)
{
	const char *suffix = resource_suffix(resource);

	if (suffix != NULL)
		return &index->heads[hash_text(KEY_SUFFIX, suffix) & index->mask];
	if (resource->kind == POLICY_NET) {
		index->bits_used[resource->net.family == ADDRESS_V6][resource->bits] = true;
		return &index->heads[hash_net(&resource->net, resource->bits) & index->mask];
	}
	if (resource->kind == POLICY_NAME && !match_is_glob(MATCH_HOST, resource->pattern))
		return &index->heads[hash_text(KEY_NAME, resource->pattern) & index->mask];
	return &index->rest;
}

int index_create(const struct policy_rule *rules, size_t count, struct rule_index *ret)
{
	struct rule_index index = { .rest = NONE };
	uint32_t heads = LEAST_HEADS;

	while (heads < count * 2)
		heads *= 2;
	index.mask = heads - 1;
	index.heads = malloc(heads * sizeof(*index.heads));
	index.next = calloc(count + 1, sizeof(*index.next));
	if (index.heads == NULL || index.next == NULL) {
		index_finish(&index);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < heads; i++)
		index.heads[i] = NONE;
	for (size_t i = count; i-- > 0;) {
		uint32_t *chain = chain_of(&index, &rules[i].resource);

		index.next[i] = *chain;
		*chain = (uint32_t)i;
	}
	*ret = index;
	return 0;
}

void index_finish(struct rule_index *index)
{
	free(index->heads);
	free(index->next);
	*index = (struct rule_index){ .rest = NONE };
}

/* One walk over an index. */
struct walk {
	const struct rule_index *index;
	void (*visit)(void *context, uint32_t rule);
	void *context;
};

static void visit_chain(const struct walk *walk, uint32_t rule)
{
	for (; rule != NONE; rule = walk->index->next[rule])
		walk->visit(walk->context, rule);
}

static void visit_hash(const struct walk *walk, uint32_t key)
{
	visit_chain(walk, walk->index->heads[key & walk->index->mask]);
}

static void visit_name(const struct walk *walk, const char *name)
{
	visit_hash(walk, hash_text(KEY_NAME, name));
	for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		visit_hash(walk, hash_text(KEY_SUFFIX, dot + 1));
}

static void visit_address(const struct walk *walk, const struct address *address)
{
	bool is_v6 = address->family == ADDRESS_V6;

	for (unsigned bits = 0; bits <= (is_v6 ? 128 : 32); bits++)
		if (walk->index->bits_used[is_v6][bits])
			visit_hash(walk, hash_net(address, bits));
}

void index_visit(const struct rule_index *index, const struct policy_question *question,
		 void (*visit)(void *context, uint32_t rule), void *context)
{
	const struct walk walk = { .index = index, .visit = visit, .context = context };
	struct address address = address_unmap(&question->address);

	if (question->name != NULL)
		visit_name(&walk, question->name);
	for (size_t i = 0; question->is_host && i < RESOURCE_HOST_NAMES; i++)
		visit_name(&walk, resource_host_names[i]);
	if (address.family != ADDRESS_NONE)
		visit_address(&walk, &address);
	visit_chain(&walk, index->rest);
}
