/* /sandbox/{}/ports: which ports of this host lead to the guest. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "sbxd/create.h"
#include "sbxd/ports.h"
#include "sbxd/route.h"
#include "sbxd/supervisor.h"

static json_t *view_list(const struct published_list *list)
{
	json_t *view = json_array();

	for (size_t i = 0; i < list->count; i++)
		(void)json_array_append_new(view, published_view(&list->items[i]));
	return view;
}

static int show(struct request *request, struct err *err)
{
	struct published_list list;
	struct sandbox *sandbox;
	json_t *view, *port;
	size_t i;
	int r = request_sandbox(request, &sandbox, err);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&sandbox->lock);
	list = sandbox->record.ports;
	(void)pthread_mutex_unlock(&sandbox->lock);
	view = view_list(&list);
	json_array_foreach(view, i, port)
	{
		bool is_open = ports_is_open(request->supervisor->ports, sandbox, &list.items[i]);

		(void)json_object_set_new(port, "listening", json_boolean(is_open));
	}
	r = request_reply(request, 200, json_pack("{so}", "ports", view), err);
	supervisor_put(sandbox);
	return r;
}

/* The ports of the body. */
static int unpack(struct request *request, struct published_list *ret, struct err *err)
{
	json_t *list = NULL;
	int r = request_unpack(request, err, "{so}", "ports", &list);

	ret->count = 0;
	return r < 0 ? r : create_add_ports(list, ret, err);
}

/* Enters them into the record; the other way round when it is full. */
static int enter(struct sandbox *sandbox, const struct published_list *added, struct err *err)
{
	struct published_list *ports = &sandbox->record.ports;
	int r = 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	if (ports->count + added->count > PUBLISHED_MAX)
		r = err_set(err, -EINVAL, "at most %d ports of a sandbox can be published",
			    PUBLISHED_MAX);
	for (size_t i = 0; r == 0 && i < added->count; i++)
		(void)published_list_add(ports, &added->items[i]);
	sandbox->ports_stale = true;
	sandbox_poke(sandbox);
	(void)pthread_mutex_unlock(&sandbox->lock);
	return r < 0 ? r : sandbox_save(sandbox, err);
}

/* All of them or none. */
static int publish_all(struct ports *ports, struct sandbox *sandbox, struct published_list *list,
		       struct err *err)
{
	size_t done = 0;
	int r = 0;

	while (r == 0 && done < list->count) {
		r = ports_open(ports, sandbox, &list->items[done], &list->items[done], err);
		done += r == 0;
	}
	if (r == 0)
		r = enter(sandbox, list, err);
	for (size_t i = 0; r < 0 && i < done; i++)
		ports_close(ports, sandbox, &list->items[i]);
	return r;
}

static void audit(struct sandbox *sandbox, const char *change, const struct published_list *list)
{
	supervisor_audit(sandbox->supervisor, "port", sandbox->record.name,
			 json_pack("{ss so}", "change", change, "ports", view_list(list)));
}

static int publish(struct request *request, struct err *err)
{
	struct published_list list;
	struct sandbox *sandbox;
	int r = unpack(request, &list, err);

	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = publish_all(request->supervisor->ports, sandbox, &list, err);
	if (r == 0)
		audit(sandbox, "publish", &list);
	if (r == 0)
		r = sandbox_ensure_running(sandbox, err);
	if (r == 0)
		r = request_reply(request, 200, json_pack("{so}", "published", view_list(&list)),
				  err);
	supervisor_put(sandbox);
	return r;
}

/* Moves what is meant from the record to *removed; -ENOENT when nothing is. Lock held. */
static int take_out(struct published_list *ports, const struct published *wanted,
		    struct published_list *removed)
{
	size_t before = removed->count;

	for (size_t i = ports->count; i-- > 0;) {
		if (!published_selects(wanted, &ports->items[i]))
			continue;
		(void)published_list_add(removed, &ports->items[i]);
		published_list_remove(ports, i);
	}
	return removed->count == before ? -ENOENT : 0;
}

/*
 * A port without a protocol may have been published for both families: every one of
 * tcp is meant then.
 */
static void widen(json_t *list)
{
	json_t *port;
	size_t i;

	json_array_foreach(list, i, port)
	{
		if (json_object_get(port, "protocol") == NULL &&
		    json_object_get(port, "host_ip") == NULL)
			(void)json_object_set_new(port, "protocol", json_string("tcp"));
	}
}

static int unpublish_all(struct sandbox *sandbox, const struct published_list *list,
			 struct published_list *removed, struct err *err)
{
	const struct published *first = &list->items[0];
	char text[PUBLISHED_TEXT_MAX];

	removed->count = 0;
	(void)pthread_mutex_lock(&sandbox->lock);
	for (size_t i = 0; i < list->count; i++)
		(void)take_out(&sandbox->record.ports, &list->items[i], removed);
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (removed->count > 0)
		return sandbox_save(sandbox, err);
	if (first->host.port == 0)
		return err_set(err, -ENOENT,
			       "unpublish port: no published port leads to port %u of the sandbox",
			       (unsigned)first->guest_port);
	published_format(first, text);
	return err_set(err, -ENOENT, "unpublish port: %s is not published", text);
}

static int unpublish(struct request *request, struct err *err)
{
	struct published_list list, removed;
	struct sandbox *sandbox;
	int r;

	widen(json_object_get(request->body, "ports"));
	r = unpack(request, &list, err);
	if (r == 0 && list.count == 0)
		r = err_set(err, -EINVAL, "name the ports to unpublish");
	if (r == 0)
		r = request_sandbox(request, &sandbox, err);
	if (r < 0)
		return r;
	r = unpublish_all(sandbox, &list, &removed, err);
	for (size_t i = 0; r == 0 && i < removed.count; i++)
		ports_close(request->supervisor->ports, sandbox, &removed.items[i]);
	if (r == 0) {
		(void)pthread_mutex_lock(&sandbox->lock);
		sandbox->ports_stale = true;
		sandbox_poke(sandbox);
		(void)pthread_mutex_unlock(&sandbox->lock);
		audit(sandbox, "unpublish", &removed);
		r = request_reply(request, 200,
				  json_pack("{so}", "unpublished", view_list(&removed)), err);
	}
	supervisor_put(sandbox);
	return r;
}

const struct route routes_ports[] = {
	{ "GET", "/sandbox/{}/ports", show },
	{ "POST", "/sandbox/{}/ports", publish },
	{ "POST", "/sandbox/{}/ports/unpublish", unpublish },
	{ NULL, NULL, NULL },
};
