/*
 * What the proxy of the host's network answers: to CONNECT, and to SOCKS5 with and without a
 * login; in pieces as its first bytes choose. It takes no more than it was given, asks for more
 * without end of no answer, and is open once.
 */
#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "sbx-proxy/upstream.h"
#include "tests/fuzz/fuzz.h"

static const char *const urls[] = { "http://proxy:3128", "http://u%3a:p%40@proxy:3128",
				    "socks5://proxy:1080", "socks5h://user:word@proxy:1080" };
static const char *const hosts[] = { "example.com", "192.0.2.7", "2001:db8::7" };

static void hear(struct upstream_talk *talk, const uint8_t *data, size_t size, size_t step)
{
	struct err err = ERR_INIT;
	size_t begin = 0, seen = 0;
	struct buf out;
	int r = 0;

	buf_init(&out, 4096);
	while (r == 0 && seen < size) {
		size_t taken = 0;

		seen += seen + step < size ? step : size - seen;
		do {
			r = upstream_hear(talk, data + begin, seen - begin, &taken, &out, &err);
			assert(taken <= seen - begin);
			begin += taken;
		} while (r == 0 && taken > 0);
	}
	assert(r == 0 || r == 1 || r == -EPROTO || r == -ECONNREFUSED);
	assert((r == 1) == (talk->state == UPSTREAM_OPEN));
	assert(r >= 0 || err.text[0] != '\0');
	buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upstream upstream;
	struct upstream_talk talk;
	struct buf out;
	char text[256];
	size_t len;

	if (size < 2)
		return 0;
	/* What the variable of the environment may say, too. */
	len = size - 2 < sizeof(text) - 1 ? size - 2 : sizeof(text) - 1;
	for (size_t i = 0; i < len; i++)
		text[i] = (char)data[2 + i];
	text[len] = '\0';
	if (upstream_parse(text, &upstream) == 0)
		upstream_finish(&upstream);
	assert(upstream_parse(urls[data[0] % 4], &upstream) == 0);
	buf_init(&out, 4096);
	assert(upstream_begin(&talk, &upstream, hosts[data[0] / 4 % 3], 443, &out) == 0);
	buf_finish(&out);
	hear(&talk, data + 2, size - 2, data[1] % 64 + 1U);
	upstream_finish(&upstream);
	return 0;
}
