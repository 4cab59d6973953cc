/*
 * DNS messages (RFC 1035, 6891, 2782) as bytes and as structs, for a resolver
 * between a hostile guest and servers that are not to be trusted either.
 *
 * Strict and bounded: one question of class IN; names of letters, digits, '-'
 * and '_' only, at most 253 bytes as text; compression pointers go backwards
 * only, DNS_HOPS_MAX of them; records of types that are not known here are
 * skipped by their length, and more than DNS_RECORDS_MAX are not read. No
 * bytes are passed on as they came: what is sent is composed anew. No I/O.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum {
	DNS_NAME_MAX = 253,	 /* bytes of a name as text, without the last dot */
	DNS_WIRE_NAME_MAX = 255, /* bytes of a name in a message */
	DNS_LABEL_MAX = 63,
	DNS_HEADER_SIZE = 12,
	DNS_UDP_MIN = 512,  /* bytes that every client takes (RFC 1035 §4.2.1) */
	DNS_UDP_MAX = 1232, /* that we ask for and send at most by UDP */
	DNS_MESSAGE_MAX = 65535,
	DNS_QUERY_MAX = DNS_HEADER_SIZE + DNS_WIRE_NAME_MAX + 4 + 11,
	DNS_RECORDS_MAX = 64, /* of one answer */
	DNS_HOPS_MAX = 16,
};

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_SVCB = 64,
	DNS_HTTPS = 65,
	DNS_ANY = 255,
	DNS_CAA = 257,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
};

/* What a client asks. */
struct dns_query {
	uint16_t id;
	bool wants_recursion;
	bool has_edns;
	uint16_t udp_size; /* bytes that the client takes by UDP, DNS_UDP_MIN … DNS_UDP_MAX */
	uint16_t type;	   /* enum dns_type or any other number */
	char name[DNS_NAME_MAX + 1]; /* lower case; "" also for the root and for what is no name */
	/* The question as it came, its letters' case too: goes back unchanged. */
	uint8_t question[DNS_WIRE_NAME_MAX + 4];
	size_t question_len; /* 0: it could not be read */
};

/* One record of an answer. What does not belong to its type is empty. */
struct dns_record {
	char name[DNS_NAME_MAX + 1]; /* lower case */
	uint16_t type;
	uint32_t ttl;		       /* seconds */
	struct address address;	       /* A, AAAA */
	char target[DNS_NAME_MAX + 1]; /* CNAME, NS, PTR, MX, SRV; lower case, "" is the root */
	uint16_t numbers[3];	       /* MX: preference; SRV: priority, weight, port */
	const uint8_t *data;	       /* TXT, CAA: weak, in the message or the caller's */
	size_t data_len;
};

/* What a server answered: its answer section, in order. */
struct dns_answer {
	enum dns_rcode rcode;
	bool is_truncated;
	size_t count;
	struct dns_record record[DNS_RECORDS_MAX];
};

/*
 * Reads a query. 0; a positive enum dns_rcode to be answered (ret holds what
 * the answer needs); -EPROTO: too short or no query, not to be answered.
 */
int dns_query_parse(const uint8_t *bytes, size_t len, struct dns_query *ret);

/*
 * The answer to a query, at most max bytes (from DNS_HEADER_SIZE on); returns its
 * length. Records that do not all fit are left out and the answer says it is truncated.
 */
size_t dns_reply_compose(const struct dns_query *query, enum dns_rcode rcode,
			 const struct dns_record *records, size_t count, uint8_t *to, size_t max);

/* A question to a server; returns its length. name: as dns_query's. */
size_t dns_query_compose(uint16_t id, const char *name, uint16_t type, uint8_t to[DNS_QUERY_MAX]);

/*
 * Reads the answer to dns_query_compose() of the same arguments. -EPROTO:
 * malformed, -ENOMSG: the answer to something else.
 */
int dns_answer_parse(const uint8_t *bytes, size_t len, uint16_t id, const char *name, uint16_t type,
		     struct dns_answer *ret);

/* "A", "TXT", …; NULL for a type that has no name here. */
const char *dns_type_name(uint16_t type);

#endif
