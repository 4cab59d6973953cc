/*
 * The table of memory and the addresses of rings name the frontend's own
 * address space. Ours is the guest's: the two agree by construction, and no
 * address of this process is told to another.
 */
#include "vhost/frontend.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "vhost/channel.h"

enum { NAME_MAX_BYTES = 32 };

struct vhost_frontend {
	struct vhost_channel channel;
	struct vhost_channel requests; /* the backend's to us; socket -1: none */
	char name[NAME_MAX_BYTES];
	int timeout_ms;
	int failed; /* -errno of the first failure, 0 while all is well */
	uint64_t features;
	uint64_t protocol; /* VHOST_PROTOCOL_* that both speak */
	unsigned queues;
};

/* What a backend of ours would offer and this frontend makes use of. */
static const uint64_t protocol_known = VHOST_PROTOCOL_MQ | VHOST_PROTOCOL_REPLY_ACK |
				       VHOST_PROTOCOL_BACKEND_REQ | VHOST_PROTOCOL_CONFIG |
				       VHOST_PROTOCOL_INFLIGHT;

static int fail(struct vhost_frontend *frontend, int code, const char *what, struct err *err)
{
	frontend->failed = code;
	return err_set_errno(err, code, "the backend of %s %s", frontend->name, what);
}

/* Waits until the whole answer is in the channel. */
static int await(struct vhost_frontend *frontend, struct err *err)
{
	uint64_t deadline = clock_now_ms() + (uint64_t)frontend->timeout_ms;
	int r;

	while ((r = vhost_channel_receive(&frontend->channel)) == 0) {
		struct pollfd wait = { .fd = frontend->channel.socket, .events = POLLIN };
		int left = clock_left_ms(deadline);

		if (left == 0)
			return fail(frontend, -ETIMEDOUT, "does not answer", err);
		if (poll(&wait, 1, left) < 0 && errno != EINTR)
			return fail(frontend, -errno, "cannot be waited for", err);
	}
	if (r == -EPIPE || r == -ECONNRESET)
		return fail(frontend, -EPIPE, "closed the connection", err);
	return r < 0 ? fail(frontend, r, "sent what is no vhost-user message", err) : 0;
}

/* ret_fd: where a descriptor that came with it goes, now the caller's; NULL: nowhere. */
static int receive(struct vhost_frontend *frontend, uint32_t request, enum vhost_payload kind,
		   struct vhost_message *ret, int *ret_fd, struct err *err)
{
	const struct vhost_header *header = &frontend->channel.header;
	int r = await(frontend, err);

	if (r < 0)
		return r;
	if (header->request != request || (header->flags & VHOST_REPLY) == 0)
		r = -EPROTO;
	else
		r = vhost_message_decode(header, kind, frontend->channel.bytes + VHOST_HEADER_SIZE,
					 ret);
	if (r == 0 && ret_fd != NULL)
		*ret_fd = vhost_channel_take_fd(&frontend->channel);
	vhost_channel_next(&frontend->channel);
	return r < 0 ? fail(frontend, r, "sent an answer to something else", err) : 0;
}

static int send_message(struct vhost_frontend *frontend, const struct vhost_message *message,
			enum vhost_payload kind, const int *fds, size_t count, struct err *err)
{
	int r;

	if (frontend->failed < 0)
		return err_set(err, frontend->failed, "the backend of %s failed before",
			       frontend->name);
	r = vhost_channel_send(&frontend->channel, message, kind, fds, count);
	if (r == -EPIPE || r == -ECONNRESET)
		return fail(frontend, -EPIPE, "closed the connection", err);
	return r < 0 ? fail(frontend, r, "takes no message", err) : 0;
}

/* A request that has an answer of its own; the message becomes the answer. */
static int ask(struct vhost_frontend *frontend, struct vhost_message *message,
	       enum vhost_payload question, enum vhost_payload answer, struct err *err)
{
	int r = send_message(frontend, message, question, NULL, 0, err);

	return r < 0 ? r : receive(frontend, message->request, answer, message, NULL, err);
}

/* A request without an answer: acknowledged when the backend can do that. */
static int tell(struct vhost_frontend *frontend, struct vhost_message *message,
		enum vhost_payload kind, const int *fds, size_t count, struct err *err)
{
	bool acknowledged = (frontend->protocol & VHOST_PROTOCOL_REPLY_ACK) != 0;
	int r;

