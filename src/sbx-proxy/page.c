#include "sbx-proxy/page.h"

#include <errno.h>
#include <string.h>

#include "sbx-proxy/origin.h"

enum { FIELD_MAX = 300 };

unsigned page_status(const struct refusal *refusal)
{
	switch (refusal->error) {
	case EACCES:
		return 403;
	case EBADMSG:
		return 400;
	case EREMOTE:
		return 421;
	case ETIMEDOUT:
		return 504;
	default: /* any errno: the origin's or the network's */
		return 502;
	}
}

static const char *error_word(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "timeout";
	case ECONNREFUSED:
		return "refused";
	case EPROTO:
		return "tls";
	case ECONNRESET:
		return "closed";
	case EILSEQ:
		return "http";
	case ENOENT:
		return "name";
	default: /* any other errno */
		return "network";
	}
}

/* A field of printable ASCII, cut where it is too long; left out when it cannot be. */
static void add_field(struct http_fields *fields, const char *name, const char *prefix,
		      const char *text)
{
	char value[FIELD_MAX];
	size_t len = strlen(prefix);

	memcpy(value, prefix, len);
	for (; *text != '\0' && len < sizeof(value); text++)
		value[len++] = *text >= ' ' && *text < 0x7f ? *text : '?';
	while (len > 0 && value[len - 1] == ' ')
		len--;
	(void)http_fields_add(fields, name, value, len);
}

static int put_body(const struct refusal *refusal, const char *name, uint16_t port,
		    struct buf *body)
{
	const char *text = refusal->text != NULL ? refusal->text : strerror(refusal->error);

	if (refusal->error == EACCES && refusal->rule != NULL)
		return buf_printf(body, "Blocked by network policy: domain %s:%u\n", name, port);
	return buf_printf(body, "%s\n", text);
}

int page_make(const struct refusal *refusal, const char *name, uint16_t port,
	      struct http_response *ret, struct buf *body)
{
	unsigned status = page_status(refusal);
	int r = put_body(refusal, name, port, body);

	if (r < 0)
		return r;
	http_response_init(ret, status);
	ret->content_length = (int64_t)body->len;
	add_field(&ret->fields, "content-type", "", "text/plain; charset=utf-8");
	add_field(&ret->fields, "cache-control", "", "no-store");
	if (status == 403)
		add_field(&ret->fields, "x-sbx-deny", "rule=",
			  refusal->rule != NULL && refusal->rule[0] != '\0' ? refusal->rule
									    : "none");
	if (status == 403 && refusal->text != NULL)
		add_field(&ret->fields, "x-sbx-reason", "", refusal->text);
	if (status >= 500)
		add_field(&ret->fields, "x-sbx-error", "", error_word(refusal->error));
	return 0;
}
