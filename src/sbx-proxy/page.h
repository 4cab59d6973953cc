/*
 * What the guest reads instead of what it asked for: plain text for people, and
 * one field for programs.
 *
 *	403  X-Sbx-Deny: rule=ID	the policy; the text names the host and the port
 *	421				another host than the connection is for
 *	502, 504  X-Sbx-Error: WORD	the origin, or the way to it
 */
#ifndef SBX_PROXY_PAGE_H
#define SBX_PROXY_PAGE_H

#include <stdint.h>

#include "base/buf.h"
#include "http/message.h"

struct refusal;

/* name and port: of what was asked for. Fills *ret and appends its body. -ENOMEM. */
int page_make(const struct refusal *refusal, const char *name, uint16_t port,
	      struct http_response *ret, struct buf *body);

unsigned page_status(const struct refusal *refusal);

#endif