	message->flags = acknowledged ? VHOST_NEED_REPLY : 0;
	r = send_message(frontend, message, kind, fds, count, err);
	if (r < 0 || !acknowledged)
		return r;
	r = receive(frontend, message->request, VHOST_PAYLOAD_U64, message, NULL, err);
	if (r == 0 && message->u64 != 0)
		return fail(frontend, -EREMOTEIO, "refused a request", err);
	return r;
}

static int ask_u64(struct vhost_frontend *frontend, uint32_t request, uint64_t *ret,
		   struct err *err)
{
	struct vhost_message message = { .request = request };
	int r = ask(frontend, &message, VHOST_PAYLOAD_NONE, VHOST_PAYLOAD_U64, err);

	if (r == 0)
		*ret = message.u64;
	return r;
}

static int tell_u64(struct vhost_frontend *frontend, uint32_t request, uint64_t value,
		    struct err *err)
{
	struct vhost_message message = { .request = request, .u64 = value };

	return tell(frontend, &message, VHOST_PAYLOAD_U64, NULL, 0, err);
}

static int tell_state(struct vhost_frontend *frontend, uint32_t request, unsigned index,
		      uint32_t value, struct err *err)
{
	struct vhost_message message = { .request = request,
					 .state = { .index = index, .value = value } };

	return tell(frontend, &message, VHOST_PAYLOAD_STATE, NULL, 0, err);
}

/* fd -1: there is none. */
static int tell_eventfd(struct vhost_frontend *frontend, uint32_t request, unsigned index, int fd,
			struct err *err)
{
	struct vhost_message message = {
		.request = request,
		.u64 = fd < 0 ? index | VHOST_VRING_NO_DESCRIPTOR : index,
	};

	return tell(frontend, &message, VHOST_PAYLOAD_U64, &fd, fd < 0 ? 0 : 1, err);
}

/* Gives the backend a socket for requests of its own. */
static int open_requests(struct vhost_frontend *frontend, struct err *err)
{
	struct vhost_message message = { .request = VHOST_SET_BACKEND_REQ_FD };
	int pair[2], r;

	r = fd_socketpair(pair);
	if (r < 0)
		return err_set_errno(err, r, "no socket for the backend of %s", frontend->name);
	r = tell(frontend, &message, VHOST_PAYLOAD_NONE, &pair[1], 1, err);
	(void)close(pair[1]);
	if (r == 0)
		r = vhost_channel_init(&frontend->requests, pair[0]);
	if (r < 0)
		(void)close(pair[0]);
	return r;
}

static int negotiate(struct vhost_frontend *frontend, struct err *err)
{
	struct vhost_message owner = { .request = VHOST_SET_OWNER };
	uint64_t protocol = 0, queues = 0;
	int r;

	r = ask_u64(frontend, VHOST_GET_FEATURES, &frontend->features, err);
	if (r < 0)
		return r;
	if ((frontend->features & VHOST_FEATURE_PROTOCOL) == 0)
		return fail(frontend, -ENOTSUP, "is too old, it has no protocol features", err);
	r = ask_u64(frontend, VHOST_GET_PROTOCOL_FEATURES, &protocol, err);
	if (r == 0)
		r = tell_u64(frontend, VHOST_SET_PROTOCOL_FEATURES, protocol & protocol_known, err);
	if (r < 0)
		return r;
	frontend->protocol = protocol & protocol_known;
	r = tell(frontend, &owner, VHOST_PAYLOAD_NONE, NULL, 0, err);
	if (r == 0 && (frontend->protocol & VHOST_PROTOCOL_MQ) != 0)
		r = ask_u64(frontend, VHOST_GET_QUEUE_NUM, &queues, err);
	if (r == 0 && queues > VHOST_VRING_INDEX_MASK)
		return fail(frontend, -EPROTO, "claims too many queues", err);
	frontend->queues = (unsigned)queues;
	if (r == 0 && (frontend->protocol & VHOST_PROTOCOL_BACKEND_REQ) != 0)
		r = open_requests(frontend, err);
	return r;
}

int vhost_frontend_create(const struct vhost_frontend_config *config, struct vhost_frontend **ret,
			  struct err *err)
{
	struct vhost_frontend *frontend = calloc(1, sizeof(*frontend));
	int r;

