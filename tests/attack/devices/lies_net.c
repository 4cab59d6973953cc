#include "tests/attack/devices/liars.h"

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "net/link.h"
#include "tests/attack/devices/victim.h"

enum {
	TX = 1,
	HEADER = sizeof(struct virtio_net_hdr_v1),
	ETHERNET = 14,
	IPV4 = 20,
	TCP = 20,
	FRAME = ETHERNET + IPV4 + TCP,
	FRAMES = 5000,
	LARGE = 200 << 10,
};

/* A SYN to a public address. */
static void put_frame(uint8_t frame[HEADER + FRAME])
{
	uint8_t *at = frame + HEADER;

	memset(frame, 0, HEADER + FRAME);
	memcpy(at, LINK_GATEWAY_MAC, 6);
	memcpy(at + 6, LINK_GUEST_MAC, 6);
	be16_store(at + 12, 0x0800);
	at += ETHERNET;
	at[0] = 0x45;
	be16_store(at + 2, IPV4 + TCP);
	at[8] = 64;
	at[9] = 6;
	memcpy(at + 12, (uint8_t[]){ 192, 0, 0, 2, 198, 51, 100, 1 }, 8);
	be16_store(at + IPV4, 40000);
	be16_store(at + IPV4 + 2, 443);
	at[IPV4 + 12] = 0x50;
	at[IPV4 + 13] = 2;
}

static bool send(struct victim *victim, const void *frame, size_t len)
{
	return victim_ask(victim, frame, len, 0) >= 0;
}

static bool headers_that_lie(struct victim *victim)
{
	static const uint16_t values[] = { 0, 1, 13, 14, 33, 34, 54, 55, 1500, 0x7fff, 0xffff };
	uint8_t frame[HEADER + FRAME];

	for (unsigned type = 0; type < 256; type += type < 8 ? 1 : 31)
		for (size_t i = 0; i < countof(values); i++) {
			struct virtio_net_hdr_v1 header = {
				.flags = (uint8_t)(i % 2 == 0 ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0xff),
				.gso_type = (uint8_t)type,
				.hdr_len = values[i],
				.gso_size = values[countof(values) - 1 - i],
				.csum_start = values[i],
				.csum_offset = values[(i * 3) % countof(values)],
				.num_buffers = 0xffff,
			};

			put_frame(frame);
			memcpy(frame, &header, sizeof(header));
			if (!send(victim, frame, sizeof(frame)))
				return true; /* its device is lost: judged as that */
		}
	return true;
}

static bool frames_cut_anywhere(struct victim *victim)
{
	uint8_t frame[HEADER + FRAME];

	put_frame(frame);
	for (size_t len = 1; len <= sizeof(frame); len++)
		if (!send(victim, frame, len))
			return true;
	return true;
}

static bool a_frame_of_200_kib(struct victim *victim)
{
	const struct raw_desc chain[] = { { VICTIM_SCRATCH, LARGE, 0, 0 } };
	uint8_t frame[HEADER + FRAME];

	put_frame(frame);
	memcpy(victim_at(victim, VICTIM_SCRATCH), frame, sizeof(frame));
	victim_offer(victim, TX, chain, countof(chain));
	victim_kick(victim, TX);
	return true;
}

/* The same frames each time: a generator of Marsaglia's (xorshift32). */
static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static bool five_thousand_bent_frames(struct victim *victim)
{
	uint8_t frame[HEADER + FRAME];
	uint32_t state = 0x5b78;

	for (unsigned i = 0; i < FRAMES; i++) {
		put_frame(frame);
		for (unsigned bends = next(&state) % 6; bends > 0; bends--)
			frame[next(&state) % sizeof(frame)] = (uint8_t)next(&state);
		if (!send(victim, frame, sizeof(frame)))
			return true;
	}
	return true;
}

const struct lie lies_net[] = {
	{ "N20", "virtio-net headers that lie", headers_that_lie },
	{ "N20", "frames cut at every byte", frames_cut_anywhere },
	{ "N23", "a frame of 200 KiB", a_frame_of_200_kib },
	{ "N23", "five thousand bent frames", five_thousand_bent_frames },
};

const size_t lies_net_count = countof(lies_net);
