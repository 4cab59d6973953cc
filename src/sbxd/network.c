#include "sbxd/network.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbxd/authority.h"
#include "sbxd/policy_log.h"
#include "sbxd/policy_store.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/string_list.h"
#include "sbxd/supervisor.h"
#include "sbxd/uplink.h"
#include "wire/net.h"
#include "wire/proxy.h"

enum {
	PUSH_MS = 10000,
	SYNC_MS = 5000,
	FRAMES_MAX = 32 << 20,
	SECRETS_FIRST = 256 << 10, /* so that secrets are seldom copied as the buffer grows */
};

static void peer_init(struct network_peer *peer)
{
	*peer = (struct network_peer){ .fd = -1 };
}

static void peer_close(struct network_peer *peer)
{
	if (peer->fd < 0)
		return;
	stream_finish(&peer->stream);
	(void)close(take_fd(&peer->fd));
}

static int peer_connect(struct network_peer *peer, const char *path)
{
	int r = fd_connect_unix(path, &peer->fd);

	if (r == 0)
		stream_init(&peer->stream, peer->fd);
	return r;
}

/* Sends all of it, waiting for the peer as long as a push may take. */
static int peer_send(const struct network_peer *peer, const struct buf *frames)
{
	uint64_t deadline_ms = clock_now_ms() + PUSH_MS;
	size_t sent = 0;

	while (sent < frames->len) {
		struct pollfd ready = { .fd = peer->fd, .events = POLLOUT };
		ssize_t n = send(peer->fd, frames->data + sent, frames->len - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
		else if (poll(&ready, 1, clock_left_ms(deadline_ms)) == 0)
			return -ETIMEDOUT;
	}
	return 0;
}

void network_init(struct network *network)
{
	peer_init(&network->net);
	peer_init(&network->proxy);
	network->pushed = 0;
	network->udp_count = 0;
}

void network_finish(struct network *network)
{
	peer_close(&network->net);
	peer_close(&network->proxy);
}

int network_connect(struct sandbox *sandbox, struct network *network, struct err *err)
{
	int r = peer_connect(&network->net, sandbox->net_path);

	if (r < 0)
		return err_set_errno(err, r, "cannot reach sbx-net");
	r = peer_connect(&network->proxy, sandbox->proxy_path);
	return r < 0 ? err_set_errno(err, r, "cannot reach sbx-proxy") : 0;
}

/* The hosts with a credential: what goes there goes through sbx-proxy, whatever the port. */
static int append_inspect(struct sandbox *sandbox, struct buf *frames)
{
	struct net_message inspect = { .type = NET_INSPECT };
	struct string_list targets = { .count = 0 };
	int r = secret_store_targets(sandbox->supervisor->secrets, sandbox->record.name, &targets);

	inspect.names = targets.items;
	if (r == 0)
		r = net_message_append(frames, &inspect);
	string_list_finish(&targets);
	return r;
}

static int append_net(struct sandbox *sandbox, const struct uplink_facts *facts,
		      uint64_t generation, struct buf *frames)
{
	int r = uplink_append_host(facts, frames);

	if (r == 0)
		r = append_inspect(sandbox, frames);
	return r < 0 ? r
		     : policy_store_append(sandbox->supervisor->policy, sandbox->record.name,
					   POLICY_TO_NET, generation, frames);
}

/* first: this connection was told nothing yet. */
static int append_proxy(struct sandbox *sandbox, const struct uplink_facts *facts,
			uint64_t generation, bool first, struct buf *frames)
{
	int r = first ? authority_append(sandbox, frames) : 0;

	if (r == 0)
		r = uplink_append_proxy(facts, frames);
	if (r == 0)
		r = secret_store_append(sandbox->supervisor->secrets, sandbox->record.name, frames);
	return r < 0 ? r
		     : policy_store_append(sandbox->supervisor->policy, sandbox->record.name,
					   POLICY_TO_PROXY, generation, frames);
}

static int push_net(struct sandbox *sandbox, struct network *network,
		    const struct uplink_facts *facts, uint64_t generation)
{
	autocall(buf_finish) struct buf frames = { 0 };
	int r;

	buf_init(&frames, FRAMES_MAX);
	r = append_net(sandbox, facts, generation, &frames);
	return r < 0 ? r : peer_send(&network->net, &frames);
}

/* What goes here holds secrets: kept out of swap, wiped before it is freed. */
static int push_proxy(struct sandbox *sandbox, struct network *network,
		      const struct uplink_facts *facts, uint64_t generation)
{
	struct buf frames;
	int r;

	buf_init(&frames, FRAMES_MAX);
	if (buf_reserve(&frames, SECRETS_FIRST) == NULL)
		return -ENOMEM;
	(void)mlock(frames.data, frames.cap);
	r = append_proxy(sandbox, facts, generation, network->pushed == 0, &frames);
	if (r == 0)
		r = peer_send(&network->proxy, &frames);
	explicit_bzero(frames.data, frames.cap);
	(void)munlock(frames.data, frames.cap);
	buf_finish(&frames);
	return r;
}

/* sbx-net first: what was allowed and is not any more ends at once. */
static int push(struct sandbox *sandbox, struct network *network, uint64_t generation,
		struct err *err)
{
	struct uplink_facts facts;
	int r = uplink_facts(sandbox->supervisor->uplink, &facts);

	if (r < 0)
		return err_set_errno(err, r, "cannot tell sbx-net of this host");
	r = push_net(sandbox, network, &facts, generation);
	if (r < 0)
		(void)err_set_errno(err, r, "sbx-net does not take its policy");
	if (r == 0) {
		r = push_proxy(sandbox, network, &facts, generation);
		if (r < 0)
			(void)err_set_errno(err, r, "sbx-proxy does not take its policy");
	}
	uplink_facts_finish(&facts);
	if (r == 0)
		network->pushed = generation;
	return r;
}

/* A peer that was connected, and that no policy reaches any more. */
static int check_peer(const struct network_peer *peer, const char *name, bool is_stale,
		      struct err *err)
{
	if (peer->is_wrong)
		return err_set(err, -EPROTO, "%s said what cannot be understood", name);
	if (peer->fd < 0 && is_stale)
		return err_set(err, -ENOTCONN, "%s takes no policy any more", name);
	return 0;
}

int network_update(struct sandbox *sandbox, struct network *network, struct err *err)
{
	uint64_t wanted;
	bool is_stale;
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	wanted = sandbox->network_wanted;
	(void)pthread_mutex_unlock(&sandbox->lock);
	is_stale = network->pushed != wanted;
	r = check_peer(&network->net, "sbx-net", is_stale, err);
	if (r == 0)
		r = check_peer(&network->proxy, "sbx-proxy", is_stale, err);
	return r < 0 || !is_stale ? r : push(sandbox, network, wanted, err);
}

bool network_is_applied(const struct network *network)
{
	return network->pushed > 0 && network->net.applied >= network->pushed &&
	       network->proxy.applied >= network->pushed;
}

/* Tells those who wait for a change to be in force. */
static void note_applied(struct sandbox *sandbox, const struct network *network)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->network_applied = min_of(network->net.applied, network->proxy.applied);
	(void)pthread_cond_broadcast(&sandbox->changed);
	(void)pthread_mutex_unlock(&sandbox->lock);
}

