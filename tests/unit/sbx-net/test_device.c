/*
 * The network card under drivers of all sorts: offloads and none, buffers of
 * one frame and of many, headers in pieces, indirect descriptors, nonsense.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "net/link.h"
#include "tests/unit/sbx-net/sandbox.h"
#include "tests/unit/test.h"

enum { LARGE = 30000, MANY = 400000, HEADER = sizeof(struct virtio_net_hdr_v1) };

static const uint64_t plain =
	UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;
static const uint64_t mergeable = UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF;
static const uint64_t offloads =
	UINT64_C(1) << VIRTIO_NET_F_CSUM | UINT64_C(1) << VIRTIO_NET_F_HOST_TSO4;

static uint8_t *pattern(size_t len)
{
	uint8_t *bytes = malloc(len);

	for (size_t i = 0; bytes != NULL && i < len; i++)
		bytes[i] = (uint8_t)(i * 31 + (i >> 9));
	return bytes;
}

/* As Linux sends a large piece: one frame, the checksum left to be done, to be cut by the card. */
static const struct virtio_net_hdr_v1 large_header = {
	.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	.hdr_len = 54,
	.gso_size = 1460,
	.csum_start = 34,
	.csum_offset = 16,
};

/* A connection of the guest and its other end; -1: it did not come about. */
static int open_to_server(struct sandbox *sandbox, struct session *session)
{
	return connects(sandbox, session, sandbox->server_text) ? accepted(sandbox->server) : -1;
}

/* Whether the peer gets just these bytes. */
static bool arrives(int peer, const uint8_t *want, size_t len)
{
	autofree uint8_t *got = malloc(len);

	return got != NULL && fd_read_full(peer, got, len) == (ssize_t)len &&
	       memcmp(got, want, len) == 0;
}

static void send_large(struct sandbox *sandbox, struct session *session, const uint8_t *bytes,
		       enum card_layout layout)
{
	const struct packet packet = { .protocol = IPPROTO_TCP,
				       .from = session->from,
				       .to = session->to,
				       .seq = session->seq,
				       .ack = session->ack,
				       .flags = TCP_ACK | TCP_PSH,
				       .payload = bytes,
				       .len = LARGE };
	static uint8_t frame[LARGE + 100];
	size_t len = packet_build(&packet, frame);

	memset(frame + 34 + 16, 0, 2);
	card_send_as(&sandbox->card, &large_header, HEADER, frame, len, layout);
	session->seq += LARGE;
}

TEST(large_segments_with_their_checksum_left_undone)
{
	static const enum card_layout layouts[] = { CARD_TOGETHER, CARD_APART, CARD_INDIRECT };
	autofree uint8_t *bytes = pattern(LARGE);

	card_features = plain | mergeable | offloads | UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC;
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	struct session session;
	autoclose int peer = open_to_server(&sandbox, &session);

	CHECK(peer >= 0);
	for (size_t i = 0; i < countof(layouts); i++) {
		send_large(&sandbox, &session, bytes, layouts[i]);
		CHECK(arrives(peer, bytes, LARGE));
	}
	CHECK(sandbox_stop(&sandbox));
}

TEST(offloads_that_make_no_sense_are_not_heard)
{
	static const struct virtio_net_hdr_v1 bad[] = {
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1460 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .gso_type = VIRTIO_NET_HDR_GSO_UDP,
		  .gso_size = 1460 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, /* not agreed on */
		  .gso_size = 1460 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = 0x7f, .gso_size = 1 },
	};
	static uint8_t frame[70000];

	card_features = plain | mergeable | offloads;
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	struct session session;
	autoclose int peer = open_to_server(&sandbox, &session);
	struct packet packet = { .protocol = IPPROTO_TCP,
				 .from = session.from,
				 .to = session.to,
				 .seq = session.seq,
				 .ack = session.ack,
				 .flags = TCP_ACK | TCP_PSH,
				 .payload = (const uint8_t *)"evil",
				 .len = 4 };
	size_t len = packet_build(&packet, frame);

	CHECK(peer >= 0);
	for (size_t i = 0; i < countof(bad); i++)
		card_send_as(&sandbox.card, &bad[i], HEADER, frame, len, CARD_TOGETHER);
	/* half a header, a header alone, nothing, more than a frame may have */
	card_send_as(&sandbox.card, &large_header, 5, frame, 0, CARD_TOGETHER);
	card_send_as(&sandbox.card, &large_header, HEADER, frame, 0, CARD_TOGETHER);
	card_send_as(&sandbox.card, &large_header, HEADER, frame, 1, CARD_APART);
	card_send_as(&sandbox.card, &large_header, HEADER, frame, sizeof(frame), CARD_TOGETHER);
	session_send(&sandbox.card, &session, "good", 4);
	CHECK(arrives(peer, (const uint8_t *)"good", 4));
	CHECK(sandbox_stop(&sandbox));
}

