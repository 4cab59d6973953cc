#include <errno.h>

#include "base/bytes.h"
#include "base/check.h"
#include "net/core.h"
#include "net/packet.h"
#include "net/segment.h"
#include "net/tcp.h"

void tcp_want(struct net_flow *flow)
{
	if (list_is_empty(&flow->turn_node))
		list_append(&flow->stack->pending, &flow->turn_node);
}

void tcp_owe_ack(struct net_flow *flow)
{
	flow->acks_due = max_of(flow->acks_due, (uint8_t)1);
	tcp_want(flow);
}

static struct net_flow *create(struct net_stack *stack, const struct endpoint *guest,
			       const struct endpoint *world)
{
	struct net_flow *flow;

	if (stack->counters.flows >= NET_FLOWS_MAX)
		return NULL;
	flow = flow_create(&stack->flows, guest, world);
	if (flow == NULL)
		return NULL;
	flow->stack = stack;
	flow->rto_ms = TCP_RTO_FIRST_MS;
	flow->mss = TCP_MSS_MIN;
	stack->counters.flows++;
	return flow;
}

static void leave_half_open(struct net_flow *flow)
{
	if ((flow->flags & FLOW_HALF_OPEN) != 0)
		flow->stack->counters.half_open--;
	flow->flags &= (uint16_t)~FLOW_HALF_OPEN;
}

void tcp_end(struct net_flow *flow, int error)
{
	struct net_stack *stack = flow->stack;
	bool is_told = flow->state == FLOW_TIME_WAIT;

	leave_half_open(flow);
	if (stack->gather.flow == flow)
		stack->gather.flow = NULL;
	if (is_told)
		stack->time_waits--;
	timers_remove(&stack->timers, flow);
	flow_unlink(&stack->flows, flow);
	list_remove(&flow->turn_node);
	list_append(&stack->dead, &flow->turn_node);
	flow->state = FLOW_DEAD;
	stack->counters.flows--;
	if (!is_told)
		stack->config.world->closed(stack->config.owner, flow, error);
}

void tcp_abort(struct net_flow *flow, int error)
{
	flow->flags |= FLOW_RESET_DUE;
	tcp_end(flow, error);
}

void tcp_finish(struct net_flow *flow)
{
	struct net_stack *stack = flow->stack;

	if (flow->acks_due == 0) {
		tcp_end(flow, 0);
		return;
	}
	flow->state = FLOW_TIME_WAIT;
	stack->time_waits++;
	tcp_start_timer(flow, TIMER_TIME_WAIT, TCP_TIME_WAIT_MS);
	stack->config.world->closed(stack->config.owner, flow, 0);
	flow->tag = NULL;
	if (stack->time_waits > TCP_TIME_WAITS_MAX) {
		(void)tcp_output(flow);
		tcp_end(flow, 0);
	}
}

void tcp_meet(struct net_flow *flow, const struct segment *segment)
{
	unsigned header = flow->guest.address.family == ADDRESS_V6 ? IPV6_HEADER : IPV4_HEADER;
	unsigned most = NET_MTU - header - SEGMENT_HEADER;

	flow->rcv_nxt = segment->seq + 1;
	flow->rcv_told = flow->rcv_nxt + UINT16_MAX; /* what our SYN says */
	flow->mss = (uint16_t)min_of(max_of(segment->mss, TCP_MSS_MIN), most);
	flow->snd_wnd = segment->window; /* not scaled in a SYN, RFC 7323 §2.2 */
	flow->snd_wl1 = segment->seq;
	flow->snd_wl2 = segment->ack;
	if (segment->has_scale) {
		flow->snd_scale = segment->scale;
		flow->rcv_scale = TCP_OUR_SCALE;
	}
}

void tcp_ask(struct net_stack *stack, const struct packet *packet, const struct segment *segment)
{
	struct endpoint guest = { packet->from, segment->from_port };
	struct endpoint world = { packet->to, segment->to_port };
	struct net_flow *flow = NULL;

	if (stack->counters.half_open < NET_HALF_OPEN_MAX)
		flow = create(stack, &guest, &world);
	if (flow == NULL) {
		stack->counters.flows_refused++;
		stack_drop(stack, "TCP: too many connections", &world);
		tcp_refuse_segment(stack, packet, segment);
		return;
	}
	flow->state = FLOW_ASKED;
	flow->flags |= FLOW_OF_GUEST | FLOW_HALF_OPEN;
	stack->counters.half_open++;
	tcp_meet(flow, segment);
	tcp_start_timer(flow, TIMER_OPENING, TCP_OPENING_MS);
	stack->config.world->opened(stack->config.owner, flow, &flow->world);
}

/* Our SYN or SYN-ACK is due: tcp_output() sends it as long as snd_nxt is at the start. */
static void begin(struct net_flow *flow, enum flow_state state)
{
	struct net_stack *stack = flow->stack;

	flow->state = state;
	flow->snd_una = flow_initial_sequence(&stack->flows, flow, stack->now_ms);
	flow->snd_nxt = flow->snd_max = flow->snd_una;
	tcp_start_timer(flow, TIMER_RETRANSMIT, flow->rto_ms);
	tcp_want(flow);
}

