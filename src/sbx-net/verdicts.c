#include "sbx-net/verdicts.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/link.h"
#include "sbx-net/decide.h"
#include "sbx-net/place.h"

void verdicts_init(struct verdicts *verdicts, struct loop *loop,
		   int (*send)(void *owner, const struct net_verdict *verdict), void *owner)
{
	*verdicts = (struct verdicts){ .loop = loop, .send = send, .owner = owner };
}

void verdicts_finish(struct verdicts *verdicts)
{
	loop_disarm(&verdicts->timer);
	for (size_t i = 0; i < verdicts->count; i++)
		net_verdict_finish(&verdicts->entry[i].verdict);
	verdicts->count = 0;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211ull;
	return hash * 31 + (text != NULL);
}

static uint64_t hash_of(const struct net_verdict *verdict)
{
	uint64_t hash = 14695981039346656037ull;

	hash = hash * 31 + verdict->decision;
	hash = hash * 31 + verdict->protocol;
	hash = hash * 31 + verdict->path_kind;
	hash = hash * 31 + verdict->port;
	hash = hash_text(hash, verdict->name);
	hash = hash_text(hash, verdict->address);
	hash = hash_text(hash, verdict->rule);
	return hash_text(hash, verdict->text);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same(const struct net_verdict *a, const struct net_verdict *b)
{
	return a->decision == b->decision && a->protocol == b->protocol &&
	       a->path_kind == b->path_kind && a->port == b->port &&
	       is_same_text(a->name, b->name) && is_same_text(a->address, b->address) &&
	       is_same_text(a->rule, b->rule) && is_same_text(a->text, b->text);
}

/* Forgets entries that were told and whose window is over, when there is no other room. */
static void make_room(struct verdicts *verdicts, uint64_t now_ms)
{
	size_t kept = 0;

	if (verdicts->count < VERDICTS_MAX)
		return;
	for (size_t i = 0; i < verdicts->count; i++) {
		struct verdict_entry *entry = &verdicts->entry[i];

		if (entry->verdict.count == 0 && entry->due_ms <= now_ms)
			net_verdict_finish(&entry->verdict);
		else
			verdicts->entry[kept++] = *entry;
	}
	verdicts->count = kept;
}

static char *copy(const char *text, bool *ok)
{
	char *copied = text == NULL ? NULL : strdup(text);

	*ok &= (text == NULL) == (copied == NULL);
	return copied;
}

static void add_entry(struct verdicts *verdicts, const struct net_verdict *verdict, uint64_t hash)
{
	struct verdict_entry entry = { .verdict = *verdict, .hash = hash };
	bool ok = true;

	entry.verdict.name = copy(verdict->name, &ok);
	entry.verdict.address = copy(verdict->address, &ok);
	entry.verdict.rule = copy(verdict->rule, &ok);
	entry.verdict.text = copy(verdict->text, &ok);
	entry.verdict.count = 1;
	if (!ok || verdicts->count == VERDICTS_MAX) {
		net_verdict_finish(&entry.verdict);
		verdicts->lost++;
		return;
	}
	verdicts->entry[verdicts->count++] = entry;
}

static void gather(struct verdicts *verdicts, const struct net_verdict *verdict)
{
	uint64_t hash = hash_of(verdict);

	for (size_t i = 0; i < verdicts->count; i++) {
		struct verdict_entry *entry = &verdicts->entry[i];

		if (entry->hash == hash && is_same(&entry->verdict, verdict)) {
			entry->verdict.count++;
			return;
		}
	}
	make_room(verdicts, clock_now_ms());
	add_entry(verdicts, verdict, hash);
}

static int send_lost(struct verdicts *verdicts)
{
	static char text[] = "more happened than could be remembered while sbxd was away";
	const struct net_verdict verdict = { .decision = POLICY_DENY,
					     .path_kind = NET_PATH_NETWORK,
					     .count = verdicts->lost,
					     .text = text };
	int r = verdicts->lost == 0 ? 0 : verdicts->send(verdicts->owner, &verdict);

	if (r == 0)
		verdicts->lost = 0;
	return r;
}

static void due(struct loop_timer *timer)
{
	verdicts_resume(container_of(timer, struct verdicts, timer));
}

void verdicts_resume(struct verdicts *verdicts)
{
	uint64_t now_ms = clock_now_ms(), next = UINT64_MAX;
	int r = send_lost(verdicts);

	for (size_t i = 0; i < verdicts->count && r == 0; i++) {
		struct verdict_entry *entry = &verdicts->entry[i];

		if (entry->verdict.count == 0)
			continue;
		if (entry->due_ms > now_ms) {
			next = min_of(next, entry->due_ms);
			continue;
		}
		r = verdicts->send(verdicts->owner, &entry->verdict);
		if (r < 0)
			break;
		entry->verdict.count = 0;
		entry->due_ms = now_ms + VERDICTS_WINDOW_MS;
	}
	if (r == 0 && next != UINT64_MAX)
		loop_arm(verdicts->loop, &verdicts->timer, next, due);
}

void verdicts_add(struct verdicts *verdicts, const struct policy_verdict *verdict,
		  const struct verdict_event *event)
{
	char address[ADDRESS_TEXT_MAX];
	const struct net_verdict whole = {
		.decision = verdict->decision,
		.deny_kind = verdict->kind,
		.protocol = event->protocol,
		.path_kind = event->path,
		.port = event->to.port,
		.name = (char *)event->name,
		.address = event->to.address.family == ADDRESS_NONE ? NULL : address,
		.rule = verdict->rule == NULL ? NULL : (char *)verdict->rule->id,
		.text = (char *)verdict->sentence,
	};

	address_format(&event->to.address, address);
	gather(verdicts, &whole);
	verdicts_resume(verdicts);
}

void verdicts_connection(struct verdicts *verdicts, const struct ruling *ruling,
			 const struct endpoint *to, enum policy_protocol protocol)
{
	struct verdict_event event = { .to = *to, .protocol = protocol, .path = NET_PATH_NETWORK };

	if (place_of(&to->address) == PLACE_HOST)
		event.name = LINK_HOST_NAME;
	else if (ruling->pin != NULL)
		event.name = dns_pin_name(ruling->pin);
	verdicts_add(verdicts, &ruling->verdict, &event);
}
