#include "sbx-proxy/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "credential/oauth.h"
#include "policy/encode.h"
#include "sbx-proxy/credential_read.h"
#include "tls/leaf.h"
#include "tls/trust.h"

enum {
	LEAVES_MAX = 256,
	READ_CHUNK = 16384,
	UNSENT_MAX = 256 << 10, /* bytes of events that sbxd has not read; then they are dropped */
};

/* Secrets passed through the buffer, so it never rests with bytes in it. */
static void hang_up(struct control *control)
{
	if (control->fd < 0)
		return;
	loop_remove(&control->watch);
	if (control->stream.in.data != NULL)
		explicit_bzero(control->stream.in.data, control->stream.in.cap);
	stream_finish(&control->stream);
	(void)close(take_fd(&control->fd));
	if (control->passed >= 0)
		(void)close(take_fd(&control->passed));
	list_for_each (node, next, &control->agents) {
		struct agent_wish *wish = container_of(node, struct agent_wish, node);

		list_remove(node);
		wish->answered(wish, -1);
	}
}

static void watch_for(struct control *control)
{
	bool unsent = stream_unsent(&control->stream) > 0;

	(void)loop_change(&control->watch, EPOLLIN | (unsent ? (uint32_t)EPOLLOUT : 0));
}

static void flush(struct control *control)
{
	int r = stream_flush(&control->stream);

	if (r < 0 && r != -EAGAIN)
		hang_up(control);
	else
		watch_for(control);
}

/* Whether an event may be appended now. */
static bool takes_events(struct control *control)
{
	if (control->fd >= 0 && stream_unsent(&control->stream) < UNSENT_MAX)
		return true;
	control->dropped++;
	return false;
}

/* What sbxd waits for: its answers never give way to events, which the guest can make many. */
static void answer(struct control *control, const struct proxy_message *message)
{
	(void)proxy_message_append(&control->stream.out, message);
	flush(control);
}

static void tell(struct control *control, const struct proxy_message *message)
{
	if (takes_events(control))
		answer(control, message);
}

void control_tell_verdict(struct control *control, const struct net_verdict *verdict)
{
	if (!takes_events(control))
		return;
	(void)net_verdict_append(&control->stream.out, PROXY_VERDICT, verdict);
	flush(control);
}

void control_tell(struct control *control, uint16_t type, const char *name, const char *target,
		  const char *text)
{
	char *targets[] = { (char *)(uintptr_t)target, NULL };

	tell(control, &(struct proxy_message){ .type = type,
					       .name = (char *)(uintptr_t)name,
					       .targets = target == NULL ? NULL : targets,
					       .text = (char *)(uintptr_t)text });
}

/* An id token that is too long for a frame is left out: it is no secret, and no key. */
void control_tell_tokens(struct control *control, const char *name,
			 const struct oauth_tokens *tokens, uint64_t expires)
{
	bool has_id = tokens->id != NULL && strlen(tokens->id) <= PROXY_STRING_MAX;

	tell(control, &(struct proxy_message){ .type = PROXY_TOKENS,
					       .name = (char *)(uintptr_t)name,
					       .access = tokens->access,
					       .refresh = tokens->refresh,
					       .text = has_id ? tokens->id : NULL,
					       .expires = expires });
}

static void tell_applied(struct control *control, uint64_t generation)
{
	if (control->fd >= 0)
		answer(control,
		       &(struct proxy_message){ .type = PROXY_APPLIED, .generation = generation });
}

static int end_policy(struct control *control, const struct proxy_message *message)
{
	struct policy *policy;
	int r = policy_reader_end(control->reader, &policy);

	if (r < 0)
		return r;
	policy_destroy(control->orders.policy);
	control->orders.policy = policy;
	control->changed(control->owner);
	tell_applied(control, message->generation);
	return 0;
}

static int take_authority(struct control *control, const struct proxy_message *message)
{
	struct err err = ERR_INIT;
	struct leaves *leaves;
	int r = message->pem == NULL ? -EPROTO
				     : leaves_create(message->pem, LEAVES_MAX, &leaves, &err);

	if (r < 0) {
		log_error("sbxd sent no authority: %s", err.text);
		return r;
	}
	leaves_destroy(control->orders.leaves);
	control->orders.leaves = leaves;
	return 0;
}

