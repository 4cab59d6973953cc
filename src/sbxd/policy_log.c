#include "sbxd/policy_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/list.h"
#include "policy/policy.h"
#include "sbxd/name.h"
#include "sbxd/paths.h"
#include "sbxd/supervisor.h"
#include "wire/net.h"

enum { WRITE_PAUSE_S = 1, TEXT_SHOWN = 400 };

static const char suffix[] = ".json";

/* The entries of one sandbox: a JSON array, the latest first, which is what is on disk. */
struct log {
	struct list node;
	char name[NAME_SIZE];
	json_t *entries; /* owned */
	bool is_dirty;
};

struct policy_log {
	char *folder; /* owned */
	pthread_mutex_t lock;
	struct list logs; /* the one used latest first */
	size_t count;
	pthread_cond_t dirtied;
	pthread_t writer;
	bool has_writer, is_dirty, is_ending;
};

static struct log *of_node(struct list *node)
{
	return container_of(node, struct log, node);
}

static char *path_of(const struct policy_log *log, const char *name)
{
	char file[NAME_SIZE + sizeof(suffix)];

	(void)snprintf(file, sizeof(file), "%s%s", name, suffix);
	return path_join(log->folder, file);
}

static void drop(struct policy_log *log, struct log *one)
{
	list_remove(&one->node);
	json_decref(one->entries);
	free(one);
	log->count--;
}

static struct log *find(struct policy_log *log, const char *name)
{
	list_for_each (node, tmp, &log->logs)
		if (strcmp(of_node(node)->name, name) == 0)
			return of_node(node);
	return NULL;
}

static struct log *find_or_add(struct policy_log *log, const char *name)
{
	struct log *one = find(log, name);

	if (one != NULL)
		return one;
	if (log->count == POLICY_LOG_SANDBOXES) {
		struct log *oldest = of_node(log->logs.prev);
		autofree char *path = path_of(log, oldest->name);

		if (path != NULL)
			(void)unlink(path);
		drop(log, oldest);
	}
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return NULL;
	one->entries = json_array();
	if (one->entries == NULL) {
		free(one);
		return NULL;
	}
	(void)snprintf(one->name, sizeof(one->name), "%s", name);
	list_append(log->logs.next, &one->node);
	log->count++;
	return one;
}

static const char *path_name(uint32_t path)
{
	switch (path) {
	case NET_PATH_FORWARD:
		return "forward";
	case NET_PATH_FORWARD_BYPASS:
		return "forward-bypass";
	case NET_PATH_TRANSPARENT:
		return "transparent";
	case NET_PATH_DNS:
		return "dns";
	default:
		return "network";
	}
}

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[POLICY_NOT_DENIED] = "",	[POLICY_IMPLICIT] = "implicit",
		[POLICY_EXPLICIT] = "explicit", [POLICY_CEILING] = "ceiling",
		[POLICY_UNSAFE] = "unsafe",	[POLICY_MALFORMED] = "malformed",
	};

	return kind < countof(names) ? names[kind] : "malformed";
}

/* "example.com:443", "[2001:db8::1]:22"; a resolver's question has no port. */
static void format_host(const struct net_verdict *verdict, char *ret, size_t size)
{
	const char *host = verdict->name != NULL ? verdict->name : verdict->address;
	bool is_v6 = host != NULL && strchr(host, ':') != NULL;
	size_t len;

	(void)snprintf(ret, size, is_v6 ? "[%s]" : "%s", host == NULL ? "?" : host);
	len = strlen(ret);
	if (verdict->port != 0)
		(void)snprintf(ret + len, size - len, ":%u", verdict->port);
}

/* Text may come from a guest: what is not printable ASCII becomes '?', and it has an end. */
static void set_text(json_t *entry, const char *member, const char *text)
{
	char clean[TEXT_SHOWN + 1];
	size_t len = 0;

	if (text == NULL)
		return;
	for (; text[len] != '\0' && len < TEXT_SHOWN; len++)
		clean[len] = text[len] < ' ' || text[len] > '~' ? '?' : text[len];
	clean[len] = '\0';
	(void)json_object_set_new(entry, member, json_string(clean));
}

/* An entry without its count and times. */
static json_t *make_entry(const char *sandbox, const struct net_verdict *verdict)
{
	char host[TEXT_SHOWN];
	json_t *entry = json_object();

	format_host(verdict, host, sizeof(host));
	set_text(entry, "sandbox", sandbox);
	set_text(entry, "host", host);
	set_text(entry, "name", verdict->name);
	set_text(entry, "address", verdict->address);
	(void)json_object_set_new(entry, "port", json_integer(verdict->port));
	set_text(entry, "protocol", verdict->protocol == POLICY_UDP ? "udp" : "tcp");
	set_text(entry, "proxy_type", path_name(verdict->path_kind));
	set_text(entry, "decision", verdict->decision == POLICY_ALLOW ? "allow" : "deny");
	set_text(entry, "deny_kind", kind_name(verdict->deny_kind));
	set_text(entry, "rule", verdict->rule);
	set_text(entry, "reason", verdict->text);
	set_text(entry, "method", verdict->method);
	set_text(entry, "path", verdict->path);
	return entry;
}

