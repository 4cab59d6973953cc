#include "sbxd/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/loop.h"
#include "wire/net.h"
#include "wire/proxy.h"

#define RESOLV_CONF "/etc/resolv.conf"

enum { RESOLV_CONF_MAX = 65536, RESOLVERS_MAX = 8, DNS_PORT = 53, LIST_MAX = 256 };

struct uplink {
	pthread_mutex_t lock;
	struct uplink_facts facts;
	struct loop_watch addresses; /* rtnetlink's news */
	struct loop_watch file;	     /* inotify on the folder of resolv.conf */
	void (*changed)(void *context);
	void *context;
};

/* The first variable that is set, be it to nothing. */
static const char *first_set(const char *const *names)
{
	const char *value = NULL;

	for (; value == NULL && *names != NULL; names++)
		value = getenv(*names);
	return value;
}

/* An address, with a port or without. */
static int add_resolver(const char *text, struct string_list *ret)
{
	struct endpoint endpoint = { .port = DNS_PORT };
	char line[ENDPOINT_TEXT_MAX];

	if (ret->count == RESOLVERS_MAX)
		return 0;
	if (address_parse(text, &endpoint.address) < 0 && endpoint_parse(text, &endpoint) < 0)
		return -EINVAL;
	endpoint_format(&endpoint, line);
	return string_list_add(ret, line);
}