/* A damaged certificate among the host's is the host's matter: the others count. */
static int take_trust(struct control *control, const struct proxy_message *message)
{
	struct err err = ERR_INIT;

	if ((message->flags & PROXY_FLAG_FORGET) != 0 || control->orders.trust == NULL) {
		struct trust *trust;
		int r = trust_create(&trust);

		if (r < 0)
			return r;
		trust_destroy(control->orders.trust);
		control->orders.trust = trust;
	}
	if (message->pem != NULL && trust_add(control->orders.trust, message->pem, &err) < 0)
		log_warning("%s", err.text);
	return 0;
}

static int take_upstream(struct control *control, const struct proxy_message *message)
{
	struct orders *orders = &control->orders;

	upstream_finish(&orders->upstream);
	orders->has_upstream = false;
	if (message->name == NULL)
		return 0;
	if (upstream_parse(message->name, &orders->upstream) < 0)
		return -EPROTO;
	orders->has_upstream = true;
	return 0;
}

static void forget_gathered(struct control *control)
{
	for (size_t i = 0; i < control->gathered_count; i++)
		credential_finish(&control->gathered[i]);
	free(control->gathered);
	control->gathered = NULL;
	control->gathered_count = 0;
}

static int begin_credentials(struct control *control)
{
	forget_gathered(control);
	control->gathered = calloc(CREDENTIALS_MAX, sizeof(*control->gathered));
	return control->gathered == NULL ? -ENOMEM : 0;
}

static int take_credential(struct control *control, struct proxy_message *message)
{
	int r;

	if (control->gathered == NULL || control->gathered_count == CREDENTIALS_MAX)
		return -EPROTO;
	r = credential_read(message, &control->gathered[control->gathered_count]);
	if (r == 0)
		control->gathered_count++;
	return r;
}

/* The set takes over the items, also when it fails. */
static int end_credentials(struct control *control, const struct proxy_message *message)
{
	struct credentials *set;
	struct secrets *secrets;
	int r;

	if (control->gathered == NULL)
		return -EPROTO;
	r = credentials_create(control->gathered, control->gathered_count, &set);
	control->gathered_count = 0;
	forget_gathered(control);
	if (r < 0)
		return r;
	secrets = secrets_create(set);
	if (secrets == NULL)
		return -ENOMEM;
	secrets_put(control->orders.secrets);
	control->orders.secrets = secrets;
	control->changed(control->owner);
	if (message->generation > 0)
		tell_applied(control, message->generation);
	return 0;
}

static int take_agent(struct control *control, const struct proxy_message *message, int fd)
{
	autoclose int socket = fd;

	list_for_each (node, next, &control->agents) {
		struct agent_wish *wish = container_of(node, struct agent_wish, node);

		if (wish->id != message->id)
			continue;
		list_remove(node);
		wish->answered(wish, take_fd(&socket));
		return 0;
	}
	return 0; /* whoever wished it is gone */
}

static int dispatch(struct control *control, struct proxy_message *message, int fd)
{
	autoclose int passed = fd;

	switch (message->type) {
	case PROXY_POLICY_BEGIN:
		policy_reader_begin(control->reader,
				    (message->flags & PROXY_FLAG_LOCKED_DOWN) != 0);
		return 0;
	case PROXY_POLICY_END:
		return end_policy(control, message);
	case PROXY_AUTHORITY:
		return take_authority(control, message);
	case PROXY_TRUST:
		return take_trust(control, message);
	case PROXY_UPSTREAM:
		return take_upstream(control, message);
	case PROXY_CREDENTIALS_BEGIN:
		return begin_credentials(control);
	case PROXY_CREDENTIAL:
		return take_credential(control, message);
	case PROXY_CREDENTIALS_END:
		return end_credentials(control, message);
	case PROXY_AGENT:
		return take_agent(control, message, take_fd(&passed));
	default: /* what we say ourselves */
		return -EPROTO;
	}
}

static int handle_frame(struct control *control, const struct frame *frame, int fd)
{
	autoclose int passed = fd;
	struct proxy_message message;
	int r;

	if (frame->type == PROXY_POLICY_RULE)
		return policy_reader_rule(control->reader, frame);
	r = proxy_message_decode(frame, &message);
	if (r < 0)
		return r;
	r = dispatch(control, &message, take_fd(&passed));
	proxy_message_finish(&message);
	return r;
}

/*
 * A descriptor comes with the first byte of its frame, and the kernel ends a
 * read after it: so it belongs to the frame that was begun last, which may be
 * whole only later (wanted()).
 */
