/*
 * load up|down|connect ADDRESS PORT: one load of the network, from inside a guest, towards
 * the server of bench-net. up and down move LOAD_MIB, connect opens connections one
 * after another and waits for the end of each. Static, so that it needs nothing else.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LOAD_MIB = 256,
	LOAD_CONNECTIONS = 500,
	PIECE = 1 << 20,
	ENDS_AT = 3, /* ports behind the first */
};

#define LOAD_BYTES ((uint64_t)LOAD_MIB << 20)

static uint8_t piece[PIECE];

static int open_to(const char *address, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "no connection to %s:%u", address, port);
	return fd;
}

/* Until the other end has taken all and closed. */
static void await_end(int fd)
{
	while (read(fd, piece, sizeof(piece)) > 0)
		;
	(void)close(fd);
}

static void up(const char *address, unsigned port)
{
	int fd = open_to(address, port);

	for (uint64_t left = LOAD_BYTES; left > 0;) {
		ssize_t n = write(fd, piece, left < PIECE ? (size_t)left : PIECE);

		if (n <= 0)
			err(1, "write");
		left -= (uint64_t)n;
	}
	(void)shutdown(fd, SHUT_WR);
	await_end(fd);
}

static void down(const char *address, unsigned port)
{
	int fd = open_to(address, port + 1);

	for (uint64_t left = LOAD_BYTES; left > 0;) {
		ssize_t n = read(fd, piece, left < PIECE ? (size_t)left : PIECE);

		if (n <= 0)
			err(1, "read");
		left -= (uint64_t)n;
	}
	(void)close(fd);
}

int main(int argc, char **argv)
{
	unsigned port = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

	if (argc != 4)
		errx(2, "load up|down|connect ADDRESS PORT");
	if (strcmp(argv[1], "up") == 0)
		up(argv[2], port);
	else if (strcmp(argv[1], "down") == 0)
		down(argv[2], port);
	for (int i = 0; i < LOAD_CONNECTIONS && strcmp(argv[1], "connect") == 0; i++)
		await_end(open_to(argv[2], port + ENDS_AT));
	return 0;
}
