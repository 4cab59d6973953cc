#include <errno.h>

#include "base/bytes.h"
#include "base/check.h"
#include "net/checksum.h"
#include "net/core.h"
#include "net/frame.h"
#include "net/segment.h"
#include "net/tcp.h"

enum {
	TCP_CHECKSUM_AT = 16,
	TRAIN_PARTS = 1024, /* IOV_MAX: what one peek() can fill */
};

/* Headers of one segment, Ethernet to TCP. */
struct headers {
	uint8_t bytes[FRAME_HEADERS_MAX + SEGMENT_HEADER_MAX];
	size_t tcp; /* where TCP's begins */
	size_t len;
};

static size_t headers_len(const struct net_flow *flow)
{
	return (size_t)ETHERNET_HEADER + SEGMENT_HEADER +
	       (flow->guest.address.family == ADDRESS_V6 ? IPV6_HEADER : IPV4_HEADER);
}

static struct headers headers_build(const struct net_stack *stack, const struct address *from,
				    const struct address *to, const struct segment *segment,
				    size_t payload)
{
	uint8_t tcp[SEGMENT_HEADER_MAX];
	size_t tcp_len = segment_build(segment, tcp);
	struct headers headers;

	headers.tcp =
		frame_headers(stack, headers.bytes, from, to, PROTOCOL_TCP, tcp_len + payload);
	headers.len = headers.tcp + tcp_len;
	memcpy(headers.bytes + headers.tcp, tcp, tcp_len);
	return headers;
}

/* The whole sum, or that of the pseudo header when the guest does without the rest. */
static void headers_seal(struct headers *headers, const struct net_stack *stack,
			 const struct address *from, const struct address *to,
			 const struct frame *frame, size_t payload)
{
	uint8_t *tcp = headers->bytes + headers->tcp;
	size_t tcp_len = headers->len - headers->tcp;
	struct checksum checksum = { 0 };
	struct iov rest = frame->room;

	checksum_add_pseudo(&checksum, from, to, PROTOCOL_TCP, tcp_len + payload);
	if (stack->takes_checksum) {
		be16_store(tcp + TCP_CHECKSUM_AT, checksum_partial(&checksum));
		return;
	}
	checksum_add(&checksum, tcp, tcp_len);
	(void)iov_skip(&rest, headers->len);
	checksum_add_iov(&checksum, &rest, payload);
	be16_store(tcp + TCP_CHECKSUM_AT, checksum_finish(&checksum));
}

/* The segment in front of its payload, which the frame holds already; mss: of what is larger. */
static void finish(struct frame *frame, const struct address *from, const struct address *to,
		   const struct segment *segment, size_t payload, uint16_t mss)
{
	struct net_stack *stack = frame->stack;
	struct headers headers = headers_build(stack, from, to, segment, payload);
	struct net_offload offload = { .checksum = stack->takes_checksum,
				       .segment = payload > mss ? mss : 0,
				       .header_len = payload > mss ? (uint16_t)headers.len : 0,
				       .is_v6 = from->family == ADDRESS_V6 };

	headers_seal(&headers, stack, from, to, frame, payload);
	frame_put(frame, headers.bytes, headers.len);
	frame_close(frame, headers.len + payload, &offload);
}

static int send_bare(struct net_stack *stack, const struct address *from, const struct address *to,
		     const struct segment *segment)
{
	size_t len = FRAME_HEADERS_MAX + SEGMENT_HEADER + SEGMENT_OPTIONS_MAX;
	struct frame frame;
	int r = frame_open(stack, len, len, &frame);

	if (r == 0)
		finish(&frame, from, to, segment, 0, 0);
	return r;
}

/* How much the world takes, told as a right edge that moves in steps worth a segment. */
static void ask_room(struct net_flow *flow)
{
	const struct net_stack *stack = flow->stack;
	const struct net_world *world = stack->config.world;
	size_t most = (size_t)UINT16_MAX << flow->rcv_scale, room = TCP_BLIND_WINDOW;
	uint32_t edge;

	flow->flags &= (uint16_t)~FLOW_ASK_ROOM;
	if ((flow->flags & FLOW_BLOCKED) != 0) {
		flow->rcv_told = flow->rcv_nxt;
		return;
	}
	if (world->room != NULL && flow->state == FLOW_OPEN)
		room = world->room(stack->config.owner, flow);
	edge = flow->rcv_nxt + (uint32_t)min_of(room, most);
	if ((int32_t)(edge - flow->rcv_told) >= TCP_OUR_MSS)
		flow->rcv_told = edge;
}

