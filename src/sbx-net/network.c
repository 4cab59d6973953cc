#include "sbx-net/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app/log.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/link.h"
#include "net/stack.h"
#include "sbx-net/device.h"

static int world_reserve(void *world, size_t len, struct iovec *ret, int max)
{
	struct network *network = world;

	return network->device == NULL ? 0 : device_reserve(network->device, len, ret, max);
}

static void world_send(void *world, size_t len, const struct net_offload *offload)
{
	struct network *network = world;

	device_send(network->device, len, offload);
}

static void world_opened(void *world, struct net_flow *flow, const struct endpoint *to)
{
	struct network *network = world;

	outside_opened(&network->outsides, flow, to);
}

static ssize_t world_write(void *world, struct net_flow *flow, const struct iovec *parts, int count)
{
	(void)world;
	return outside_write(net_flow_tag(flow), parts, count);
}

static size_t world_room(void *world, struct net_flow *flow)
{
	(void)world;
	return outside_room(net_flow_tag(flow));
}

static void world_finished(void *world, struct net_flow *flow)
{
	(void)world;
	outside_finished(net_flow_tag(flow));
}

static ssize_t world_peek(void *world, struct net_flow *flow, size_t offset,
			  const struct iovec *parts, int count)
{
	(void)world;
	return outside_peek(net_flow_tag(flow), offset, parts, count);
}

static void world_acked(void *world, struct net_flow *flow, size_t bytes)
{
	(void)world;
	outside_acked(net_flow_tag(flow), bytes);
}

/* A flow that was refused at once never got an outer end. */
static void world_closed(void *world, struct net_flow *flow, int error)
{
	struct outside *outside = net_flow_tag(flow);

	(void)world;
	if (outside != NULL)
		outside_closed(outside, error);
}

static void world_datagram(void *world, const struct endpoint *from, const struct endpoint *to,
			   const struct iovec *parts, int count, size_t len)
{
	struct network *network = world;

	datagrams_send(&network->datagrams, from, to, parts, count, len);
}

static void world_dropped(void *world, const char *rule, const struct endpoint *to)
{
	char text[ENDPOINT_TEXT_MAX] = "";

	(void)world;
	if (to != NULL)
		endpoint_format(to, text);
	log_debug("dropped a frame of the guest: %s %s", rule, text);
}

static const struct net_world network_world = {
	.reserve = world_reserve,
	.send = world_send,
	.opened = world_opened,
	.write = world_write,
	.room = world_room,
	.finished = world_finished,
	.peek = world_peek,
	.acked = world_acked,
	.closed = world_closed,
	.datagram = world_datagram,
	.dropped = world_dropped,
};

static void ticked(struct loop_timer *timer)
{
	network_settle(container_of(timer, struct network, tick));
}

void network_settle(struct network *network)
{
	uint64_t next;

	outsides_retry(&network->outsides);
	next = net_stack_tick(network->stack, clock_now_ms());
	if (next == UINT64_MAX)
		loop_disarm(&network->tick);
	else if (network->tick.loop == NULL || network->tick.deadline_ms != next)
		loop_arm(network->loop, &network->tick, next, ticked);
	device_signal(network->device);
}

void network_judge(struct network *network)
{
	outsides_judge(&network->outsides);
	datagrams_judge(&network->datagrams);
}

void network_cut(struct network *network)
{
	outsides_cut(&network->outsides);
	datagrams_cut(&network->datagrams);
}

static void settled(void *owner)
{
	network_settle(owner);
}

static void closed(void *owner, const char *why)
{
	struct network *network = owner;

	log_info("%s", why);
	loop_stop(network->loop);
}

static int tell_verdict(void *owner, const struct net_verdict *verdict)
{
	struct network *network = owner;

	return control_tell(&network->control, verdict);
}

static int create_stack(struct network *network)
{
	struct net_stack_config config = { .world = &network_world, .owner = network };

	memcpy(config.guest_mac, LINK_GUEST_MAC, sizeof(config.guest_mac));
	memcpy(config.gateway_mac, LINK_GATEWAY_MAC, sizeof(config.gateway_mac));
	if (getrandom(config.seed, sizeof(config.seed), 0) != sizeof(config.seed))
		return -errno;
	return net_stack_create(&config, &network->stack);
}

int network_init(struct network *network, const struct network_config *config, struct err *err)
{
	const struct device_config device = {
		.socket = config->vhost, .owner = network, .settled = settled, .closed = closed
	};
	struct device_config here = device;
	int r;

	memset(network, 0, sizeof(*network));
	r = loop_create(&network->loop);
	if (r == 0)
		r = create_stack(network);
	if (r == 0)
		r = decider_init(&network->decider);
	if (r < 0)
		return err_set_errno(err, r, "no network can be made");
	verdicts_init(&network->verdicts, network->loop, tell_verdict, network);
	outsides_init(&network->outsides, network, config->max_flows);
	datagrams_init(&network->datagrams, network);
	dials_init(&network->dials, network);
	r = resolver_init(&network->resolver, network);
	if (r < 0)
		return err_set_errno(err, r, "no resolver can be made");
	r = proxy_link_init(&network->proxy, network, config->proxy);
	if (r < 0)
		return err_set_errno(err, r, "descriptor %d is no socket to sbx-proxy",
				     config->proxy);
	r = control_init(&network->control, network, config->control);
	if (r < 0)
		return err_set_errno(err, r, "descriptor %d is no listening socket",
				     config->control);
	here.loop = network->loop;
	here.stack = network->stack;
	r = device_create(&here, &network->device);
	return r < 0 ? err_set_errno(err, r, "descriptor %d is no vhost-user socket", config->vhost)
		     : 0;
}

/* Flows end before those who hear of it. */
void network_finish(struct network *network)
{
	if (network->loop == NULL)
		return;
	loop_disarm(&network->tick);
	control_finish(&network->control);
	dials_finish(&network->dials);
	net_stack_destroy(network->stack);
	outsides_finish(&network->outsides);
	datagrams_finish(&network->datagrams);
	resolver_finish(&network->resolver);
	proxy_link_finish(&network->proxy);
	verdicts_finish(&network->verdicts);
	device_destroy(network->device);
	decider_finish(&network->decider);
	loop_destroy(network->loop);
	network->loop = NULL;
}
