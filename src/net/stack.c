#include "net/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/core.h"
#include "net/link.h"
#include "net/tcp.h"

static struct address literal(int family, const char *text)
{
	struct address address = { .family = family == AF_INET ? ADDRESS_V4 : ADDRESS_V6 };

	(void)inet_pton(family, text, address.bytes);
	return address;
}

int net_stack_create(const struct net_stack_config *config, struct net_stack **ret)
{
	struct net_stack *stack = calloc(1, sizeof(*stack));

	if (stack == NULL)
		return -ENOMEM;
	stack->config = *config;
	stack->v4.guest = literal(AF_INET, LINK_GUEST4);
	stack->v4.gateway = literal(AF_INET, LINK_GATEWAY4);
	stack->v4.host = literal(AF_INET, LINK_HOST4);
	stack->v4.loopback = literal(AF_INET, "127.0.0.1");
	stack->v6.guest = literal(AF_INET6, LINK_GUEST6);
	stack->v6.gateway = literal(AF_INET6, LINK_GATEWAY6);
	stack->v6.host = literal(AF_INET6, LINK_HOST6);
	list_init(&stack->pending);
	list_init(&stack->dead);
	flow_table_init(&stack->flows, config->seed);
	*ret = stack;
	return 0;
}

static void free_dead(struct net_stack *stack, bool tell)
{
	while (!list_is_empty(&stack->dead)) {
		struct net_flow *flow = container_of(stack->dead.next, struct net_flow, turn_node);

		if (tell && (flow->flags & FLOW_RESET_DUE) != 0)
			tcp_send_reset(flow);
		list_remove(&flow->turn_node);
		flow_free(&stack->flows, flow);
	}
}

void net_stack_destroy(struct net_stack *stack)
{
	if (stack == NULL)
		return;
	stack->depth++; /* what the world calls meanwhile sends nothing */
	for (unsigned i = 0; i < FLOW_BUCKETS; i++) {
		while (stack->flows.bucket[i] != NULL)
			tcp_end(stack->flows.bucket[i], -ECONNABORTED);
	}
	free_dead(stack, false);
	flow_table_finish(&stack->flows);
	free(stack);
}

/* Each flow that waits gets its turn until none does or the guest has no room. */
static void send_pending(struct net_stack *stack)
{
	enum tcp_output result = TCP_OUTPUT_DONE;

	while (result != TCP_OUTPUT_NO_ROOM && !list_is_empty(&stack->pending)) {
		struct net_flow *flow =
			container_of(stack->pending.next, struct net_flow, turn_node);

		list_remove(&flow->turn_node);
		result = tcp_output(flow);
		if (result != TCP_OUTPUT_DONE && flow->state != FLOW_DEAD)
			tcp_want(flow);
	}
}

void stack_enter(struct net_stack *stack, uint64_t now_ms)
{
	stack->depth++;
	if (now_ms > stack->now_ms)
		stack->now_ms = now_ms;
}

void stack_leave(struct net_stack *stack, bool flush)
{
	if (stack->depth == 1) {
		if (flush) {
			tcp_write_gathered(stack);
			send_pending(stack);
		}
		free_dead(stack, true);
	}
	stack->depth--;
}

void stack_drop(struct net_stack *stack, const char *rule, const struct endpoint *to)
{
	stack->counters.dropped++;
	if (stack->config.world->dropped != NULL)
		stack->config.world->dropped(stack->config.owner, rule, to);
}

const struct link_addresses *stack_link(const struct net_stack *stack, enum address_family family)
{
	return family == ADDRESS_V6 ? &stack->v6 : &stack->v4;
}

bool stack_is_guest(const struct net_stack *stack, const struct address *address)
{
	return address_equal(address, &stack_link(stack, address->family)->guest);
}

bool stack_is_reachable(const struct net_stack *stack, const struct address *address)
{
	return stack_is_guest(stack, address) ||
	       address_equal(address, &stack_link(stack, address->family)->loopback);
}

bool stack_is_ours(const struct net_stack *stack, const struct address *address)
{
	const struct link_addresses *link = stack_link(stack, address->family);

	return address_equal(address, &link->gateway) || address_equal(address, &link->host);
}

void net_stack_guest_takes(struct net_stack *stack, bool checksum, bool tso4, bool tso6)
{
	stack->takes_checksum = checksum;
	stack->takes_tso4 = checksum && tso4; /* virtio 1.2 §5.1.3.1 */
	stack->takes_tso6 = checksum && tso6;
}

void net_stack_input(struct net_stack *stack, const struct net_offload *offload,
		     const struct iovec *parts, int count, uint64_t now_ms)
{
	stack_enter(stack, now_ms);
	ethernet_input(stack, offload, parts, count);
	stack_leave(stack, false);
}

void net_stack_flush(struct net_stack *stack, uint64_t now_ms)
{
	stack_enter(stack, now_ms);
	stack_leave(stack, true);
}

void net_stack_link_ready(struct net_stack *stack, uint64_t now_ms)
{
	net_stack_flush(stack, now_ms);
}

uint64_t net_stack_tick(struct net_stack *stack, uint64_t now_ms)
{
	struct net_flow *flow;

	stack_enter(stack, now_ms);
	while ((flow = timers_pop(&stack->timers, now_ms)) != NULL)
		tcp_expire(flow);
	stack_leave(stack, true);
	return timers_next(&stack->timers);
}

const struct net_counters *net_stack_counters(const struct net_stack *stack)
{
	return &stack->counters;
}