static uint16_t window_of(const struct net_flow *flow)
{
	uint32_t window =
		is_before(flow->rcv_nxt, flow->rcv_told) ? flow->rcv_told - flow->rcv_nxt : 0;

	return (uint16_t)min_of(window >> flow->rcv_scale, (uint32_t)UINT16_MAX);
}

static struct segment segment_of(const struct net_flow *flow, uint32_t seq, unsigned flags)
{
	return (struct segment){ .from_port = flow->world.port,
				 .to_port = flow->guest.port,
				 .seq = seq,
				 .ack = flow->rcv_nxt,
				 .flags = (uint8_t)flags,
				 .window = window_of(flow) };
}

static int send_flow(struct net_flow *flow, const struct segment *segment)
{
	int r = send_bare(flow->stack, &flow->world.address, &flow->guest.address, segment);

	if (r == 0)
		flow->acks_due = 0;
	return r;
}

void tcp_send_probe(struct net_flow *flow)
{
	/* Already acknowledged, so it cannot but be answered. */
	struct segment segment = segment_of(flow, flow->snd_una - 1, SEGMENT_ACK);

	(void)send_flow(flow, &segment);
}

void tcp_send_reset(struct net_flow *flow)
{
	struct segment segment = segment_of(flow, flow->snd_max, SEGMENT_RST | SEGMENT_ACK);

	segment.window = 0;
	(void)send_flow(flow, &segment);
}

void tcp_refuse_segment(struct net_stack *stack, const struct packet *packet,
			const struct segment *segment)
{
	struct segment reset = { .from_port = segment->to_port,
				 .to_port = segment->from_port,
				 .flags = SEGMENT_RST };

	if ((segment->flags & SEGMENT_RST) != 0)
		return;
	if ((segment->flags & SEGMENT_ACK) != 0) {
		reset.seq = segment->ack;
	} else {
		reset.flags |= SEGMENT_ACK;
		reset.ack = segment->seq + segment_len(segment);
	}
	(void)send_bare(stack, &packet->to, &packet->from, &reset);
}

/* The SYN or SYN-ACK, unless it is out. */
static int send_opening(struct net_flow *flow)
{
	bool asks = flow->state == FLOW_SYN_SENT;
	struct segment segment =
		segment_of(flow, flow->snd_una, SEGMENT_SYN | (asks ? 0 : SEGMENT_ACK));
	int r;

	if (flow->snd_nxt != flow->snd_una)
		return 0;
	segment.mss = TCP_OUR_MSS;
	segment.has_scale = asks || flow->rcv_scale != 0;
	segment.scale = TCP_OUR_SCALE;
	segment.window = UINT16_MAX; /* never scaled, RFC 7323 §2.2 */
	r = send_flow(flow, &segment);
	if (r == 0)
		flow->snd_nxt = flow->snd_max = flow->snd_una + 1;
	return r;
}

/* Whole segments, or less than one. */
static size_t cut_to_segments(const struct net_flow *flow, size_t bytes)
{
	return bytes > flow->mss ? bytes - bytes % flow->mss : bytes;
}

/* Payload bytes of the largest frame. */
static size_t frame_limit(const struct net_flow *flow)
{
	const struct net_stack *stack = flow->stack;
	bool large =
		flow->guest.address.family == ADDRESS_V6 ? stack->takes_tso6 : stack->takes_tso4;

	return large ? cut_to_segments(flow, NET_FRAME_MAX - headers_len(flow)) : flow->mss;
}

/* Bytes that frames from snd_nxt on may carry, the last of them less than `each`; 0: none now. */
static size_t window_limit(const struct net_flow *flow, size_t each)
{
	uint32_t in_flight = flow->snd_nxt - flow->snd_una;
	size_t usable = flow->snd_wnd > in_flight ? flow->snd_wnd - in_flight : 0;
	size_t rest = usable % each;

	/* Silly window: no crumbs while more is under way, RFC 9293 §3.8.6.2.1. */
	if ((in_flight > 0 || usable > rest) &&
	    rest < min_of((uint32_t)flow->mss, flow->snd_wnd / 2))
		return usable - rest;
	return usable - rest + cut_to_segments(flow, rest);
}

