/*
 * bench-net: the guest of the network benchmark, without a VM.
 *
 *	bench-net serve ADDRESS PORT PORTS
 *	bench-net allow CONTROL_SOCKET
 *	bench-net guest LINK ROW MAC ADDRESS GATEWAY TARGET PORT [COUNT]
 *
 * LINK is vhost:PATH, vhost:DESCRIPTOR or stream:PATH. ROW: up, down (Gbit/s of one
 * stream), connect (connections a second), flows (seconds until COUNT at once have each
 * had their answer). It prints the number, -1 for a failure, and the bytes that were moved
 * since it began, and waits for a line; row flows then resets all, prints again and waits again.
 */
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/net/guest.h"
#include "bench/net/link.h"
#include "bench/net/main.h"

enum {
	WARM_UP_MS = 500,
	SETTLE_MS = 1500,
	MEASURE_MS = 4000,
	PATIENCE_MS = 60000,
	RETRY_MS = 50,
	AT_ONCE = 64, /* connections under way, of row connect */
	PORTS = 64,   /* that the server ends connections on */
};

static struct guest guest;

/* Once around; sends again what seems lost. */
static void turn(unsigned flows)
{
	struct link *link = guest.config.link;

	for (unsigned i = 0; i < flows; i++)
		guest_push(&guest, i);
	link->impl->flush(link);
	if (!guest_step(&guest) && !link->impl->wait(link, 10))
		errx(1, "the backend is gone");
}

static void open_first(void)
{
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;

	(void)guest_open(&guest, 0);
	while (guest.open == 0 && guest.reset == 0 && clock_left_ms(deadline) > 0)
		turn(0);
	if (guest.open == 0)
		errx(1, "no connection: %s", guest.reset > 0 ? "refused" : "no answer");
}

static uint64_t moved(bool up)
{
	return up ? guest.acked : guest.received;
}

static double stream(bool up)
{
	uint64_t begin, bytes;

	open_first();
	if (up)
		guest.flows[0].wants = UINT64_MAX / 2;
	for (begin = clock_now_ms(); clock_now_ms() - begin < WARM_UP_MS; guest_retry(&guest, 0))
		turn(1);
	bytes = moved(up);
	for (begin = clock_now_ms(); clock_now_ms() - begin < MEASURE_MS; guest_retry(&guest, 0))
		turn(1);
	return (double)(moved(up) - bytes) * 8 / 1e6 / (double)(clock_now_ms() - begin);
}

/* Each port is taken again only after all others. */
static double connect_rate(void)
{
	uint64_t begin = clock_now_ms();
	unsigned started = 0;

	guest.config.target_port += 3;
	guest.config.target_ports = PORTS;
	while (clock_now_ms() - begin < MEASURE_MS) {
		while (started - guest.ended - guest.reset < AT_ONCE &&
		       guest_open(&guest, started % GUEST_FLOWS_MAX))
			started++;
		turn(0);
	}
	if (guest.reset > guest.ended / 100)
		warnx("%u of %u connections were reset", guest.reset, started);
	return (double)guest.ended * 1000 / (double)(clock_now_ms() - begin);
}

static void retry_all(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		guest_retry(&guest, i);
		guest_push(&guest, i);
	}
}

/* Seconds until all are open and have had their answer; -1: they never were. */
static double many(unsigned count)
{
	uint64_t begin = clock_now_ms(), deadline = begin + PATIENCE_MS, retried_ms = begin;
	unsigned started = 0, asked = 0;

	while (guest.received < count && guest.reset == 0 && clock_left_ms(deadline) > 0) {
		while (started < count && started - guest.open < AT_ONCE &&
		       guest_open(&guest, started))
			started++;
		for (; asked < started && guest.flows[asked].step == FLOW_OPEN; asked++) {
			guest.flows[asked].wants = 1;
			guest_push(&guest, asked);
			if (guest.flows[asked].nxt == guest.flows[asked].una)
				break; /* no room now */
		}
		turn(0);
		if (clock_now_ms() - retried_ms > RETRY_MS) {
			retry_all(asked);
			retried_ms = clock_now_ms();
		}
	}
	return guest.received < count ? -1 : (double)(clock_now_ms() - begin) / 1000;
}

static void reset_all(unsigned count)
{
	uint64_t begin = clock_now_ms();
	unsigned done = 0;

	while (clock_now_ms() - begin < SETTLE_MS) {
		while (done < count && guest_reset(&guest, done))
			done++;
		turn(0);
	}
}

/* Stays until the caller has seen what it wanted to. */
static void linger(double result)
{
	char line[8];

	(void)printf("%g %" PRIu64 "\n", result, guest.acked + guest.received);
	(void)fflush(stdout);
	(void)!fgets(line, sizeof(line), stdin);
}

static struct link *open_link(const char *text)
{
	if (strncmp(text, "vhost:", 6) == 0)
		return link_vhost(text + 6);
	if (strncmp(text, "stream:", 7) == 0)
		return link_stream(text + 7);
	errx(2, "'%s' is no link", text);
}

static void address(const char *text, uint8_t ret[4])
{
	if (inet_pton(AF_INET, text, ret) != 1)
		errx(2, "'%s' is no address", text);
}

static int run_guest(char **words, unsigned count)
{
	struct guest_config config = { .link = open_link(words[0]), .target_ports = 1 };
	unsigned mac[6];

	if (sscanf(words[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		   &mac[5]) != 6)
		errx(2, "'%s' is no MAC", words[2]);
	for (int i = 0; i < 6; i++)
		config.mac[i] = (uint8_t)mac[i];
	address(words[3], config.address);
	address(words[4], config.gateway);
	address(words[5], config.target);
	config.target_port = (uint16_t)strtoul(words[6], NULL, 10);
	if (!guest_begin(&guest, &config))
		errx(1, "the gateway does not answer");
	if (strcmp(words[1], "up") == 0) {
		linger(stream(true));
	} else if (strcmp(words[1], "down") == 0) {
		guest.config.target_port++;
		linger(stream(false));
	} else if (strcmp(words[1], "connect") == 0) {
		linger(connect_rate());
	} else {
		guest.config.target_port += 2;
		linger(many(count));
		reset_all(count);
		linger(0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
			     (unsigned)strtoul(argv[4], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "allow") == 0)
		return allow(argv[2]);
	if (argc >= 9 && strcmp(argv[1], "guest") == 0)
		return run_guest(argv + 2, argc > 9 ? (unsigned)strtoul(argv[9], NULL, 10) : 1000);
	errx(2, "bench-net serve|allow|guest ...");
}
