#include <errno.h>

#include "base/check.h"
#include "net/core.h"
#include "net/packet.h"
#include "net/segment.h"
#include "net/tcp.h"

enum { WRITE_PARTS_MAX = 64 };

/* RFC 7323 §2.3: no window is larger, so nothing in order is further apart. */
#define WINDOW_LIMIT ((uint32_t)UINT16_MAX << SEGMENT_SCALE_MAX)

/* Touches what the guest may send now, RFC 9293 §3.10.7.4, step 1. */
static bool is_acceptable(const struct net_flow *flow, const struct segment *segment)
{
	uint32_t most = (uint32_t)UINT16_MAX << flow->rcv_scale;

	return !is_before(segment->seq + segment_len(segment), flow->rcv_nxt) &&
	       !is_before(flow->rcv_nxt + most, segment->seq);
}

static bool is_ack_believable(const struct net_flow *flow, uint32_t ack)
{
	return !is_before(flow->snd_max, ack) && flow->snd_una - ack + WINDOW_LIMIT < 1U << 31;
}

static void take_window(struct net_flow *flow, const struct segment *segment)
{
	if (is_before(segment->seq, flow->snd_wl1) ||
	    (segment->seq == flow->snd_wl1 && is_before(segment->ack, flow->snd_wl2)))
		return;
	flow->snd_wnd = (uint32_t)segment->window << flow->snd_scale;
	flow->snd_wl1 = segment->seq;
	flow->snd_wl2 = segment->ack;
}

/* RFC 6582 §3.2: up to `recover`, each ACK that gets less far shows the next hole. */
static void recover(struct net_flow *flow)
{
	if (!is_before(flow->snd_una, flow->recover))
		flow->flags &= (uint16_t)~FLOW_RECOVERING;
	else
		flow->flags |= FLOW_RESEND;
}

static void take_progress(struct net_flow *flow, uint32_t ack)
{
	const struct net_stack *stack = flow->stack;
	uint32_t bytes = ack - flow->snd_una;

	flow->snd_una = ack;
	if (is_before(flow->snd_nxt, ack))
		flow->snd_nxt = ack;
	if ((flow->flags & FLOW_FIN_SENT) != 0 && ack == flow->snd_max) {
		flow->flags |= FLOW_FIN_ACKED;
		bytes--;
	}
	tcp_note_progress(flow);
	if ((flow->flags & FLOW_RECOVERING) != 0)
		recover(flow);
	if (bytes > 0)
		stack->config.world->acked(stack->config.owner, flow, bytes);
}

/* RFC 5681 §2: it says nothing but that something else than snd_una arrived. */
static bool is_duplicate(const struct net_flow *flow, const struct segment *segment)
{
	return segment->ack == flow->snd_una && flow->snd_una != flow->snd_max &&
	       segment_len(segment) == 0 &&
	       (uint32_t)segment->window << flow->snd_scale == flow->snd_wnd;
}

static void take_ack(struct net_flow *flow, const struct segment *segment)
{
	bool is_new = is_before(flow->snd_una, segment->ack);

	if (!is_new && is_duplicate(flow, segment) && flow->duplicates < UINT8_MAX &&
	    ++flow->duplicates == TCP_DUPLICATES && (flow->flags & FLOW_RECOVERING) == 0) {
		flow->flags |= FLOW_RECOVERING | FLOW_RESEND;
		flow->flags &= (uint16_t)~FLOW_TIMING;
		flow->recover = flow->snd_max;
	}
	take_window(flow, segment);
	if (flow->timer != TIMER_RETRANSMIT || flow->snd_wnd == 0)
		flow->retries = 0;
	if (is_new)
		take_progress(flow, segment->ack);
}

void tcp_write_gathered(struct net_stack *stack)
{
	struct gather *gather = &stack->gather;
	struct net_flow *flow = gather->flow;
	ssize_t n;

	if (flow == NULL)
		return;
	gather->flow = NULL;
	n = stack->config.world->write(stack->config.owner, flow, gather->parts, gather->count);
	if (flow->state == FLOW_DEAD)
		return;
	if (n < 0 && n != -EAGAIN) {
		tcp_abort(flow, (int)n);
		return;
	}
	n = max_of(n, 0);
	if ((size_t)n < gather->len) {
		flow->rcv_nxt -= (uint32_t)(gather->len - (size_t)n);
		flow->flags |= FLOW_BLOCKED | FLOW_CUT;
	}
}