static bool has_same(const json_t *a, const json_t *b, const char *member)
{
	const json_t *x = json_object_get(a, member), *y = json_object_get(b, member);

	return x == y || (x != NULL && y != NULL && json_equal(x, y));
}

/* Addresses, reasons and HTTP paths vary; they are those of the latest. */
static bool is_same(const json_t *a, const json_t *b)
{
	static const char *const members[] = { "host",	    "protocol", "proxy_type", "decision",
					       "deny_kind", "rule",	"method" };

	for (size_t i = 0; i < countof(members); i++)
		if (!has_same(a, b, members[i]))
			return false;
	return true;
}

static size_t find_entry(const json_t *entries, const json_t *entry)
{
	const json_t *other;
	size_t i;

	json_array_foreach((json_t *)entries, i, other)
	{
		if (is_same(other, entry))
			return i;
	}
	return SIZE_MAX;
}

static json_int_t number_of(const json_t *entry, const char *member)
{
	return json_integer_value(json_object_get(entry, member));
}

/* Puts the entry first, with the count and the beginning of the one that it follows. */
static void enter(json_t *entries, json_t *entry, uint64_t count, int64_t now)
{
	size_t at = find_entry(entries, entry);
	json_int_t before = 0, since = now;

	if (at != SIZE_MAX) {
		const json_t *other = json_array_get(entries, at);

		before = number_of(other, "count");
		since = number_of(other, "since");
		(void)json_array_remove(entries, at);
	}
	count = count == 0 ? 1 : min_of(count, (uint64_t)INT32_MAX);
	(void)json_object_set_new(entry, "count", json_integer(before + (json_int_t)count));
	(void)json_object_set_new(entry, "since", json_integer(since));
	(void)json_object_set_new(entry, "last_seen", json_integer(now));
	(void)json_array_insert(entries, 0, entry);
	while (json_array_size(entries) > POLICY_LOG_ENTRIES)
		(void)json_array_remove(entries, json_array_size(entries) - 1);
}

void policy_log_add(struct policy_log *log, const char *sandbox, const struct net_verdict *verdict,
		    int64_t now)
{
	json_t *entry = make_entry(sandbox, verdict);
	struct log *one;

	if (entry == NULL)
		return;
	(void)pthread_mutex_lock(&log->lock);
	one = find_or_add(log, sandbox);
	if (one != NULL) {
		enter(one->entries, entry, verdict->count, now);
		list_remove(&one->node);
		list_append(log->logs.next, &one->node);
		one->is_dirty = log->is_dirty = true;
		(void)pthread_cond_signal(&log->dirtied);
	}
	(void)pthread_mutex_unlock(&log->lock);
	json_decref(entry);
}

void policy_log_take(struct supervisor *supervisor, const char *sandbox,
		     const struct net_verdict *verdict)
{
	json_t *entry;

	policy_log_add(supervisor->policy_log, sandbox, verdict, time(NULL));
	entry = make_entry(sandbox, verdict);
	if (entry == NULL)
		return;
	(void)json_object_set_new(entry, "count",
				  json_integer((json_int_t)max_of(verdict->count, 1u)));
	supervisor_audit(supervisor, "network", sandbox, entry);
}

/* Writes one log that needs it; false when none does. The lock is held, but not over I/O. */
static bool write_one(struct policy_log *log)
{
	struct log *dirty = NULL;
	autofree char *path = NULL, *text = NULL;

	list_for_each (node, tmp, &log->logs)
		if (of_node(node)->is_dirty)
			dirty = of_node(node);
	if (dirty == NULL)
		return false;
	dirty->is_dirty = false;
	path = path_of(log, dirty->name);
	text = json_dumps(dirty->entries, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)pthread_mutex_unlock(&log->lock);
	if (path != NULL && text != NULL)
		(void)file_write(AT_FDCWD, path, text, strlen(text), 0600);
	(void)pthread_mutex_lock(&log->lock);
	return true;
}

/* A second's pause in which more may come; the end of the log cuts it short. */
static void pause_writing(struct policy_log *log)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WRITE_PAUSE_S;
	while (!log->is_ending && pthread_cond_timedwait(&log->dirtied, &log->lock, &until) == 0)
		;
}

