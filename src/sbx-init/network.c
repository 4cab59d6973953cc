/*
 * rtnetlink(7): each change is one message, answered by one message. Nothing
 * is discovered: no router, no duplicate address, no link-local address; the
 * other end knows one guest by one address of each family.
 */
#include "sbx-init/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "net/link.h"

enum { BODY_MAX = 128, ANSWER_MAX = 1024, ADDRESS_MAX = 16 };

struct message {
	struct nlmsghdr header;
	uint8_t body[BODY_MAX];
};

static const struct setting {
	const char *path, *value;
} settings[] = {
	{ "/proc/sys/net/ipv6/conf/" NETWORK_INTERFACE "/accept_ra", "0" },
	{ "/proc/sys/net/ipv6/conf/" NETWORK_INTERFACE "/accept_dad", "0" },
	{ "/proc/sys/net/ipv6/conf/" NETWORK_INTERFACE "/addr_gen_mode", "1" },
	{ "/proc/sys/net/ipv6/conf/" NETWORK_INTERFACE "/router_solicitations", "0" },
	/* A published port reaches servers that listen on the guest's loopback only. */
	{ "/proc/sys/net/ipv4/conf/" NETWORK_INTERFACE "/route_localnet", "1" },
};

static void message_init(struct message *message, uint16_t type, uint16_t flags, const void *body,
			 size_t len)
{
	*message = (struct message){
		.header = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(len),
			    .nlmsg_type = type,
			    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags) },
	};
	memcpy(message->body, body, len);
}

/* All that is added here fits: two addresses at most. */
static void message_add(struct message *message, uint16_t type, const void *value, size_t len)
{
	size_t at = NLMSG_ALIGN(message->header.nlmsg_len) - sizeof(message->header);
	struct rtattr attribute = { .rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type };

	memcpy(message->body + at, &attribute, sizeof(attribute));
	memcpy(message->body + at + RTA_LENGTH(0), value, len);
	message->header.nlmsg_len =
		(uint32_t)(sizeof(message->header) + at + RTA_ALIGN(attribute.rta_len));
}

/* Sends one change and takes its answer: 0 or why the kernel refused it. */
static int transact(int fd, const struct message *message)
{
	union {
		struct nlmsghdr header;
		uint8_t room[ANSWER_MAX];
	} answer;
	struct nlmsgerr result;
	ssize_t n;

	if (send(fd, message, message->header.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(result)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	memcpy(&result, answer.room + NLMSG_HDRLEN, sizeof(result));
	return result.error == -EEXIST ? 0 : result.error;
}

/* mtu 0: as it is. */
static int raise_link(int fd, unsigned index, uint32_t mtu)
{
	struct ifinfomsg body = { .ifi_index = (int)index,
				  .ifi_flags = IFF_UP,
				  .ifi_change = IFF_UP };
	struct message message;

	message_init(&message, RTM_NEWLINK, 0, &body, sizeof(body));
	if (mtu > 0)
		message_add(&message, IFLA_MTU, &mtu, sizeof(mtu));
	return transact(fd, &message);
}

static size_t parse_address(int family, const char *text, uint8_t ret[ADDRESS_MAX])
{
	(void)inet_pton(family, text, ret);
	return family == AF_INET ? 4 : 16;
}

static int add_address(int fd, unsigned index, int family, const char *text, uint8_t prefix)
{
	struct ifaddrmsg body = { .ifa_family = (uint8_t)family,
				  .ifa_prefixlen = prefix,
				  .ifa_flags = IFA_F_NODAD,
				  .ifa_index = index };
	uint8_t address[ADDRESS_MAX];
	size_t len = parse_address(family, text, address);
	struct message message;

	message_init(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	message_add(&message, IFA_LOCAL, address, len);
	message_add(&message, IFA_ADDRESS, address, len);
	return transact(fd, &message);
}

static int add_default_route(int fd, unsigned index, int family, const char *gateway)
{
	struct rtmsg body = { .rtm_family = (uint8_t)family,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_BOOT,
			      .rtm_type = RTN_UNICAST };
	uint8_t address[ADDRESS_MAX];
	size_t len = parse_address(family, gateway, address);
	int out = (int)index;
	struct message message;

	message_init(&message, RTM_NEWROUTE, NLM_F_CREATE, &body, sizeof(body));
	message_add(&message, RTA_GATEWAY, address, len);
	message_add(&message, RTA_OIF, &out, sizeof(out));
	return transact(fd, &message);
}

static void apply_settings(void)
{
	for (size_t i = 0; i < countof(settings); i++) {
		autoclose int fd = open(settings[i].path, O_WRONLY | O_CLOEXEC);

		if (fd >= 0)
			(void)fd_write_full(fd, settings[i].value, strlen(settings[i].value));
	}
}

static int raise_network(int fd, unsigned index)
{
	static const struct {
		int family;
		uint8_t prefix;
		const char *guest, *gateway;
	} rows[] = {
		{ AF_INET, LINK_PREFIX4, LINK_GUEST4, LINK_GATEWAY4 },
		{ AF_INET6, LINK_PREFIX6, LINK_GUEST6, LINK_GATEWAY6 },
	};
	int r;

	apply_settings();
	r = raise_link(fd, index, LINK_MTU);
	for (size_t i = 0; r == 0 && i < countof(rows); i++) {
		r = add_address(fd, index, rows[i].family, rows[i].guest, rows[i].prefix);
		if (r == 0)
			r = add_default_route(fd, index, rows[i].family, rows[i].gateway);
	}
	return r;
}

bool network_exists(void)
{
	return if_nametoindex(NETWORK_INTERFACE) != 0;
}

int network_raise(struct err *err)
{
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	unsigned index = if_nametoindex(NETWORK_INTERFACE);
	int r = fd < 0 ? -errno : raise_link(fd, if_nametoindex("lo"), 0);

	if (r < 0)
		return err_set_errno(err, r, "cannot bring up the loopback interface");
	if (index == 0)
		return 0;
	r = raise_network(fd, index);
	return r < 0 ? err_set_errno(err, r, "cannot bring up the network") : 0;
}
