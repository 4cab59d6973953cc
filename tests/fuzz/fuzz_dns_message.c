/*
 * DNS messages of a hostile guest and of a hostile server. What is read of a
 * query composes an answer that reads the same; what is left of an answer
 * composes within its limit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dns/filter.h"
#include "tests/fuzz/fuzz.h"

static bool admits(void *owner, const char *name, const struct address *address)
{
	(void)owner;
	(void)name;
	return address_kind(address) == ADDRESS_PUBLIC;
}

static void answer_again(const struct dns_query *query, enum dns_rcode rcode,
			 struct dns_answer *answer)
{
	static struct dns_answer again;
	uint8_t bytes[DNS_UDP_MAX];
	size_t len = dns_reply_compose(query, rcode, answer->record, answer->count, bytes,
				       query->udp_size);

	if (len < DNS_HEADER_SIZE || len > query->udp_size)
		abort();
	if (rcode != DNS_NOERROR || query->name[0] == '\0')
		return;
	if (dns_answer_parse(bytes, len, query->id, query->name, query->type, &again) < 0)
		abort();
	if (!again.is_truncated && again.count != answer->count)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dns_filter filter = { .admits = admits };
	static struct dns_answer answer;
	struct dns_query query;
	struct address stripped;
	uint8_t *copy = malloc(size + 1);
	int r;

	if (copy == NULL)
		return 0;
	/* The question that it says it answers is the one that was asked, with nothing else in it.
	 */
	memcpy(copy, data, size);
	if (size > 2)
		copy[2] &= 0x7f;
	r = dns_query_parse(copy, size, &query);
	answer.count = 0;
	if (r >= 0)
		answer_again(&query, (enum dns_rcode)r, &answer);
	if (size >= DNS_HEADER_SIZE)
		memset(copy + 6, 0, 6);
	r = dns_query_parse(copy, size, &query);
	memcpy(copy, data, size);
	if (size > 2)
		copy[2] |= 0x80;
	if (r >= 0 && query.name[0] != '\0' &&
	    dns_answer_parse(copy, size, query.id, query.name, query.type, &answer) == 0) {
		(void)dns_filter_apply(&filter, query.name, query.type, &answer, &stripped);
		answer_again(&query, DNS_NOERROR, &answer);
	}
	free(copy);
	return 0;
}