static void *write_logs(void *argument)
{
	struct policy_log *log = argument;

	(void)pthread_mutex_lock(&log->lock);
	while (!log->is_ending || log->is_dirty) {
		if (!log->is_dirty) {
			(void)pthread_cond_wait(&log->dirtied, &log->lock);
			continue;
		}
		log->is_dirty = false;
		for (size_t left = log->count; left > 0 && write_one(log); left--)
			;
		pause_writing(log);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return NULL;
}

static bool is_entry(const json_t *entry)
{
	const char *sandbox, *host, *decision;
	json_int_t count, since, last;

	return json_unpack((json_t *)entry, "{ss ss ss sI sI sI}", "sandbox", &sandbox, "host",
			   &host, "decision", &decision, "count", &count, "since", &since,
			   "last_seen", &last) == 0;
}

static bool are_entries(const json_t *entries)
{
	const json_t *entry;
	size_t i;

	if (!json_is_array(entries) || json_array_size(entries) > POLICY_LOG_ENTRIES)
		return false;
	json_array_foreach((json_t *)entries, i, entry)
	{
		if (!is_entry(entry))
			return false;
	}
	return true;
}

/* A log is no reason not to start: one that cannot be read makes place for a new one. */
static void load_one(struct policy_log *log, const char *name)
{
	autocall(buf_finish) struct buf text;
	autofree char *path = path_of(log, name);
	json_t *entries = NULL;
	struct log *one;

	buf_init(&text, POLICY_LOG_BYTES_MAX);
	if (path != NULL && file_read(AT_FDCWD, path, &text) == 0)
		entries =
			json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	one = are_entries(entries) ? find_or_add(log, name) : NULL;
	if (one != NULL) {
		json_decref(one->entries);
		one->entries = json_incref(entries);
	}
	json_decref(entries);
}

static int load_all(struct policy_log *log)
{
	DIR *dir = opendir(log->folder);
	const struct dirent *entry;
	size_t tail = sizeof(suffix) - 1;

	if (dir == NULL)
		return -errno;
	while ((entry = readdir(dir)) != NULL && log->count < POLICY_LOG_SANDBOXES) {
		size_t len = strlen(entry->d_name);
		char name[NAME_SIZE];

		if (len <= tail || len - tail >= sizeof(name) ||
		    strcmp(entry->d_name + len - tail, suffix) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(len - tail), entry->d_name);
		if (name_is_valid(name))
			load_one(log, name);
	}
	(void)closedir(dir);
	return 0;
}

int policy_log_create(const char *state, struct policy_log **ret, struct err *err)
{
	struct policy_log *log = calloc(1, sizeof(*log));
	int r;

	if (log == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	list_init(&log->logs);
	(void)pthread_mutex_init(&log->lock, NULL);
	(void)pthread_cond_init(&log->dirtied, NULL);
	log->folder = path_join(state, "policy/log");
	r = log->folder == NULL ? -ENOMEM : file_make_folders(log->folder, 0700);
	if (r == 0)
		r = load_all(log);
	if (r == 0 && pthread_create(&log->writer, NULL, write_logs, log) != 0)
		r = -EAGAIN;
	log->has_writer = r == 0;
	if (r < 0) {
		policy_log_destroy(log);
		return err_set_errno(err, r, "cannot read the policy log below '%s'", state);
	}
	*ret = log;
	return 0;
}

void policy_log_destroy(struct policy_log *log)
{
	if (log == NULL)
		return;
	(void)pthread_mutex_lock(&log->lock);
	log->is_ending = true;
	(void)pthread_cond_signal(&log->dirtied);
	(void)pthread_mutex_unlock(&log->lock);
	if (log->has_writer)
		(void)pthread_join(log->writer, NULL);
	list_for_each (node, tmp, &log->logs)
		drop(log, of_node(node));
	(void)pthread_cond_destroy(&log->dirtied);
	(void)pthread_mutex_destroy(&log->lock);
	free(log->folder);
	free(log);
}

json_t *policy_log_view(struct policy_log *log, const char *sandbox)
{
	json_t *all = json_array();

	(void)pthread_mutex_lock(&log->lock);
	list_for_each (node, tmp, &log->logs) {
		const struct log *one = of_node(node);
		const json_t *entry;
		size_t i;

		if (sandbox != NULL && strcmp(one->name, sandbox) != 0)
			continue;
		json_array_foreach((json_t *)one->entries, i, entry)
		{
			(void)json_array_append_new(all, json_deep_copy(entry));
		}
	}
	(void)pthread_mutex_unlock(&log->lock);
	return all;
}

void policy_log_clear(struct policy_log *log, const char *sandbox)
{
	(void)pthread_mutex_lock(&log->lock);
	list_for_each (node, tmp, &log->logs) {
		struct log *one = of_node(node);

		if (sandbox != NULL && strcmp(one->name, sandbox) != 0)
			continue;
		(void)json_array_clear(one->entries);
		one->is_dirty = log->is_dirty = true;
	}
	(void)pthread_cond_signal(&log->dirtied);
	(void)pthread_mutex_unlock(&log->lock);
}
