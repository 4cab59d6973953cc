#include <err.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "bench/net/main.h"
#include "policy/encode.h"
#include "wire/net.h"
#include "wire/stream.h"

enum { POLICY_BYTES_MAX = 1 << 16, PATIENCE_MS = 10000 };

static int append_policy(struct buf *out)
{
	struct policy_rule rule = { .id = "local:1",
				    .origin = POLICY_FROM_USER,
				    .decision = POLICY_ALLOW,
				    .protocols = POLICY_TCP };
	struct err why = ERR_INIT;
	int r = net_message_append(
		out, &(struct net_message){ .type = NET_POLICY_BEGIN, .generation = 1 });

	if (r == 0)
		r = policy_resource_parse("0.0.0.0/0", &rule.resource, &why);
	if (r == 0)
		r = policy_rule_append(out, NET_POLICY_RULE, &rule);
	policy_rule_finish(&rule);
	return r == 0 ? net_message_append(out, &(struct net_message){ .type = NET_POLICY_END })
		      : r;
}

int allow(const char *control)
{
	const uint64_t deadline = clock_now_ms() + PATIENCE_MS;
	struct stream stream;
	struct frame frame;
	struct buf out;
	int fd, r = fd_connect_unix(control, &fd);

	if (r < 0)
		errx(1, "no sbx-net at %s", control);
	buf_init(&out, POLICY_BYTES_MAX);
	r = append_policy(&out);
	if (r == 0)
		r = fd_write_full(fd, out.data, out.len);
	buf_finish(&out);
	stream_init(&stream, fd);
	do
		r = r >= 0 ? stream_read(&stream, deadline, &frame) : r;
	while (r > 0 && frame.type != NET_APPLIED);
	stream_finish(&stream);
	if (r <= 0)
		errx(1, "sbx-net did not take the policy");
	return 0;
}
