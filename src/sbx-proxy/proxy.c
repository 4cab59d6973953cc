#include "sbx-proxy/proxy.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "app/log.h"
#include "base/clock.h"
#include "sbx-proxy/flow.h"

static void trim(struct loop_timer *timer)
{
	(void)timer;
	(void)malloc_trim(0);
}

/* libc would keep what lies below anything that is still used. */
void proxy_freed(struct proxy *proxy)
{
	if (proxy->trimmer.loop == NULL)
		loop_arm(proxy->loop, &proxy->trimmer, clock_now_ms() + PROXY_TRIM_MS, trim);
}

static void reap(struct loop_timer *timer)
{
	struct proxy *proxy = container_of(timer, struct proxy, reaper);

	list_for_each (node, next, &proxy->ended)
		flow_destroy(container_of(node, struct flow, node));
	proxy_freed(proxy);
}

void proxy_bury(struct proxy *proxy, struct list *flow)
{
	list_append(&proxy->ended, flow);
	if (proxy->reaper.loop == NULL)
		loop_arm(proxy->loop, &proxy->reaper, clock_now_ms(), reap);
}

static void link_flow(void *owner, const struct net_message *message, int fd)
{
	flow_begin(owner, message, fd);
}

static void link_lost(void *owner, const char *why)
{
	struct proxy *proxy = owner;

	log_info("%s", why);
	loop_stop(proxy->loop);
}

static void orders_changed(void *owner)
{
	struct proxy *proxy = owner;

	list_for_each (node, next, &proxy->flows)
		flow_judge(container_of(node, struct flow, node));
}

int proxy_create(int link_fd, int control_fd, struct proxy **ret)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	int r;

	if (proxy == NULL)
		return -ENOMEM;
	list_init(&proxy->flows);
	list_init(&proxy->ended);
	r = loop_create(&proxy->loop);
	if (r == 0) {
		patience_init(&proxy->head, proxy->loop, PROXY_HEAD_MS, 0);
		patience_init(&proxy->connect, proxy->loop, PROXY_CONNECT_MS, 0);
		patience_init(&proxy->hush, proxy->loop, PROXY_HUSH_MS, 0);
		patience_init(&proxy->spare, proxy->loop, PROXY_SPARE_MS, PROXY_SPARES_MAX);
		patience_init(&proxy->rest, proxy->loop, PROXY_REST_MS, PROXY_RESTING_MAX);
		patience_init(&proxy->silence, proxy->loop, PROXY_SILENCE_MS, 0);
		r = link_init(&proxy->link, proxy->loop, link_fd, proxy, link_flow, link_lost);
	}
	if (r == 0)
		r = control_init(&proxy->control, proxy->loop, control_fd, proxy, orders_changed);
	if (r < 0) {
		proxy_destroy(proxy);
		return r;
	}
	*ret = proxy;
	return 0;
}

void proxy_destroy(struct proxy *proxy)
{
	if (proxy == NULL)
		return;
	list_for_each (node, next, &proxy->flows)
		flow_destroy(container_of(node, struct flow, node));
	list_for_each (ended, after, &proxy->ended)
		flow_destroy(container_of(ended, struct flow, node));
	control_finish(&proxy->control);
	link_finish(&proxy->link);
	patience_finish(&proxy->head);
	patience_finish(&proxy->connect);
	patience_finish(&proxy->hush);
	patience_finish(&proxy->spare);
	patience_finish(&proxy->rest);
	patience_finish(&proxy->silence);
	loop_destroy(proxy->loop);
	free(proxy);
}
