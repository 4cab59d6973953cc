#include "sbxd/policy_approval.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "policy/policy.h"
#include "sbxd/policy_log.h"
#include "sbxd/policy_store.h"
#include "sbxd/supervisor.h"
#include "sbxd/view.h"

enum { ID_SIZE = 9, APPROVALS_MAX = 1024 };

static const char *text_of(const json_t *json, const char *member)
{
	return json_string_value(json_object_get(json, member));
}

/* FNV-1a of what makes the approval; a name for people, not a secret. */
static void make_id(const json_t *entry, const char *resource, char ret[ID_SIZE])
{
	const char *const parts[] = { text_of(entry, "sandbox"), resource,
				      text_of(entry, "protocol") };
	uint32_t value = 2166136261u;

	for (size_t i = 0; i < 3; i++)
		for (const char *at = parts[i]; at != NULL && *at != '\0'; at++)
			value = (value ^ (uint8_t)*at) * 16777619u;
	(void)snprintf(ret, ID_SIZE, "%08" PRIx32, value);
}

/* Whether the sandbox's policy denies this without a rule that does so. */
static bool is_pending(const struct policy *policy, const struct policy_resource *resource,
		       const char *protocol)
{
	struct policy_question question = { .port = resource->port, .protocol = POLICY_TCP };
	struct policy_verdict verdict;

	if (strcmp(protocol, "udp") == 0)
		question.protocol = POLICY_UDP;
	if (resource->kind == POLICY_NET)
		question.address = resource->net;
	else
		question.name = resource->pattern;
	question.is_host =
		question.name != NULL && (strcmp(question.name, "localhost") == 0 ||
					  strcmp(question.name, "host.docker.internal") == 0);
	policy_decide(policy, &question, &verdict);
	return verdict.kind == POLICY_IMPLICIT || verdict.kind == POLICY_CEILING;
}

/* The approval of a log entry; NULL when there is nothing to approve. */
static json_t *make(struct supervisor *supervisor, const json_t *entry)
{
	const char *host = text_of(entry, "host"), *kind = text_of(entry, "deny_kind");
	const char *protocol = text_of(entry, "protocol"), *sandbox = text_of(entry, "sandbox");
	struct policy_resource resource;
	struct policy *policy = NULL;
	char id[ID_SIZE], text[POLICY_RESOURCE_MAX];
	struct err err = ERR_INIT;
	bool pending;

	if (host == NULL || kind == NULL || protocol == NULL || sandbox == NULL ||
	    (strcmp(kind, "implicit") != 0 && strcmp(kind, "ceiling") != 0) ||
	    policy_resource_parse(host, &resource, &err) < 0)
		return NULL;
	pending = resource.kind != POLICY_ANY &&
		  policy_store_compile(supervisor->policy, sandbox, &policy) == 0 &&
		  is_pending(policy, &resource, protocol);
	policy_destroy(policy);
	policy_resource_format(&resource, text);
	policy_resource_finish(&resource);
	if (!pending)
		return NULL;
	make_id(entry, text, id);
	return json_pack("{ss ss ss ss ss ss* sO so*}", "id", id, "sandbox", sandbox, "resource",
			 text, "host", host, "protocol", protocol, "reason",
			 text_of(entry, "reason"), "count", json_object_get(entry, "count"),
			 "last_seen",
			 view_time(json_integer_value(json_object_get(entry, "last_seen"))));
}

static bool has_id(const json_t *list, const char *id)
{
	const json_t *other;
	size_t i;

	json_array_foreach((json_t *)list, i, other)
	{
		if (strcmp(text_of(other, "id"), id) == 0)
			return true;
	}
	return false;
}

json_t *approval_list(struct supervisor *supervisor, const char *sandbox)
{
	json_t *entries = policy_log_view(supervisor->policy_log, sandbox);
	json_t *list = json_array();
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		json_t *approval = make(supervisor, entry);

		/* one host may have been asked for on several ways */
		if (approval != NULL && !has_id(list, text_of(approval, "id")) &&
		    json_array_size(list) < APPROVALS_MAX)
			(void)json_array_append(list, approval);
		json_decref(approval);
	}
	json_decref(entries);
	return list;
}

int approval_find(struct supervisor *supervisor, const char *id, json_t **ret, struct err *err)
{
	json_t *list = approval_list(supervisor, NULL), *found = NULL, *item;
	unsigned count = 0;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(text_of(item, "id"), id) != 0 &&
		    strcmp(text_of(item, "resource"), id) != 0)
			continue;
		found = item;
		count++;
	}
	if (count == 1)
		*ret = json_incref(found);
	json_decref(list);
	if (count == 0)
		return err_set(err, -ENOENT,
			       "nothing waits for an approval as '%.80s'; see: sbx policy approval "
			       "ls",
			       id);
	return count == 1
		       ? 0
		       : err_set(err, -EINVAL, "'%.80s' waits in several sandboxes; use an id", id);
}