/* The first buffers of the payload join what is gathered; how many bytes. */
static size_t gather(struct gather *gather, struct net_flow *flow, const struct iov *data)
{
	size_t offset = data->offset, left = data->left;
	int most;

	if (gather->flow == NULL) {
		gather->flow = flow;
		gather->count = 0;
		gather->len = 0;
	}
	most = gather->count + WRITE_PARTS_MAX;
	for (size_t i = data->index; left > 0 && gather->count < most; i++) {
		size_t n = min_of(data->vec[i].iov_len - offset, left);

		gather->parts[gather->count].iov_base = (uint8_t *)data->vec[i].iov_base + offset;
		gather->parts[gather->count].iov_len = n;
		gather->count += n > 0;
		left -= n;
		offset = 0;
	}
	gather->len += data->left - left;
	return data->left - left;
}

/*
 * Payload at rcv_nxt for the world. True: all of it goes there. What does not fit in the
 * list of parts has to come again.
 */
static bool take_payload(struct net_flow *flow, const struct iov *data)
{
	size_t len;

	tcp_owe_ack(flow);
	if ((flow->flags & FLOW_BLOCKED) != 0) {
		flow->flags |= FLOW_CUT;
		return false;
	}
	len = gather(&flow->stack->gather, flow, data);
	flow->rcv_nxt += (uint32_t)len;
	flow->flags |= FLOW_ASK_ROOM;
	if (len < data->left)
		flow->acks_due = TCP_DUPLICATES + 1;
	return len == data->left;
}

static void take_fin(struct net_flow *flow)
{
	struct net_stack *stack = flow->stack;

	tcp_write_gathered(stack);
	if (flow->state != FLOW_OPEN || (flow->flags & FLOW_BLOCKED) != 0)
		return;
	flow->rcv_nxt++;
	flow->flags |= FLOW_FIN_HEARD;
	tcp_owe_ack(flow);
	stack->config.world->finished(stack->config.owner, flow);
}

/* RFC 9293 §3.10.7.4, steps 7 and 8. What is out of order is dropped and asked for again. */
static void take_data(struct net_flow *flow, struct segment *segment)
{
	uint32_t known = flow->rcv_nxt - segment->seq;

	if (segment_len(segment) == 0)
		return;
	if (is_before(flow->rcv_nxt, segment->seq)) {
		if ((flow->flags & FLOW_BLOCKED) == 0 && flow->acks_due <= TCP_DUPLICATES)
			flow->acks_due++;
		tcp_owe_ack(flow);
		return;
	}
	if (known >= segment_len(segment) || (flow->flags & FLOW_FIN_HEARD) != 0) {
		tcp_owe_ack(flow);
		return;
	}
	(void)iov_skip(&segment->data, known);
	if (segment->data.left > 0 && !take_payload(flow, &segment->data))
		return;
	if ((segment->flags & SEGMENT_FIN) != 0)
		take_fin(flow);
}

/* Reset and SYN within a connection: RFC 5961 §3, §4. False: the segment is done with. */
static bool is_in_order(struct net_flow *flow, const struct segment *segment)
{
	bool is_reset = (segment->flags & SEGMENT_RST) != 0;

	if (!is_acceptable(flow, segment)) {
		if (!is_reset)
			tcp_owe_ack(flow);
		return false;
	}
	if (is_reset && segment->seq == flow->rcv_nxt) {
		tcp_end(flow, -ECONNRESET);
		return false;
	}
	if (is_reset || (segment->flags & SEGMENT_SYN) != 0) {
		if (flow->state == FLOW_SYN_RECEIVED && !is_reset)
			flow->snd_nxt = flow->snd_una; /* our SYN-ACK was lost */
		tcp_owe_ack(flow);
		return false;
	}
	return (segment->flags & SEGMENT_ACK) != 0;
}

/* A flow whose two directions have both ended, or that has something to send. */
static void settle(struct net_flow *flow)
{
	const unsigned ended = FLOW_FIN_ACKED | FLOW_FIN_HEARD;

	if (flow->state != FLOW_OPEN)
		return;
	if ((flow->flags & ended) == ended) {
		tcp_finish(flow);
		return;
	}
	if ((flow->flags & (FLOW_SOURCE_READY | FLOW_RESEND | FLOW_ASK_ROOM)) != 0 ||
	    flow->snd_nxt != flow->snd_max)
		tcp_want(flow);
	tcp_update_timer(flow);
}

static void input_open(struct net_flow *flow, const struct packet *packet, struct segment *segment)
{
	if (!is_in_order(flow, segment))
		return;
	if (flow->state == FLOW_SYN_RECEIVED) {
		if (segment->ack != flow->snd_max || flow->snd_max == flow->snd_una) {
			tcp_refuse_segment(flow->stack, packet, segment);
			return;
		}
		flow->snd_una = flow->snd_nxt = flow->snd_max;
		flow->retries = 0;
		tcp_open(flow);
	}
	if (!is_ack_believable(flow, segment->ack)) {
		tcp_owe_ack(flow); /* RFC 5961 §5 */
		return;
	}
	take_ack(flow, segment);
	if (flow->state == FLOW_OPEN)
		take_data(flow, segment);
	settle(flow);
}