	if (frontend == NULL)
		return err_set(err, -ENOMEM, "no memory for the frontend of %s", config->name);
	frontend->timeout_ms =
		config->timeout_ms > 0 ? config->timeout_ms : VHOST_FRONTEND_TIMEOUT_MS;
	memcpy(frontend->name, config->name, strnlen(config->name, NAME_MAX_BYTES - 1));
	frontend->requests.socket = -1;
	r = vhost_channel_init(&frontend->channel, config->socket);
	if (r < 0) {
		free(frontend);
		return err_set_errno(err, r, "no usable socket to the backend of %s", config->name);
	}
	r = negotiate(frontend, err);
	if (r < 0) {
		frontend->channel.socket = -1; /* still the caller's */
		vhost_frontend_destroy(frontend);
		return r;
	}
	*ret = frontend;
	return 0;
}

void vhost_frontend_destroy(struct vhost_frontend *frontend)
{
	if (frontend == NULL)
		return;
	vhost_channel_finish(&frontend->requests);
	vhost_channel_finish(&frontend->channel);
	free(frontend);
}

uint64_t vhost_frontend_features(const struct vhost_frontend *frontend)
{
	return frontend->features & ~VHOST_FEATURE_PROTOCOL;
}

unsigned vhost_frontend_queues(const struct vhost_frontend *frontend)
{
	return frontend->queues;
}

bool vhost_frontend_tracks(const struct vhost_frontend *frontend)
{
	return (frontend->protocol & VHOST_PROTOCOL_INFLIGHT) != 0;
}

int vhost_frontend_socket(const struct vhost_frontend *frontend)
{
	return frontend->channel.socket;
}

int vhost_frontend_set_features(struct vhost_frontend *frontend, uint64_t features, struct err *err)
{
	if ((features & ~vhost_frontend_features(frontend)) != 0)
		return err_set(err, -EINVAL, "the driver took features that %s does not have",
			       frontend->name);
	return tell_u64(frontend, VHOST_SET_FEATURES, features | VHOST_FEATURE_PROTOCOL, err);
}

int vhost_frontend_set_memory(struct vhost_frontend *frontend,
			      const struct vhost_frontend_region *regions, size_t count,
			      struct err *err)
{
	struct vhost_message message = { .request = VHOST_SET_MEM_TABLE };
	int fds[VHOST_MEMORY_MAX];

	if (count > VHOST_MEMORY_MAX)
		return err_set(err, -EINVAL, "guest memory has %zu regions, at most %d work", count,
			       VHOST_MEMORY_MAX);
	message.memory.count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		message.memory.region[i] = (struct vhost_memory_region){
			.gpa = regions[i].gpa,
			.size = regions[i].size,
			.uaddr = regions[i].gpa,
			.offset = regions[i].offset,
		};
		fds[i] = regions[i].fd;
	}
	return tell(frontend, &message, VHOST_PAYLOAD_MEMORY, fds, count, err);
}

int vhost_frontend_start_queue(struct vhost_frontend *frontend, unsigned index,
			       const struct vhost_frontend_queue *queue, struct err *err)
{
	struct vhost_message address = {
		.request = VHOST_SET_VRING_ADDR,
		.address = { .index = index,
			     .desc = queue->desc,
			     .used = queue->used,
			     .avail = queue->avail },
	};
	int r;

	r = tell_state(frontend, VHOST_SET_VRING_NUM, index, queue->size, err);
	if (r == 0)
		r = tell_state(frontend, VHOST_SET_VRING_BASE, index, queue->last_avail, err);
	if (r == 0)
		r = tell(frontend, &address, VHOST_PAYLOAD_ADDRESS, NULL, 0, err);
	if (r == 0)
		r = tell_eventfd(frontend, VHOST_SET_VRING_CALL, index, queue->call, err);
	if (r == 0)
		r = tell_eventfd(frontend, VHOST_SET_VRING_KICK, index, queue->kick, err);
	if (r == 0)
		r = tell_state(frontend, VHOST_SET_VRING_ENABLE, index, 1, err);
	return r;
}