static void note_sent(struct net_flow *flow, uint32_t len)
{
	bool is_new = flow->snd_nxt == flow->snd_max;

	flow->acks_due = 0;
	flow->snd_nxt += len;
	if (is_before(flow->snd_max, flow->snd_nxt))
		flow->snd_max = flow->snd_nxt;
	if (is_new && (flow->flags & FLOW_TIMING) == 0) {
		flow->flags |= FLOW_TIMING;
		flow->measured_seq = flow->snd_nxt;
		flow->measured_ms = (uint32_t)flow->stack->now_ms;
	}
}

/* Frames in a row that one peek() fills. */
struct train {
	struct frame frames[TCP_TRAIN_FRAMES];
	size_t room[TCP_TRAIN_FRAMES]; /* of each, for payload */
	size_t count, size;	       /* size: of all rooms */
	struct iovec parts[TRAIN_PARTS];
	int parts_count;
};

/* One more frame for up to limit bytes; false: with less room than that, or none. */
static bool train_add(struct train *train, const struct net_flow *flow, size_t limit)
{
	struct frame *frame = &train->frames[train->count];
	size_t header_len = headers_len(flow), room;
	struct iov rest;
	int n;

	if (frame_open(flow->stack, header_len + 1, header_len + limit, frame) < 0)
		return false;
	rest = frame->room;
	(void)iov_skip(&rest, header_len);
	room = min_of(limit, rest.left);
	n = iov_slice(&rest, room, train->parts + train->parts_count,
		      (size_t)(TRAIN_PARTS - train->parts_count));
	if (n < 0) {
		frame_close(frame, 0, NULL);
		return false;
	}
	train->parts_count += n;
	train->room[train->count++] = room;
	train->size += room;
	return room == limit;
}

/* Sends the first len bytes, of which there may be none. */
static void train_send(struct train *train, struct net_flow *flow, size_t len)
{
	unsigned push = len < train->size ? SEGMENT_PSH : 0;

	for (size_t i = 0; i < train->count; i++) {
		size_t n = min_of(len, train->room[i]);
		struct segment segment;

		len -= n;
		if (n == 0) {
			frame_close(&train->frames[i], 0, NULL);
			continue;
		}
		segment = segment_of(flow, flow->snd_nxt, SEGMENT_ACK | (len == 0 ? push : 0));
		finish(&train->frames[i], &flow->world.address, &flow->guest.address, &segment, n,
		       flow->mss);
		note_sent(flow, (uint32_t)n);
	}
}

/*
 * Up to limit bytes of the source, `each` to a frame: how many, or what peek() said; -ENOBUFS:
 * no room. A flow whose source filled a whole train gets one of twice as many frames next.
 */
static ssize_t send_data(struct net_flow *flow, size_t limit, size_t each)
{
	const struct net_stack *stack = flow->stack;
	struct train train;
	ssize_t n;

	train.count = train.size = 0;
	train.parts_count = 0;
	while (train.count <= flow->train && train.size < limit &&
	       train_add(&train, flow, min_of(limit - train.size, each)))
		;
	if (train.count == 0)
		return -ENOBUFS;
	n = stack->config.world->peek(stack->config.owner, flow, flow->snd_nxt - flow->snd_una,
				      train.parts, train.parts_count);
	train_send(&train, flow, n > 0 && flow->state != FLOW_DEAD ? (size_t)n : 0);
	flow->train = n < 0 || (size_t)n < train.size
			      ? 0
			      : (uint8_t)min_of(train.count * 2 - 1, (size_t)TCP_TRAIN_FRAMES - 1);
	return n == -ENOBUFS ? -EIO : n;
}

static int send_fin(struct net_flow *flow)
{
	struct segment segment = segment_of(flow, flow->snd_nxt, SEGMENT_ACK | SEGMENT_FIN);
	int r = send_flow(flow, &segment);

	if (r == 0) {
		note_sent(flow, 1);
		flow->flags |= FLOW_FIN_SENT;
	}
	return r;
}