void tcp_open(struct net_flow *flow)
{
	struct net_stack *stack = flow->stack;

	leave_half_open(flow);
	flow->state = FLOW_OPEN;
	stack->counters.flows_opened++;
	if (flow->established != NULL)
		flow->established(stack->config.owner, flow);
}

static struct icmp_quote quote_syn(const struct net_flow *flow)
{
	struct icmp_quote quote = { .from = flow->guest.address,
				    .to = flow->world.address,
				    .protocol = PROTOCOL_TCP,
				    .len = SEGMENT_HEADER };

	be16_store(quote.transport, flow->guest.port);
	be16_store(quote.transport + 2, flow->world.port);
	be32_store(quote.transport + 4, flow->rcv_nxt - 1);
	return quote;
}

void tcp_refuse(struct net_flow *flow, enum net_refusal how, int error)
{
	struct net_stack *stack = flow->stack;
	struct icmp_quote quote = quote_syn(flow);

	stack->counters.flows_refused++;
	switch (how) {
	case NET_REFUSE_PROHIBITED:
		icmp_send_error(stack, ICMP_PROHIBITED, &quote);
		tcp_abort(flow, error);
		break;
	case NET_REFUSE_RESET:
		tcp_abort(flow, error);
		break;
	case NET_REFUSE_UNREACHABLE:
		icmp_send_error(stack, ICMP_HOST_UNREACHABLE, &quote);
		tcp_end(flow, error);
		break;
	case NET_REFUSE_DROP:
		tcp_end(flow, error);
		break;
	}
}

void net_flow_accept(struct net_flow *flow, uint64_t now_ms)
{
	stack_enter(flow->stack, now_ms);
	if (flow->state == FLOW_ASKED)
		begin(flow, FLOW_SYN_RECEIVED);
	stack_leave(flow->stack, true);
}

void net_flow_refuse(struct net_flow *flow, enum net_refusal how, uint64_t now_ms)
{
	struct net_stack *stack = flow->stack;

	stack_enter(stack, now_ms);
	if (flow->state == FLOW_ASKED)
		tcp_refuse(flow, how, 0);
	stack_leave(stack, true);
}

void net_flow_readable(struct net_flow *flow, uint64_t now_ms)
{
	stack_enter(flow->stack, now_ms);
	if (flow->state != FLOW_DEAD && flow->state != FLOW_TIME_WAIT) {
		flow->flags |= FLOW_SOURCE_READY;
		tcp_want(flow);
	}
	stack_leave(flow->stack, true);
}

void net_flow_writable(struct net_flow *flow, uint64_t now_ms)
{
	bool is_cut = (flow->flags & FLOW_CUT) != 0;

	stack_enter(flow->stack, now_ms);
	if (flow->state == FLOW_OPEN) {
		if ((flow->flags & FLOW_BLOCKED) != 0)
			flow->acks_due = is_cut ? TCP_DUPLICATES + 1 : 1;
		flow->flags &= (uint16_t) ~(FLOW_BLOCKED | FLOW_CUT);
		flow->flags |= FLOW_ASK_ROOM;
		tcp_want(flow);
	}
	stack_leave(flow->stack, true);
}

void net_flow_reset(struct net_flow *flow, uint64_t now_ms)
{
	struct net_stack *stack = flow->stack;

	stack_enter(stack, now_ms);
	if (flow->state != FLOW_DEAD && flow->state != FLOW_TIME_WAIT)
		tcp_abort(flow, 0);
	stack_leave(stack, true);
}

int net_stack_connect(struct net_stack *stack, const struct endpoint *from,
		      const struct endpoint *to, void *tag,
		      void (*established)(void *owner, struct net_flow *flow), uint64_t now_ms,
		      struct net_flow **ret)
{
	struct net_flow *flow;

	if (!stack_is_ours(stack, &from->address) || from->port == 0 || to->port == 0 ||
	    !stack_is_reachable(stack, &to->address) || to->address.family != from->address.family)
		return -EINVAL;
	if (flow_find(&stack->flows, to, from) != NULL)
		return -EADDRINUSE;
	flow = create(stack, to, from);
	if (flow == NULL)
		return -ENOSPC;
	flow->tag = tag;
	flow->established = established;
	*ret = flow;
	stack_enter(stack, now_ms);
	begin(flow, FLOW_SYN_SENT);
	stack_leave(stack, true);
	return 0;
}

void net_flow_set_tag(struct net_flow *flow, void *tag)
{
	flow->tag = tag;
}

void *net_flow_tag(const struct net_flow *flow)
{
	return flow->tag;
}

const struct endpoint *net_flow_destination(const struct net_flow *flow)
{
	return &flow->world;
}

const struct endpoint *net_flow_guest(const struct net_flow *flow)
{
	return &flow->guest;
}