int vhost_frontend_stop_queue(struct vhost_frontend *frontend, unsigned index,
			      uint16_t *ret_last_avail, struct err *err)
{
	struct vhost_message message = { .request = VHOST_GET_VRING_BASE,
					 .state = { .index = index } };
	int r = ask(frontend, &message, VHOST_PAYLOAD_STATE, VHOST_PAYLOAD_STATE, err);

	if (r < 0)
		return r;
	if (message.state.index != index || message.state.value > UINT16_MAX)
		return fail(frontend, -EPROTO, "tells a queue index that cannot be", err);
	*ret_last_avail = (uint16_t)message.state.value;
	return 0;
}

/* What was asked for, and no less memory than that takes, is all that we can tell of it. */
static bool is_asked_for(const struct vhost_area *got, const struct vhost_area *asked)
{
	return got->queues == asked->queues && got->queue_size == asked->queue_size &&
	       got->size > 0;
}

int vhost_frontend_make_inflight(struct vhost_frontend *frontend, unsigned queues,
				 uint16_t queue_size, struct vhost_frontend_inflight *ret,
				 struct err *err)
{
	const struct vhost_area asked = { .queues = (uint16_t)queues, .queue_size = queue_size };
	struct vhost_message message = { .request = VHOST_GET_INFLIGHT_FD, .area = asked };
	int fd = -1, r;

	if (!vhost_frontend_tracks(frontend))
		return err_set(err, -ENOTSUP, "%s does not write down what it does",
			       frontend->name);
	r = send_message(frontend, &message, VHOST_PAYLOAD_AREA, NULL, 0, err);
	if (r == 0)
		r = receive(frontend, message.request, VHOST_PAYLOAD_AREA, &message, &fd, err);
	if (r < 0)
		return r;
	if (fd < 0 || !is_asked_for(&message.area, &asked)) {
		if (fd >= 0)
			(void)close(fd);
		return fail(frontend, -EPROTO, "answers with other memory than was asked for", err);
	}
	*ret = (struct vhost_frontend_inflight){ .fd = fd, .area = message.area };
	return 0;
}

int vhost_frontend_set_inflight(struct vhost_frontend *frontend,
				const struct vhost_frontend_inflight *inflight, struct err *err)
{
	struct vhost_message message = { .request = VHOST_SET_INFLIGHT_FD, .area = inflight->area };

	return tell(frontend, &message, VHOST_PAYLOAD_AREA, &inflight->fd, 1, err);
}

int vhost_frontend_read_config(struct vhost_frontend *frontend, uint32_t offset, void *to,
			       size_t len, struct err *err)
{
	struct vhost_message message = {
		.request = VHOST_GET_CONFIG,
		.config = { .offset = offset, .size = (uint32_t)len },
	};
	int r;

	if ((frontend->protocol & VHOST_PROTOCOL_CONFIG) == 0)
		return err_set(err, -ENOTSUP, "%s has no configuration space", frontend->name);
	if (!range_within(offset, len, VHOST_CONFIG_MAX))
		return err_set(err, -EINVAL, "a read outside the configuration space of %s",
			       frontend->name);
	r = ask(frontend, &message, VHOST_PAYLOAD_CONFIG, VHOST_PAYLOAD_CONFIG, err);
	if (r < 0)
		return r;
	if (message.config.offset != offset || message.config.size != len)
		return fail(frontend, -EPROTO, "answers with other configuration bytes", err);
	memcpy(to, message.config.bytes, len);
	return 0;
}

int vhost_frontend_requests(const struct vhost_frontend *frontend)
{
	return frontend->requests.socket;
}

/* Of the requests a backend may have, only that of a changed configuration is known here. */
static int take_request(struct vhost_frontend *frontend, bool *ret_changed)
{
	const struct vhost_header *header = &frontend->requests.header;
	bool known = header->request == VHOST_BACKEND_CONFIG_CHANGE && header->size == 0;
	struct vhost_message answer = { .request = header->request,
					.flags = VHOST_REPLY,
					.u64 = known ? 0 : 1 };

	*ret_changed |= known;
	if ((header->flags & VHOST_NEED_REPLY) == 0)
		return 0;
	return vhost_channel_send(&frontend->requests, &answer, VHOST_PAYLOAD_U64, NULL, 0);
}

int vhost_frontend_take_requests(struct vhost_frontend *frontend, bool *ret_changed)
{
	bool changed = false;
	int r = 0;

	while (r == 0 && (r = vhost_channel_receive(&frontend->requests)) == 1) {
		r = take_request(frontend, &changed);
		vhost_channel_next(&frontend->requests);
	}
	*ret_changed = changed;
	return r;
}