/* The source has nothing at snd_nxt: its end, nothing yet, or an error. */
static int source_is_dry(struct net_flow *flow, ssize_t why)
{
	if (why == 0 && flow->snd_nxt == flow->snd_max)
		return send_fin(flow);
	if (why == -EAGAIN)
		flow->flags &= (uint16_t)~FLOW_SOURCE_READY;
	else
		tcp_abort(flow, why == 0 ? -EIO : (int)why);
	return 0;
}

/* Up to most bytes, or the end: 1 sent, 0 there is nothing to send now, -ENOBUFS. */
static int send_next(struct net_flow *flow, size_t most)
{
	bool is_behind = flow->snd_nxt != flow->snd_max, has_fin = flow->flags & FLOW_FIN_SENT;
	size_t each = frame_limit(flow), limit;
	ssize_t n;
	int r;

	if (has_fin && flow->snd_nxt == flow->snd_max - 1) {
		r = send_fin(flow);
		return r == 0 ? 1 : r;
	}
	if (has_fin ? !is_behind : !is_behind && (flow->flags & FLOW_SOURCE_READY) == 0)
		return 0;
	limit = min_of(window_limit(flow, each), most);
	if (has_fin)
		limit = min_of(limit, flow->snd_max - 1 - flow->snd_nxt);
	if (limit == 0)
		return 0;
	n = send_data(flow, limit, each);
	if (n > 0)
		return 1;
	if (n == -ENOBUFS || flow->state == FLOW_DEAD)
		return n == -ENOBUFS ? -ENOBUFS : 0;
	return source_is_dry(flow, n);
}

/* RFC 6582 §3.2: the one segment that is missing. */
static int send_again(struct net_flow *flow)
{
	uint32_t next = flow->snd_nxt;
	int r;

	flow->snd_nxt = flow->snd_una;
	r = flow->snd_una == flow->snd_max ? 0 : send_next(flow, frame_limit(flow));
	if (is_before(flow->snd_nxt, next))
		flow->snd_nxt = next;
	if (r >= 0)
		flow->flags &= (uint16_t)~FLOW_RESEND;
	return r;
}

static int send_acks(struct net_flow *flow)
{
	struct segment segment = segment_of(flow, flow->snd_max, SEGMENT_ACK);
	int r = 0;

	for (uint8_t left = flow->acks_due; left > 0 && r == 0; left--) {
		r = send_flow(flow, &segment);
		flow->acks_due = r == 0 ? (uint8_t)(left - 1) : left;
	}
	return r;
}

static enum tcp_output output_open(struct net_flow *flow)
{
	uint16_t window = window_of(flow);
	int r = 0, turns = TCP_TURN_TRAINS;

	if ((flow->flags & FLOW_ASK_ROOM) != 0) {
		ask_room(flow);
		if (window_of(flow) > window && flow->state == FLOW_OPEN)
			tcp_owe_ack(flow);
	}
	if (flow->acks_due > 1)
		r = send_acks(flow);
	if (r == 0 && (flow->flags & FLOW_RESEND) != 0)
		r = send_again(flow);
	if (r < 0)
		return TCP_OUTPUT_NO_ROOM;
	do
		r = send_next(flow, SIZE_MAX);
	while (r > 0 && --turns > 0 && flow->state == FLOW_OPEN);
	if (r == 0 && flow->state == FLOW_OPEN)
		r = send_acks(flow);
	if (r < 0)
		return TCP_OUTPUT_NO_ROOM;
	return r > 0 ? TCP_OUTPUT_MORE : TCP_OUTPUT_DONE;
}

static enum tcp_output tried(int r)
{
	return r < 0 ? TCP_OUTPUT_NO_ROOM : TCP_OUTPUT_DONE;
}

enum tcp_output tcp_output(struct net_flow *flow)
{
	enum tcp_output result = TCP_OUTPUT_DONE;

	switch ((enum flow_state)flow->state) {
	case FLOW_SYN_SENT:
	case FLOW_SYN_RECEIVED:
		return tried(send_opening(flow));
	case FLOW_OPEN:
		result = output_open(flow);
		tcp_update_timer(flow);
		return result;
	case FLOW_TIME_WAIT:
		return tried(send_acks(flow));
	case FLOW_ASKED:
	case FLOW_DEAD:
		break;
	}
	return result;
}