/* The answer to our SYN; RFC 9293 §3.10.7.3. A SYN alone is refused: we open, or the guest does. */
static void input_syn_sent(struct net_flow *flow, const struct packet *packet,
			   struct segment *segment)
{
	bool has_ack = (segment->flags & SEGMENT_ACK) != 0;

	if (has_ack && (segment->ack != flow->snd_max || flow->snd_max == flow->snd_una)) {
		tcp_refuse_segment(flow->stack, packet, segment);
		return;
	}
	if ((segment->flags & SEGMENT_RST) != 0) {
		if (has_ack)
			tcp_end(flow, -ECONNREFUSED);
		return;
	}
	if ((segment->flags & SEGMENT_SYN) == 0)
		return;
	if (!has_ack) {
		stack_drop(flow->stack, "TCP: simultaneous open", &flow->world);
		tcp_refuse_segment(flow->stack, packet, segment);
		tcp_end(flow, -ECONNREFUSED);
		return;
	}
	flow->snd_una = flow->snd_nxt = flow->snd_max;
	tcp_meet(flow, segment);
	flow->retries = 0;
	tcp_owe_ack(flow);
	tcp_open(flow);
	settle(flow);
}

/* The world has not answered yet: the guest may repeat itself, give up, or start anew. */
static void input_asked(struct net_flow *flow, const struct packet *packet,
			const struct segment *segment)
{
	struct net_stack *stack = flow->stack;
	bool is_syn = (segment->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN;

	if ((segment->flags & SEGMENT_RST) != 0 && segment->seq == flow->rcv_nxt)
		tcp_end(flow, -ECONNRESET);
	else if (is_syn && segment->seq + 1 != flow->rcv_nxt) {
		tcp_end(flow, -ECONNRESET);
		tcp_ask(stack, packet, segment);
	}
}

static void input_time_wait(struct net_flow *flow, const struct packet *packet,
			    const struct segment *segment)
{
	struct net_stack *stack = flow->stack;

	if ((segment->flags & SEGMENT_RST) != 0) {
		if (segment->seq == flow->rcv_nxt)
			tcp_end(flow, 0);
	} else if ((segment->flags & (SEGMENT_SYN | SEGMENT_ACK)) == SEGMENT_SYN &&
		   is_before(flow->rcv_nxt, segment->seq)) { /* not a late one: RFC 9293 §3.6.1 */
		tcp_end(flow, 0);
		tcp_ask(stack, packet, segment);
	} else if (segment_len(segment) > 0) {
		tcp_owe_ack(flow);
	}
}

static void input_unknown(struct net_stack *stack, const struct packet *packet,
			  const struct segment *segment)
{
	const unsigned opening = SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST | SEGMENT_FIN;

	if (!stack_is_guest(stack, &packet->from))
		stack_drop(stack, "TCP: loopback of the guest", NULL);
	else if ((segment->flags & opening) == SEGMENT_SYN)
		tcp_ask(stack, packet, segment);
	else
		tcp_refuse_segment(stack, packet, segment);
}

/* Whether the segment can join what is gathered, which it may be the answer to otherwise. */
static bool joins(const struct gather *gather, const struct net_flow *flow,
		  const struct segment *segment)
{
	const unsigned others = SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST;

	return gather->flow == flow && (segment->flags & others) == 0 &&
	       gather->count + WRITE_PARTS_MAX <= GATHER_PARTS;
}

void tcp_input(struct net_stack *stack, struct packet *packet)
{
	struct endpoint guest = { .address = packet->from }, world = { .address = packet->to };
	struct segment segment;
	const char *broken = segment_parse(packet, &segment);
	struct net_flow *flow;

	if (broken != NULL) {
		stack_drop(stack, broken, &world);
		return;
	}
	guest.port = segment.from_port;
	world.port = segment.to_port;
	flow = flow_find(&stack->flows, &guest, &world);
	if (flow != NULL && !joins(&stack->gather, flow, &segment)) {
		tcp_write_gathered(stack);
		flow = flow_find(&stack->flows, &guest, &world); /* its end, if that was it */
	}
	if (flow == NULL) {
		input_unknown(stack, packet, &segment);
		return;
	}
	switch ((enum flow_state)flow->state) {
	case FLOW_ASKED:
		input_asked(flow, packet, &segment);
		break;
	case FLOW_SYN_SENT:
		input_syn_sent(flow, packet, &segment);
		break;
	case FLOW_SYN_RECEIVED:
	case FLOW_OPEN:
		input_open(flow, packet, &segment);
		break;
	case FLOW_TIME_WAIT:
		input_time_wait(flow, packet, &segment);
		break;
	case FLOW_DEAD: /* in no table */
		break;
	}
}
