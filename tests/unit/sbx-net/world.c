/* The namespace of the test: loopback with addresses that look public. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/sbx-net/card.h"
#include <fcntl.h>

static int write_map(const char *path, unsigned id)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%u %u 1\n", id, id);
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, (size_t)len) == len ? 0 : -errno;
}

static int enter_namespaces(void)
{
	unsigned uid = getuid(), gid = getgid();
	autoclose int deny = -1;
	int r;

	if (uid == 0)
		return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -errno;
	deny = open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC);
	if (deny >= 0)
		(void)!write(deny, "deny", 4);
	r = write_map("/proc/self/uid_map", uid);
	return r == 0 ? write_map("/proc/self/gid_map", gid) : r;
}

static int loopback_up(void)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : -errno;
}

static int add_address(const char *text)
{
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct ifaddrmsg body;
		uint8_t attributes[64];
	} request = { .head = { .nlmsg_type = RTM_NEWADDR,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK },
		      .body = { .ifa_index = 1, .ifa_flags = IFA_F_NODAD } };
	const struct endpoint endpoint = { .address = endpoint_of(text).address };
	size_t size = endpoint.address.family == ADDRESS_V4 ? 4 : 16;
	struct rtattr *attribute = (struct rtattr *)request.attributes;
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t rest[512];
	} reply;

	request.body.ifa_family = size == 4 ? AF_INET : AF_INET6;
	request.body.ifa_prefixlen = (uint8_t)(size * 8);
	attribute->rta_type = IFA_LOCAL;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), endpoint.address.bytes, size);
	request.head.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(request.body)) + RTA_SPACE(size));
	if (fd < 0 || send(fd, &request, request.head.nlmsg_len, 0) < 0 ||
	    recv(fd, &reply, sizeof(reply), 0) < 0)
		return -errno;
	return reply.head.nlmsg_type == NLMSG_ERROR ? reply.error.error : -EPROTO;
}

const char *card_enter_world(void)
{
	int r = enter_namespaces();

	if (r < 0)
		return "no network namespace can be made here";
	if (loopback_up() < 0 || add_address(CARD_PEER4 ":0") < 0 ||
	    add_address(CARD_OTHER4 ":0") < 0)
		return "the loopback of a namespace cannot be configured here";
	(void)add_address("[" CARD_PEER6 "]:0"); /* a kernel without IPv6 does without */
	return NULL;
}
