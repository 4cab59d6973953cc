#include "sbx-proxy/tunnel.h"

#include <errno.h>
#include <sys/types.h>

#include "sbx-proxy/channel.h"

enum { ROUNDS = 16 /* reads in a row; then others on the loop have their turn */ };

static void half_init(struct tunnel_half *half, struct channel *from, struct channel *to,
		      size_t max)
{
	*half = (struct tunnel_half){ .from = from, .to = to };
	buf_init(&half->held, max);
}

void tunnel_init(struct tunnel *tunnel, struct channel *guest, struct channel *origin,
		 void *scratch, size_t scratch_size)
{
	*tunnel = (struct tunnel){ .scratch = scratch, .scratch_size = scratch_size };
	half_init(&tunnel->up, guest, origin, scratch_size);
	half_init(&tunnel->down, origin, guest, scratch_size);
}

void tunnel_finish(struct tunnel *tunnel)
{
	buf_finish(&tunnel->up.held);
	buf_finish(&tunnel->down.held);
}

/* What was held first; 0: all is gone, -EAGAIN, -errno. */
static int send_held(struct tunnel_half *half)
{
	while (half->held.len > 0) {
		ssize_t n = channel_write(half->to, half->held.data, half->held.len);

		if (n < 0)
			return (int)n;
		buf_consume(&half->held, (size_t)n);
	}
	buf_finish(&half->held);
	return 0;
}

/* One read, and what of it the other end takes. 1, 0 at the end, -EAGAIN, -errno. */
static int carry(struct tunnel *tunnel, struct tunnel_half *half)
{
	ssize_t len = channel_read(half->from, tunnel->scratch, tunnel->scratch_size);
	ssize_t sent = 0;

	if (len <= 0)
		return (int)len;
	tunnel->bytes += (uint64_t)len;
	while (sent < len) {
		ssize_t n = channel_write(half->to, tunnel->scratch + sent, (size_t)(len - sent));

		if (n == -EAGAIN)
			return buf_append(&half->held, tunnel->scratch + sent,
					  (size_t)(len - sent)) < 0
				       ? -ENOMEM
				       : -EAGAIN;
		if (n < 0)
			return (int)n;
		sent += n;
	}
	return 1;
}

static int move_half(struct tunnel *tunnel, struct tunnel_half *half)
{
	int r = half->is_over ? -EAGAIN : send_held(half);

	if (r < 0)
		return r;
	r = 1;
	for (int i = 0; i < ROUNDS && r > 0; i++)
		r = carry(tunnel, half);
	if (r == 0) {
		half->is_over = true;
		channel_end_write(half->to);
	}
	return r;
}

static bool wants_to_read(const struct tunnel_half *half)
{
	return !half->is_over && half->held.len == 0;
}

int tunnel_move(struct tunnel *tunnel)
{
	int up = move_half(tunnel, &tunnel->up);
	int down = move_half(tunnel, &tunnel->down);

	if (up < 0 && up != -EAGAIN)
		return up;
	if (down < 0 && down != -EAGAIN)
		return down;
	if (tunnel->up.is_over && tunnel->down.is_over)
		return 0;
	channel_wait(tunnel->up.from, wants_to_read(&tunnel->up), tunnel->down.held.len > 0);
	channel_wait(tunnel->down.from, wants_to_read(&tunnel->down), tunnel->up.held.len > 0);
	return 1;
}