TEST(without_the_feature_an_undone_checksum_is_not_heard)
{
	const struct virtio_net_hdr_v1 undone = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						  .csum_start = 34,
						  .csum_offset = 16 };
	static uint8_t frame[200];

	card_features = plain | mergeable;
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	struct session session;
	autoclose int peer = open_to_server(&sandbox, &session);
	const struct packet packet = { .protocol = IPPROTO_TCP,
				       .from = session.from,
				       .to = session.to,
				       .seq = session.seq,
				       .ack = session.ack,
				       .flags = TCP_ACK | TCP_PSH,
				       .payload = (const uint8_t *)"evil",
				       .len = 4 };

	CHECK(peer >= 0);
	card_send_as(&sandbox.card, &undone, HEADER, frame, packet_build(&packet, frame),
		     CARD_TOGETHER);
	session_send(&sandbox.card, &session, "good", 4);
	CHECK(arrives(peer, (const uint8_t *)"good", 4));
	CHECK(sandbox_stop(&sandbox));
}

static void *send_many(void *context)
{
	autofree uint8_t *bytes = pattern(MANY);

	(void)fd_write_full(*(int *)context, bytes, MANY);
	(void)shutdown(*(int *)context, SHUT_WR);
	return NULL;
}

/* What a server sends fast comes whole, though the guest has small buffers; largest: of a piece. */
static bool receives_many(struct sandbox *sandbox, size_t *ret_largest)
{
	autofree uint8_t *want = pattern(MANY), *got = malloc(MANY + 65536);
	struct session session;
	autoclose int peer = open_to_server(sandbox, &session);
	pthread_t sender;
	size_t len = 0;
	ssize_t n = 1;

	*ret_largest = 0;
	if (peer < 0 || pthread_create(&sender, NULL, send_many, &peer) != 0)
		return false;
	while (len < MANY &&
	       (n = session_receive(&sandbox->card, &session, got + len, 65536)) > 0) {
		if ((size_t)n > *ret_largest)
			*ret_largest = (size_t)n;
		len += (size_t)n;
	}
	(void)pthread_join(sender, NULL);
	return len == MANY && memcmp(want, got, MANY) == 0;
}

TEST(frames_over_several_buffers_and_in_one)
{
	size_t largest;

	card_features = plain | mergeable | UINT64_C(1) << VIRTIO_NET_F_GUEST_CSUM |
			UINT64_C(1) << VIRTIO_NET_F_GUEST_TSO4;
	{
		WITH_SANDBOX(merging, "allow 93.184.216.0/24", NULL);
		CHECK(receives_many(&merging, &largest));
		CHECK(largest > 1600);
		CHECK(sandbox_stop(&merging));
	}
	card_features = plain;
	{
		WITH_SANDBOX(single, "allow 93.184.216.0/24", NULL);
		CHECK(receives_many(&single, &largest));
		CHECK(largest < 1536);
		CHECK(sandbox_stop(&single));
	}
}

/* Kernels before 6.9 peek at no offset in TCP: here the call fails, in this process and its
 * children. */
static int forbid_peek_offsets(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_PEEK_OFF, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = countof(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return -errno;
	return 0;
}

/* The last test: what it forbids stays forbidden. */
TEST(without_peeking_at_an_offset_nothing_is_lost)
{
	size_t largest;
	int on = 0;

	card_features = plain | mergeable;
	WITH_SANDBOX(before, "allow 93.184.216.0/24", NULL);
	CHECK(sandbox_stop(&before));
	CHECK_EQ(forbid_peek_offsets(), 0);
	CHECK(setsockopt(0, SOL_SOCKET, SO_PEEK_OFF, &on, sizeof(on)) < 0 && errno == EOPNOTSUPP);
	WITH_SANDBOX(sandbox, "allow 93.184.216.0/24", NULL);
	CHECK(receives_many(&sandbox, &largest));
	CHECK(sandbox_stop(&sandbox));
}

int main(void)
{
	no_world = card_enter_world();
	return test_main();
}