static int handle_frames(struct control *control)
{
	struct stream *stream = &control->stream;
	struct frame frame;
	int r;

	while ((r = stream_next(stream, &frame)) > 0) {
		bool is_last = stream->taken == stream->in.len;
		uint8_t *bytes = (uint8_t *)(uintptr_t)frame.payload;

		r = handle_frame(control, &frame, is_last ? take_fd(&control->passed) : -1);
		if (control->fd < 0)
			return -EPIPE;
		explicit_bzero(bytes, frame.len);
		if (r < 0)
			return r;
	}
	return r;
}

/* While a descriptor waits for the rest of its frame, no byte beyond that is read. */
static size_t wanted(const struct control *control)
{
	const struct buf *in = &control->stream.in;

	if (control->passed < 0)
		return READ_CHUNK;
	if (in->len < FRAME_HEADER_SIZE)
		return FRAME_HEADER_SIZE - in->len;
	return FRAME_HEADER_SIZE + le32_load(in->data) - in->len;
}

/* As stream_fill(), with a descriptor. 1, 0 at the end, -errno. */
static int fill(struct control *control)
{
	struct buf *in = &control->stream.in;
	size_t count = 1, room;
	int fds[FD_PASS_MAX];
	ssize_t n;
	void *to;

	buf_consume(in, control->stream.taken);
	control->stream.taken = 0;
	room = wanted(control);
	to = buf_reserve(in, room);
	if (to == NULL)
		return -ENOMEM;
	n = fd_recv(control->fd, to, room, fds, &count);
	if (n <= 0)
		return (int)n;
	in->len += (size_t)n;
	if (count == 1) {
		if (control->passed >= 0)
			(void)close(control->passed);
		control->passed = fds[0];
	}
	return 1;
}

static void ready(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, watch);
	int r;

	if ((events & EPOLLOUT) != 0)
		flush(control);
	if (control->fd < 0)
		return;
	r = fill(control);
	if (r > 0) {
		r = handle_frames(control);
		if (r < 0 && control->fd >= 0)
			log_error("sbxd sent what cannot be followed: %s", strerror(-r));
	} else if (r == -EAGAIN) {
		return;
	} else {
		r = -EPIPE;
	}
	if (r < 0)
		hang_up(control);
}

/* The whole input buffer at once: one that grows leaves copies of secrets behind. */
static void knocked(struct loop_watch *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, door);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	hang_up(control);
	control->fd = fd;
	stream_init(&control->stream, fd);
	if (buf_reserve(&control->stream.in, control->stream.in.max) == NULL ||
	    loop_add(control->loop, &control->watch, fd, EPOLLIN, ready) < 0)
		hang_up(control);
}

int control_init(struct control *control, struct loop *loop, int listening, void *owner,
		 void (*changed)(void *owner))
{
	int r = fd_set_nonblock(listening, true);

	*control = (struct control){
		.loop = loop, .fd = -1, .passed = -1, .owner = owner, .changed = changed
	};
	list_init(&control->agents);
	if (r == 0)
		r = policy_reader_create(&control->reader);
	return r < 0 ? r : loop_add(loop, &control->door, listening, EPOLLIN, knocked);
}

void control_finish(struct control *control)
{
	struct orders *orders = &control->orders;

	if (control->loop == NULL)
		return;
	hang_up(control);
	loop_remove(&control->door);
	forget_gathered(control);
	policy_reader_destroy(control->reader);
	policy_destroy(orders->policy);
	secrets_put(orders->secrets);
	trust_destroy(orders->trust);
	leaves_destroy(orders->leaves);
	upstream_finish(&orders->upstream);
}

void agent_wish_init(struct agent_wish *wish, void (*answered)(struct agent_wish *wish, int fd))
{
	*wish = (struct agent_wish){ .answered = answered };
	list_init(&wish->node);
}

int control_want_agent(struct control *control, struct agent_wish *wish)
{
	if (control->fd < 0)
		return -ENOTCONN;
	if (!takes_events(control))
		return -ENOBUFS;
	wish->id = ++control->last_id;
	tell(control, &(struct proxy_message){ .type = PROXY_AGENT_WANTED, .id = wish->id });
	if (control->fd < 0) /* it was not heard, and went */
		return -ENOTCONN;
	list_append(&control->agents, &wish->node);
	return 0;
}

void agent_wish_end(struct agent_wish *wish)
{
	list_remove(&wish->node);
}
