#include "dns/filter.h"

#include <string.h>

#include "base/check.h"

enum dns_treatment dns_treatment_of(uint16_t type)
{
	switch ((enum dns_type)type) {
	case DNS_A:
	case DNS_AAAA:
	case DNS_CNAME:
	case DNS_NS:
	case DNS_MX:
	case DNS_TXT:
	case DNS_SRV:
	case DNS_CAA:
		return DNS_ASK;
	case DNS_SVCB:
	case DNS_HTTPS:
		return DNS_EMPTY;
	case DNS_PTR:
	case DNS_OPT:
	case DNS_ANY:
		break;
	}
	return DNS_DECLINE;
}

static const struct dns_record *find_alias(const struct dns_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->record[i];

		if (record->type == DNS_CNAME && strcmp(record->name, name) == 0)
			return record;
	}
	return NULL;
}

/* The names from the asked one on, by index of the alias that gave them. */
struct chain {
	size_t count;
	size_t alias[DNS_CHAIN_MAX]; /* in the answer */
	const char *last;	     /* weak */
};

static struct chain chain_of(const struct dns_answer *answer, const char *name, uint16_t type)
{
	struct chain chain = { .last = name };

	while (type != DNS_CNAME && chain.count < DNS_CHAIN_MAX) {
		const struct dns_record *alias = find_alias(answer, chain.last);

		if (alias == NULL)
			break;
		chain.alias[chain.count++] = (size_t)(alias - answer->record);
		chain.last = alias->target;
	}
	return chain;
}

static bool is_of_chain(const struct chain *chain, size_t index)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (chain->alias[i] == index)
			return true;
	}
	return false;
}

static bool is_address(const struct dns_record *record)
{
	return record->type == DNS_A || record->type == DNS_AAAA;
}

size_t dns_filter_apply(const struct dns_filter *filter, const char *name, uint16_t type,
			struct dns_answer *answer, struct address *ret_stripped)
{
	const struct chain chain = chain_of(answer, name, type);
	size_t kept = 0, stripped = 0;
	char last[DNS_NAME_MAX + 1];

	/* Records move while they are kept. */
	memcpy(last, chain.last, strlen(chain.last) + 1);
	for (size_t i = 0; i < answer->count; i++) {
		struct dns_record *record = &answer->record[i];
		bool is_answer = record->type == type && strcmp(record->name, last) == 0;

		if (!is_answer && !is_of_chain(&chain, i))
			continue;
		if (is_address(record) && !filter->admits(filter->owner, name, &record->address)) {
			if (stripped++ == 0)
				*ret_stripped = record->address;
			continue;
		}
		record->ttl = max_of(DNS_TTL_MIN, min_of(record->ttl, DNS_TTL_MAX));
		if (kept != i)
			answer->record[kept] = *record;
		kept++;
	}
	answer->count = kept;
	return stripped;
}
