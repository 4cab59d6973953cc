#include <errno.h>

#include "base/check.h"
#include "net/core.h"
#include "net/segment.h"
#include "net/tcp.h"

void tcp_start_timer(struct net_flow *flow, enum flow_timer timer, uint64_t delay_ms)
{
	flow->timer = timer;
	timers_set(&flow->stack->timers, flow, flow->stack->now_ms + delay_ms);
}

/* RFC 6298 §2.4; before the first measurement the first value stands. */
static void compute_rto(struct net_flow *flow)
{
	unsigned rto = flow->srtt_ms == 0 ? TCP_RTO_FIRST_MS : flow->srtt_ms + 4U * flow->rttvar_ms;

	flow->rto_ms = (uint16_t)min_of(max_of(rto, TCP_RTO_MIN_MS), TCP_RTO_MAX_MS);
}

static void back_off(struct net_flow *flow)
{
	flow->rto_ms = (uint16_t)min_of(flow->rto_ms * 2U, TCP_RTO_MAX_MS);
}

/* RFC 6298 §2.2, §2.3; a millisecond at least, the clock has no finer step. */
static void measure(struct net_flow *flow)
{
	uint32_t passed = (uint32_t)flow->stack->now_ms - flow->measured_ms;
	unsigned sample = min_of(max_of(passed, 1U), TCP_RTO_MAX_MS);
	unsigned difference;

	if (flow->srtt_ms == 0) {
		flow->srtt_ms = (uint16_t)sample;
		flow->rttvar_ms = (uint16_t)(sample / 2);
		return;
	}
	difference = sample > flow->srtt_ms ? sample - flow->srtt_ms : flow->srtt_ms - sample;
	flow->rttvar_ms = (uint16_t)((3U * flow->rttvar_ms + difference) / 4);
	flow->srtt_ms = (uint16_t)max_of((7U * flow->srtt_ms + sample) / 8, 1U);
}

void tcp_note_progress(struct net_flow *flow)
{
	if ((flow->flags & FLOW_TIMING) != 0 && !is_before(flow->snd_una, flow->measured_seq)) {
		flow->flags &= (uint16_t)~FLOW_TIMING;
		measure(flow);
	}
	flow->retries = 0;
	flow->duplicates = 0;
	compute_rto(flow);
	if (flow->snd_una != flow->snd_max) /* RFC 6298 §5.3 */
		tcp_start_timer(flow, TIMER_RETRANSMIT, flow->rto_ms);
}

/* There are bytes for the guest, and not even one fits. */
static bool is_shut_out(const struct net_flow *flow)
{
	return flow->snd_wnd == 0 && (flow->flags & FLOW_SOURCE_READY) != 0 &&
	       (flow->flags & FLOW_FIN_SENT) == 0;
}

void tcp_update_timer(struct net_flow *flow)
{
	if (flow->state != FLOW_OPEN)
		return;
	if (flow->snd_una != flow->snd_max) {
		if (flow->timer != TIMER_RETRANSMIT)
			tcp_start_timer(flow, TIMER_RETRANSMIT, flow->rto_ms);
	} else if (is_shut_out(flow)) {
		if (flow->timer != TIMER_PERSIST)
			tcp_start_timer(flow, TIMER_PERSIST, flow->rto_ms);
	} else {
		tcp_start_timer(flow, TIMER_KEEPALIVE, TCP_KEEPALIVE_IDLE_MS);
	}
}

/* Everything from snd_una on is sent again, as the window allows: RFC 6298 §5.4 to §5.6. */
static void retransmit(struct net_flow *flow)
{
	unsigned most = flow->state == FLOW_OPEN ? TCP_RETRIES_MAX : TCP_OPEN_RETRIES_MAX;

	if (flow->retries++ >= most) {
		tcp_abort(flow, -ETIMEDOUT);
		return;
	}
	back_off(flow);
	flow->snd_nxt = flow->snd_una;
	flow->flags &= (uint16_t) ~(FLOW_TIMING | FLOW_RECOVERING | FLOW_RESEND);
	tcp_start_timer(flow, TIMER_RETRANSMIT, flow->rto_ms);
	if (flow->state == FLOW_OPEN && flow->snd_wnd == 0)
		tcp_send_probe(flow);
	else
		tcp_want(flow);
}

/*
 * Whatever the guest answers tells its window and that it lives. It may keep the
 * window closed for ever (RFC 9293 §3.8.6.1), but not silently.
 */
static void probe(struct net_flow *flow, unsigned most, uint64_t next_ms)
{
	if (flow->retries++ >= most) {
		tcp_abort(flow, -ETIMEDOUT);
		return;
	}
	tcp_send_probe(flow);
	tcp_start_timer(flow, flow->timer, next_ms);
}

void tcp_expire(struct net_flow *flow)
{
	switch ((enum flow_timer)flow->timer) {
	case TIMER_OPENING:
		tcp_refuse(flow, NET_REFUSE_UNREACHABLE, -ETIMEDOUT);
		break;
	case TIMER_RETRANSMIT:
		retransmit(flow);
		break;
	case TIMER_PERSIST:
		back_off(flow);
		probe(flow, TCP_RETRIES_MAX, flow->rto_ms);
		break;
	case TIMER_KEEPALIVE:
		probe(flow, TCP_KEEPALIVE_RETRIES_MAX, TCP_KEEPALIVE_PROBE_MS);
		break;
	case TIMER_TIME_WAIT:
		tcp_end(flow, 0);
		break;
	}
}
