/*
 * What sbx-proxy is told by sbxd, and what it tells: frames with TLV payloads
 * on a stream. sbxd connects to the listening socket that sbx-proxy was given
 * as descriptor 4, again after each restart of sbxd.
 *
 * Secrets are in PROXY_CREDENTIAL only; the buffers they pass are locked in
 * memory and wiped on both sides. Everything is repeated in full at each
 * change, between BEGIN and END, so that what was revoked is gone.
 */
#ifndef WIRE_PROXY_H
#define WIRE_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

struct buf;

enum proxy_frame {
	/* sbxd to sbx-proxy */
	PROXY_POLICY_BEGIN = 1, /* as NET_POLICY_BEGIN … */
	PROXY_POLICY_RULE = 2,
	PROXY_POLICY_END = 3,
	PROXY_AUTHORITY = 4, /* PEM (the sandbox's CA certificate and key) */
	PROXY_TRUST = 5, /* PEM of certificates, in as many frames as needed; FLAGS first: forget */
	PROXY_UPSTREAM =
		6, /* NAME "http://[user:password@]host:port" or "socks5://…"; absent: none */
	PROXY_CREDENTIALS_BEGIN = 7,
	PROXY_CREDENTIAL = 8, /* see credential/credential.h: NAME, KIND, TARGET*, HEADER, FORMAT,
				 SENTINEL, VALUE, USERNAME; of OAUTH also TOKEN_URL,
				 REFRESH_SENTINEL */
	PROXY_CREDENTIALS_END = 9,
	PROXY_AGENT = 10, /* ID; fd: connected to the host's SSH agent; no fd: there is none */

	/* sbx-proxy to sbxd */
	PROXY_VERDICT = 32, /* struct net_verdict (wire/net.h) */
	PROXY_APPLIED = 33,
	PROXY_SECRET_USED = 34, /* NAME of the credential, TARGET host, TEXT what */
	PROXY_ALARM =
		35, /* NAME, TARGET, TEXT: a sentinel for a foreign host, a value in a reply */
	PROXY_TOKENS = 36, /* NAME service, ACCESS, REFRESH, EXPIRES, TEXT (an id token without its
			    signature): an OAuth login was seen */
	PROXY_AGENT_WANTED = 37, /* ID: the guest opened the SSH agent */
};

enum proxy_tag {
	PROXY_TAG_FLAGS = 1,
	PROXY_TAG_PEM = 2,
	PROXY_TAG_NAME = 3,
	PROXY_TAG_KIND = 4, /* u32, enum credential_kind */
	PROXY_TAG_TARGET = 5,
	PROXY_TAG_HEADER = 6,
	PROXY_TAG_FORMAT = 7,
	PROXY_TAG_SENTINEL = 8,
	PROXY_TAG_VALUE = 9,
	PROXY_TAG_USERNAME = 10,
	PROXY_TAG_ID = 11,
	PROXY_TAG_TEXT = 12,
	PROXY_TAG_ACCESS = 13,
	PROXY_TAG_REFRESH = 14,
	PROXY_TAG_EXPIRES = 15, /* u64, seconds since 1970 */
	PROXY_TAG_GENERATION = 16,
	PROXY_TAG_TOKEN_URL = 17,	 /* OAUTH: "https://host/path" whose replies carry tokens */
	PROXY_TAG_REFRESH_SENTINEL = 18, /* OAUTH: what stands for the refresh token */
};

enum { PROXY_FLAG_LOCKED_DOWN = 1 << 0, PROXY_FLAG_FORGET = 1 << 1 };

enum {
	PROXY_STRING_MAX = 4096, /* bytes of a string that is not a secret */
	PROXY_SECRET_MAX = 16384,
	PROXY_PEM_MAX = 65000,
	PROXY_TARGETS_MAX = 64,
};

/* Every frame as one struct; absent numbers 0, absent strings NULL. Owned. */
struct proxy_message {
	uint16_t type; /* enum proxy_frame, but not POLICY_RULE and VERDICT */
	uint32_t flags, kind;
	uint64_t id, expires, generation;
	char *name, *header, *format, *sentinel, *username, *text, *token_url, *refresh_sentinel;
	char **targets; /* NULL-terminated, or NULL */
	char *pem, *value, *access, *refresh;
};

/*
 * Appends the message as a frame; -EMSGSIZE, or an error of buf_append(). Only
 * `buf` has a copy of the secrets then: its owner wipes it when it was sent.
 */
int proxy_message_append(struct buf *buf, const struct proxy_message *message);

/*
 * -EPROTO when malformed, a limit is passed, or the type is another.
 * POLICY_RULE is read by policy/encode.h, VERDICT by net_verdict_decode().
 */
int proxy_message_decode(const struct frame *frame, struct proxy_message *ret);

/* Frees and wipes every string. */
void proxy_message_finish(struct proxy_message *message);

#endif
