/*
 * The policy, asked as this program asks it.
 */
#ifndef SBX_PROXY_JUDGE_H
#define SBX_PROXY_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;
struct http_request;
struct net_verdict;
struct orders;
struct policy;
struct refusal;

struct judge_request {
	const char *host; /* a name or an address */
	uint16_t port;
	const struct address *address; /* that it leads to; NULL: unknown */
	const struct http_request *request;
	const char *path; /* canonical; NULL: it has none */
};

/*
 * Whether the request may be sent. ret_rule: the id of the rule that says so; else
 * ret_refusal is set. A method that a header puts in place of another is judged too.
 */
bool judge_request(const struct policy *policy, const struct judge_request *asked, char *ret_rule,
		   size_t rule_size, struct refusal *ret_refusal);

/* Whether a connection may go on; else ret_refusal. address NULL: unknown. */
bool judge_connection(const struct policy *policy, const char *host, uint16_t port,
		      const struct address *address, struct refusal *ret_refusal);

/* Whether requests to this host must be looked into: a rule or a credential says so. */
bool judge_needs_http(const struct orders *orders, const char *host, uint16_t port);

/* A refusal as an event. */
void judge_describe(const struct refusal *refusal, struct net_verdict *to);

#endif