static int take_verdict(struct sandbox *sandbox, const struct frame *frame)
{
	struct net_verdict verdict;
	int r = net_verdict_decode(frame, &verdict);

	if (r < 0)
		return r;
	policy_log_take(sandbox->supervisor, sandbox->record.name, &verdict);
	net_verdict_finish(&verdict);
	return 0;
}

static int handle_net(struct sandbox *sandbox, struct network *network, const struct frame *frame)
{
	struct net_message message;
	int r;

	if (frame->type == NET_VERDICT)
		return take_verdict(sandbox, frame);
	r = net_message_decode(frame, &message);
	if (r < 0)
		return r;
	if (message.type == NET_APPLIED) {
		network->net.applied = message.generation;
		note_applied(sandbox, network);
	} else if (message.type == NET_STATS) {
		(void)pthread_mutex_lock(&sandbox->lock);
		sandbox->flows = (unsigned)min_of(message.count, UINT64_C(1) << 20);
		(void)pthread_mutex_unlock(&sandbox->lock);
	}
	net_message_finish(&message);
	return 0;
}

/* Connects the guest's end to the user's SSH agent, if there is one. */
static int answer_agent(struct network *network, uint64_t id)
{
	const struct proxy_message answer = { .type = PROXY_AGENT, .id = id };
	const char *path = getenv("SSH_AUTH_SOCK");
	autocall(buf_finish) struct buf frame = { 0 };
	autoclose int fd = -1;
	ssize_t n;
	int r;

	if (path == NULL || path[0] == '\0' || fd_connect_unix(path, &fd) < 0)
		fd = -1;
	buf_init(&frame, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	r = proxy_message_append(&frame, &answer);
	if (r < 0)
		return r;
	n = fd_send(network->proxy.fd, frame.data, frame.len, &fd, fd >= 0 ? 1 : 0);
	return n == (ssize_t)frame.len ? 0 : -EIO;
}

static int handle_proxy(struct sandbox *sandbox, struct network *network, const struct frame *frame)
{
	struct proxy_message message;
	int r;

	if (frame->type == PROXY_VERDICT)
		return take_verdict(sandbox, frame);
	r = proxy_message_decode(frame, &message);
	if (r < 0)
		return r;
	if (message.type == PROXY_APPLIED) {
		network->proxy.applied = message.generation;
		note_applied(sandbox, network);
	} else if (message.type == PROXY_AGENT_WANTED) {
		r = answer_agent(network, message.id);
	} else {
		secret_store_event(sandbox->supervisor->secrets, sandbox->record.name, &message);
	}
	proxy_message_finish(&message);
	return r;
}

/* Takes frames until no more are there, or one that cannot be understood. */
static void take(struct sandbox *sandbox, struct network *network, struct network_peer *peer,
		 int (*handle)(struct sandbox *sandbox, struct network *network,
			       const struct frame *frame))
{
	int filled = stream_fill(&peer->stream), r;
	struct frame frame;

	while ((r = stream_next(&peer->stream, &frame)) == 1) {
		r = handle(sandbox, network, &frame);
		if (r < 0)
			break;
	}
	peer->is_wrong = r < 0;
	if (r < 0 || filled == 0 || (filled < 0 && filled != -EAGAIN))
		peer_close(peer);
}

void network_take_net(struct sandbox *sandbox, struct network *network)
{
	take(sandbox, network, &network->net, handle_net);
}

void network_take_proxy(struct sandbox *sandbox, struct network *network)
{
	take(sandbox, network, &network->proxy, handle_proxy);
}

int network_send_net(struct network *network, const struct net_message *message, int fd)
{
	autocall(buf_finish) struct buf frame = { 0 };
	ssize_t n;
	int r;

	buf_init(&frame, FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX);
	r = net_message_append(&frame, message);
	if (r < 0)
		return r;
	if (network->net.fd < 0)
		return -ENOTCONN;
	n = fd_send(network->net.fd, frame.data, frame.len, &fd, fd >= 0 ? 1 : 0);
	return n == (ssize_t)frame.len ? 0 : n < 0 ? (int)n : -EIO;
}

/* Makes the keeper push; the generation, or 0 when none is at work. */
static uint64_t make_stale(struct sandbox *sandbox)
{
	uint64_t generation;

	(void)pthread_mutex_lock(&sandbox->lock);
	generation = ++sandbox->network_wanted;
	if (sandbox->record.status != SANDBOX_RUNNING)
		generation = 0;
	sandbox_poke(sandbox);
	(void)pthread_mutex_unlock(&sandbox->lock);
	return generation;
}

static bool await_applied(struct sandbox *sandbox, uint64_t generation, uint64_t deadline_ms)
{
	bool is_applied;

	(void)pthread_mutex_lock(&sandbox->lock);
	while (sandbox->record.status == SANDBOX_RUNNING && sandbox->network_applied < generation &&
	       clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, deadline_ms);
	is_applied = sandbox->network_applied >= generation;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return is_applied;
}

/* Takes all that are meant to the next generation; waits for them when there is a deadline. */
static unsigned change(struct supervisor *supervisor, const char *sandbox, uint64_t deadline_ms)
{
	size_t count = 0;
	autofree struct sandbox **all = supervisor_list(supervisor, &count);
	autofree uint64_t *generations = calloc(count + 1, sizeof(*generations));
	unsigned applied = 0;

	for (size_t i = 0; generations != NULL && i < count; i++)
		if (sandbox == NULL || strcmp(all[i]->record.name, sandbox) == 0)
			generations[i] = make_stale(all[i]);
	for (size_t i = 0; i < count; i++) {
		if (generations != NULL && generations[i] > 0 && deadline_ms > 0)
			applied += await_applied(all[i], generations[i], deadline_ms);
		supervisor_put(all[i]);
	}
	return applied;
}

void network_make_stale(struct supervisor *supervisor, const char *sandbox)
{
	(void)change(supervisor, sandbox, 0);
}

unsigned network_changed(struct supervisor *supervisor, const char *sandbox)
{
	return change(supervisor, sandbox, clock_now_ms() + SYNC_MS);
}