/* resolv.conf(5). What is no address, one with a zone for example, is passed over. */
int uplink_parse_resolv_conf(const char *text, struct string_list *ret)
{
	autofree char *copy = strdup(text);
	char *rest = copy, *line;

	if (copy == NULL)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n")) != NULL) {
		char keyword[16], address[64];

		if (sscanf(line, " %15s %63s", keyword, address) == 2 &&
		    strcmp(keyword, "nameserver") == 0 && add_resolver(address, ret) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* Calls each for every part between commas and blanks. */
static int each_part(const char *text, int (*each)(const char *part, struct string_list *ret),
		     struct string_list *ret)
{
	autofree char *copy = strdup(text);
	char *rest = copy, *part;

	if (copy == NULL)
		return -ENOMEM;
	while ((part = strsep(&rest, ", \t\n")) != NULL)
		if (part[0] != '\0' && each(part, ret) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

int uplink_parse_resolvers(const char *text, struct string_list *ret)
{
	return each_part(text, add_resolver, ret);
}

/* ".corp" and "corp" are the domain and all below it, as curl has it. */
static int add_no_proxy(const char *part, struct string_list *ret)
{
	char below[300];
	const char *name = part[0] == '.' ? part + 1 : part;
	struct address address;
	int r;

	if (ret->count + 2 > LIST_MAX || strlen(name) > 250)
		return 0;
	if (strcmp(part, "*") == 0)
		return string_list_add(ret, "**");
	r = string_list_add(ret, name);
	if (r < 0 || strpbrk(name, "*/:") != NULL || address_parse(name, &address) == 0)
		return r;
	(void)snprintf(below, sizeof(below), "**.%s", name);
	return string_list_add(ret, below);
}

int uplink_parse_no_proxy(const char *text, struct string_list *ret)
{
	return each_part(text, add_no_proxy, ret);
}

char *uplink_without_login(const char *url)
{
	static const char *const schemes[] = { "http://", "socks5://", "socks5h://" };
	const char *authority, *at;
	char *plain = NULL;
	size_t len;

	for (size_t i = 0; i < countof(schemes); i++) {
		if (strncmp(url, schemes[i], strlen(schemes[i])) != 0)
			continue;
		authority = url + strlen(schemes[i]);
		len = strcspn(authority, "/?#");
		at = memrchr(authority, '@', len);
		if (at != NULL) {
			len -= (size_t)(at + 1 - authority);
			authority = at + 1;
		}
		if (len == 0 || len > 300)
			return NULL;
		return asprintf(&plain, "%s%.*s", schemes[i], (int)len, authority) < 0 ? NULL
										       : plain;
	}
	return NULL;
}

static int read_resolvers(struct string_list *ret)
{
	const char *given = getenv("SBX_RESOLVERS");
	autocall(buf_finish) struct buf text = { 0 };
	int r;

	if (given != NULL)
		return uplink_parse_resolvers(given, ret);
	buf_init(&text, RESOLV_CONF_MAX);
	r = file_read(AT_FDCWD, RESOLV_CONF, &text);
	if (r < 0 || buf_str(&text) == NULL)
		return r == -ENOMEM ? r : 0;
	return uplink_parse_resolv_conf(buf_str(&text), ret);
}

static int read_own_addresses(struct string_list *ret)
{
	struct ifaddrs *all = NULL;
	int r = getifaddrs(&all) < 0 ? -errno : 0;

	for (const struct ifaddrs *one = all; r == 0 && one != NULL; one = one->ifa_next) {
		struct sockaddr_storage storage = { 0 };
		char text[ADDRESS_TEXT_MAX];
		struct endpoint endpoint;
		int family = one->ifa_addr == NULL ? AF_UNSPEC : one->ifa_addr->sa_family;

		if ((family != AF_INET && family != AF_INET6) || ret->count == LIST_MAX)
			continue;
		memcpy(&storage, one->ifa_addr,
		       family == AF_INET ? sizeof(struct sockaddr_in)
					 : sizeof(struct sockaddr_in6));
		if (endpoint_from_sockaddr(&storage, &endpoint) < 0)
			continue;
		address_format(&endpoint.address, text);
		r = string_list_add(ret, text);
	}
	freeifaddrs(all);
	return r;
}

static int read_proxy(struct uplink_facts *facts)
{
	static const char *const proxies[] = { "SBX_UPSTREAM_PROXY", "HTTPS_PROXY", "https_proxy",
					       "ALL_PROXY",	     "all_proxy",   NULL };
	static const char *const exceptions[] = { "SBX_NO_PROXY", "NO_PROXY", "no_proxy", NULL };
	const char *url = first_set(proxies), *except = first_set(exceptions);
	autofree char *plain = url == NULL ? NULL : uplink_without_login(url);

	if (plain == NULL)
		return 0;
	facts->upstream = strdup(url);
	if (facts->upstream == NULL)
		return -ENOMEM;
	return except == NULL ? 0 : uplink_parse_no_proxy(except, &facts->no_proxy);
}

static int read_facts(struct uplink_facts *ret)
{
	int r;

	*ret = (struct uplink_facts){ .upstream = NULL };
	r = read_resolvers(&ret->resolvers);
	if (r == 0)
		r = read_own_addresses(&ret->own_addresses);
	if (r == 0)
		r = read_proxy(ret);
	if (r < 0)
		uplink_facts_finish(ret);
	return r;
}

void uplink_facts_finish(struct uplink_facts *facts)
{
	string_list_finish(&facts->resolvers);
	string_list_finish(&facts->own_addresses);
	string_list_finish(&facts->no_proxy);
	if (facts->upstream != NULL)
		explicit_bzero(facts->upstream, strlen(facts->upstream));
	free(facts->upstream);
	*facts = (struct uplink_facts){ .upstream = NULL };
}

static bool are_equal(const struct string_list *a, const struct string_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* The variables stay as they were: only these two can differ. */
bool uplink_refresh(struct uplink *uplink)
{
	struct uplink_facts facts;
	bool is_changed;

	if (read_facts(&facts) < 0)
		return false;
	(void)pthread_mutex_lock(&uplink->lock);
	is_changed = !are_equal(&facts.resolvers, &uplink->facts.resolvers) ||
		     !are_equal(&facts.own_addresses, &uplink->facts.own_addresses);
	uplink_facts_finish(&uplink->facts);
	uplink->facts = facts;
	(void)pthread_mutex_unlock(&uplink->lock);
	return is_changed;
}

int uplink_create(struct uplink **ret)
{
	struct uplink *uplink = calloc(1, sizeof(*uplink));
	int r;

	if (uplink == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&uplink->lock, NULL);
	uplink->addresses.fd = uplink->file.fd = -1;
	r = read_facts(&uplink->facts);
	if (r < 0) {
		uplink_destroy(uplink);
		return r;
	}
	*ret = uplink;
	return 0;
}

static void close_watch(struct loop_watch *watch)
{
	int fd = watch->fd;

	loop_remove(watch);
	if (fd >= 0)
		(void)close(fd);
}

void uplink_destroy(struct uplink *uplink)
{
	if (uplink == NULL)
		return;
	close_watch(&uplink->addresses);
	close_watch(&uplink->file);
	uplink_facts_finish(&uplink->facts);
	(void)pthread_mutex_destroy(&uplink->lock);
	free(uplink);
}

/* Reads the news away: only that there is some counts. */
static void look_again(struct uplink *uplink, int fd)
{
	char news[4096];

	while (read(fd, news, sizeof(news)) > 0)
		;
	if (uplink_refresh(uplink))
		uplink->changed(uplink->context);
}

static void addresses_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	look_again(container_of(watch, struct uplink, addresses), watch->fd);
}

static void file_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	look_again(container_of(watch, struct uplink, file), watch->fd);
}

static int watch_addresses(struct uplink *uplink, struct loop *loop)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	autoclose int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int r;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = loop_add(loop, &uplink->addresses, fd, EPOLLIN, addresses_ready);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

/* The folder, since the file is replaced rather than written. */
static int watch_file(struct uplink *uplink, struct loop *loop)
{
	autoclose int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r;

	if (fd < 0 || inotify_add_watch(fd, "/etc", IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0)
		return -errno;
	r = loop_add(loop, &uplink->file, fd, EPOLLIN, file_ready);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

int uplink_watch(struct uplink *uplink, struct loop *loop, void (*changed)(void *context),
		 void *context)
{
	int r;

	uplink->changed = changed;
	uplink->context = context;
	r = watch_addresses(uplink, loop);
	return r < 0 ? r : watch_file(uplink, loop);
}

int uplink_facts(struct uplink *uplink, struct uplink_facts *ret)
{
	const struct uplink_facts *facts = &uplink->facts;
	struct uplink_facts copy = { .upstream = NULL };
	int r;

	(void)pthread_mutex_lock(&uplink->lock);
	r = string_list_copy(&facts->resolvers, &copy.resolvers);
	if (r == 0)
		r = string_list_copy(&facts->own_addresses, &copy.own_addresses);
	if (r == 0)
		r = string_list_copy(&facts->no_proxy, &copy.no_proxy);
	if (r == 0 && facts->upstream != NULL) {
		copy.upstream = strdup(facts->upstream);
		r = copy.upstream == NULL ? -ENOMEM : 0;
	}
	(void)pthread_mutex_unlock(&uplink->lock);
	if (r < 0)
		uplink_facts_finish(&copy);
	else
		*ret = copy;
	return r;
}

int uplink_append_host(const struct uplink_facts *facts, struct buf *frames)
{
	autofree char *plain =
		facts->upstream == NULL ? NULL : uplink_without_login(facts->upstream);
	const struct net_message message = { .type = NET_HOST,
					     .resolvers = facts->resolvers.items,
					     .own_addresses = facts->own_addresses.items,
					     .no_proxy = facts->no_proxy.items,
					     .upstream = plain };

	return net_message_append(frames, &message);
}

int uplink_append_proxy(const struct uplink_facts *facts, struct buf *frames)
{
	const struct proxy_message message = { .type = PROXY_UPSTREAM, .name = facts->upstream };

	return proxy_message_append(frames, &message);
}
