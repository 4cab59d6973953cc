/*
 * May this sandbox do this? One pure function decides for DNS, for addresses,
 * for transparent and explicit proxying and for each HTTP request.
 *
 * Order: what is malformed is denied; a matching deny of any origin wins; the
 * ceiling of a locked-down policy lets only rules through that the user added;
 * then any matching allow admits; else the default is deny. An address that
 * is not public needs an allow that names it (address, CIDR, or
 * host.docker.internal), whatever name led to it. HTTP rules carve within what
 * the connection rules admit (reference: L4 is a ceiling, L7 carves).
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct err;

enum {
	POLICY_RULES_MAX = 8192,
	POLICY_NAME_MAX = 253, /* bytes of a host name */
	POLICY_ID_MAX = 64,    /* bytes of a rule's id */
	POLICY_SENTENCE_MAX = 384,
	POLICY_RESOURCE_MAX = 320, /* bytes of a resource as text, with the NUL */
};

enum policy_decision { POLICY_DENY, POLICY_ALLOW };
enum policy_protocol { POLICY_TCP = 1 << 0, POLICY_UDP = 1 << 1 };
enum policy_origin { POLICY_FROM_PRESET, POLICY_FROM_USER, POLICY_FROM_KIT, POLICY_FROM_APPROVAL };

/* What a resource of a rule names; policy_resource_parse() makes it of text. */
enum policy_resource_kind { POLICY_ANY, POLICY_NAME, POLICY_NET };

struct policy_resource {
	enum policy_resource_kind kind;
	char *pattern;	    /* owned; NAME: lower case, "*.d", "**.d", "?" and "[...]" globs */
	struct address net; /* NET */
	unsigned bits;
	uint16_t port; /* 0: any */
};

struct policy_rule {
	char id[POLICY_ID_MAX + 1]; /* "local:<uuid>", "default-ai-services", "kit:<name>:1" */
	enum policy_decision decision;
	enum policy_origin origin;
	bool is_global;	    /* else of this sandbox; for sentences */
	unsigned protocols; /* enum policy_protocol bits */
	struct policy_resource resource;
	char *methods; /* owned; "GET,POST"; NULL: a connection rule, "ANY": all methods */
	char *path;    /* owned; canonical glob, "*" one segment, "**" any; NULL: any */
};

/* All that is in force for one sandbox; compiled once, then read only. */
struct policy;

/* Takes over the contents of the rules. locked_down: the ceiling of the preset. */
int policy_create(struct policy_rule *rules, size_t count, bool locked_down, struct policy **ret);
void policy_destroy(struct policy *policy);
void policy_rule_finish(struct policy_rule *rule);

/* What is asked. Absent: NULL, 0, family ADDRESS_NONE. Names are judged by policy_name_check(). */
struct policy_question {
	const char *name; /* what was resolved, SNI, or authority: the caller saw them agree */
	struct address address; /* where the packets would go */
	uint16_t port;		/* 0: any, for a DNS question */
	enum policy_protocol protocol;
	const char *method, *path; /* of an HTTP request, path canonical (http/path.h) */
	bool is_host;		   /* host.docker.internal: judged as name "localhost" */
	bool is_own;		   /* the address is one of the host's own */
};

enum policy_deny_kind {
	POLICY_NOT_DENIED,
	POLICY_IMPLICIT, /* no rule allows it; may be approved */
	POLICY_EXPLICIT, /* a rule denies it */
	POLICY_CEILING,	 /* locked down: only the user's own rules count */
	POLICY_UNSAFE,	 /* the address is one that needs a rule that names it */
	POLICY_MALFORMED,
};

struct policy_verdict {
	enum policy_decision decision;
	enum policy_deny_kind kind;
	const struct policy_rule *rule; /* weak: in the policy; NULL: none matched */
	bool needs_http; /* HTTP rules exist for this host: requests must be looked into */
	char sentence[POLICY_SENTENCE_MAX]; /* why, for people */
};

/* policy NULL: nothing was told yet, all is denied. */
void policy_decide(const struct policy *policy, const struct policy_question *question,
		   struct policy_verdict *ret);

/* One line for each rule that was considered, calls line for each (policy explain). */
void policy_explain(const struct policy *policy, const struct policy_question *question,
		    void (*line)(void *context, const char *text), void *context);

/* Lower case, without one trailing dot; letters, digits, '-', '_' in labels of 1..63; -EINVAL. */
int policy_name_check(const char *bytes, size_t len, char ret[POLICY_NAME_MAX + 1]);

/*
 * Makes an HTTP rule of a rule with a resource: methods "GET,POST" or "ANY" (NULL: ANY), path
 * a glob like /a/b (NULL: any). -EINVAL and a sentence: no token, no canonical path, or an IP
 * address.
 */
int policy_rule_set_http(struct policy_rule *rule, const char *methods, const char *path,
			 struct err *err);

/* "host", "*.d:443", "10.0.0.0/8", "[::1]:80", "**"; -EINVAL and a sentence. */
int policy_resource_parse(const char *text, struct policy_resource *ret, struct err *err);
void policy_resource_finish(struct policy_resource *resource);
/* What policy_resource_parse() reads. */
void policy_resource_format(const struct policy_resource *resource, char ret[POLICY_RESOURCE_MAX]);
bool policy_resource_matches(const struct policy_resource *resource,
			     const struct policy_question *question);

#endif
