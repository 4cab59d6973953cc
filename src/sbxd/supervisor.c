#include "sbxd/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/log.h"
#include "audit/audit.h"
#include "base/err.h"
#include "sbxd/sandbox.h"

static struct sandbox *of_node(struct list *node)
{
	return container_of(node, struct sandbox, node);
}

/* The first node whose name is not less; the head when there is none. Lock held. */
static struct list *find_place(struct supervisor *supervisor, const char *name)
{
	list_for_each (node, tmp, &supervisor->sandboxes)
		if (strcmp(of_node(node)->record.name, name) >= 0)
			return node;
	return &supervisor->sandboxes;
}

static bool is_named(struct supervisor *supervisor, struct list *node, const char *name)
{
	return node != &supervisor->sandboxes && strcmp(of_node(node)->record.name, name) == 0;
}

int supervisor_add(struct supervisor *supervisor, struct sandbox *sandbox, struct err *err)
{
	const char *name = sandbox->record.name;
	struct list *place;
	int r = 0;

	(void)pthread_mutex_lock(&supervisor->lock);
	place = find_place(supervisor, name);
	if (is_named(supervisor, place, name))
		r = err_set(err, -EEXIST, "sandbox '%s' already exists", name);
	else if (supervisor->count == SUPERVISOR_SANDBOXES_MAX)
		r = err_set(err, -EBUSY, "there are %d sandboxes already; remove some",
			    SUPERVISOR_SANDBOXES_MAX);
	if (r == 0) {
		list_append(place, &sandbox->node);
		supervisor->count++;
	}
	(void)pthread_mutex_unlock(&supervisor->lock);
	return r;
}

void supervisor_remove(struct supervisor *supervisor, struct sandbox *sandbox)
{
	(void)pthread_mutex_lock(&supervisor->lock);
	list_remove(&sandbox->node);
	supervisor->count--;
	(void)pthread_mutex_unlock(&supervisor->lock);
	supervisor_put(sandbox);
}

struct sandbox *supervisor_find(struct supervisor *supervisor, const char *name)
{
	struct sandbox *found = NULL;
	struct list *place;

	(void)pthread_mutex_lock(&supervisor->lock);
	place = find_place(supervisor, name);
	if (is_named(supervisor, place, name)) {
		found = of_node(place);
		found->references++;
	}
	(void)pthread_mutex_unlock(&supervisor->lock);
	return found;
}

struct sandbox **supervisor_list(struct supervisor *supervisor, size_t *ret_count)
{
	struct sandbox **all;
	size_t count = 0;

	(void)pthread_mutex_lock(&supervisor->lock);
	all = calloc(supervisor->count + 1, sizeof(struct sandbox *));
	if (all != NULL) {
		list_for_each (node, tmp, &supervisor->sandboxes) {
			all[count] = of_node(node);
			all[count++]->references++;
		}
		*ret_count = count;
	}
	(void)pthread_mutex_unlock(&supervisor->lock);
	return all;
}

void supervisor_audit(struct supervisor *supervisor, const char *event, const char *sandbox,
		      json_t *details)
{
	struct err err = ERR_INIT;

	if (supervisor->audit == NULL)
		json_decref(details);
	else if (audit_append(supervisor->audit, event, sandbox, details, &err) < 0)
		log_error("%s", err.text);
}

struct sandbox *supervisor_get(struct sandbox *sandbox)
{
	struct supervisor *supervisor = sandbox->supervisor;

	(void)pthread_mutex_lock(&supervisor->lock);
	sandbox->references++;
	(void)pthread_mutex_unlock(&supervisor->lock);
	return sandbox;
}

void supervisor_put(struct sandbox *sandbox)
{
	struct supervisor *supervisor;
	bool is_last;

	if (sandbox == NULL)
		return;
	supervisor = sandbox->supervisor;
	(void)pthread_mutex_lock(&supervisor->lock);
	is_last = --sandbox->references == 0;
	(void)pthread_mutex_unlock(&supervisor->lock);
	if (is_last)
		sandbox_destroy(sandbox);
}
