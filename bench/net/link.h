/*
 * A guest's network card in a benchmark: frames to and from a backend, over
 * vhost-user (sbx-net, passt) or QEMU's stream socket (its user network). The
 * benchmark looks at headers only: payload is zeros, and is neither copied nor
 * read, so that the backend is what is measured.
 */
#ifndef BENCH_NET_LINK_H
#define BENCH_NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

enum {
	LINK_FRAME_MAX = 14 + 65520,
	LINK_HEAD = 128, /* bytes of a received frame that are contiguous, if it has as many */
};

struct link_impl {
	/* Where the next frame is built, LINK_FRAME_MAX zeros behind its headers; NULL: wait. */
	uint8_t *(*frame)(struct link *link);
	/* Sends it; segment: payload bytes of the segments it stands for, 0: it is one. */
	void (*send)(struct link *link, size_t len, uint16_t segment);
	/* Rings. */
	void (*flush)(struct link *link);
	/* The head of the next frame for us and its length; NULL: none. Valid until the next call.
	 */
	const uint8_t *(*receive)(struct link *link, size_t *ret_len);
	/* Waits until something can be received or sent; false: the backend is gone. */
	bool (*wait)(struct link *link, int timeout_ms);
};

struct link {
	const struct link_impl *impl;
	bool has_checksum; /* TCP checksums may be left partial */
	bool has_tso;
	uint16_t mtu;
};

/* Both exit with a sentence when there is no backend at the path. */
struct link *link_vhost(const char *path);
struct link *link_stream(const char *path);

#endif
