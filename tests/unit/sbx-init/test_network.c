/* The guest's interface, raised in a network namespace of its own. */
#include "sbx-init/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/link.h"
#include "tests/unit/test.h"

enum { NO_NAMESPACE = 77 };

static bool has_address(const char *want)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		char text[INET6_ADDRSTRLEN] = "";

		if (one->ifa_addr == NULL || strcmp(one->ifa_name, NETWORK_INTERFACE) != 0)
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			(void)inet_ntop(AF_INET,
					&((struct sockaddr_in *)(void *)one->ifa_addr)->sin_addr,
					text, sizeof(text));
		else if (one->ifa_addr->sa_family == AF_INET6)
			(void)inet_ntop(AF_INET6,
					&((struct sockaddr_in6 *)(void *)one->ifa_addr)->sin6_addr,
					text, sizeof(text));
		found |= strcmp(text, want) == 0;
	}
	freeifaddrs(all);
	return found;
}

/* Whether a datagram socket finds a route to the address. */
static bool has_route(const char *text, int family)
{
	autoclose int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	if (family == AF_INET)
		return inet_pton(AF_INET, text, &v4.sin_addr) == 1 &&
		       connect(fd, (const struct sockaddr *)&v4, sizeof(v4)) == 0;
	return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 &&
	       connect(fd, (const struct sockaddr *)&v6, sizeof(v6)) == 0;
}

/* An Ethernet interface of that name, by a tap device. */
static int make_interface(void)
{
	struct ifreq request = { .ifr_name = NETWORK_INTERFACE, .ifr_flags = 0x0002 | 0x1000 };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	/* TUNSETIFF of <linux/if_tun.h>, whose names clash with <net/if.h> */
	if (fd < 0 || ioctl(fd, 0x400454ca, &request) < 0)
		return -1;
	return fd;
}

/* 0, or the number of the check that failed. */
static int raise_in_namespace(void)
{
	struct err err = ERR_INIT;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return NO_NAMESPACE;
	if (network_exists() || network_raise(&err) < 0)
		return 1;
	if (make_interface() < 0)
		return NO_NAMESPACE;
	if (!network_exists() || network_raise(&err) < 0) {
		printf("# %s\n", err.text);
		return 2;
	}
	if (!has_address(LINK_GUEST4) || !has_address(LINK_GUEST6))
		return 3;
	if (!has_route("93.184.216.34", AF_INET) || !has_route("2606:2800:220:1::1", AF_INET6))
		return 4;
	/* raised twice, it is as it was */
	return network_raise(&err) < 0 ? 5 : 0;
}

TEST(the_link_is_raised)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(raise_in_namespace());
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NAMESPACE)
		printf("# no namespace or no tap device here\n");
	else
		CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST_MAIN()
