#include "tests/unit/sbx-net/card.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "policy/encode.h"
#include "vhost/frontend.h"

enum {
	MEMORY = 4 << 20,
	RING_SIZE = 64,
	RX_DATA = 1 << 20, /* RING_SIZE buffers */
	RX_SIZE = 1536,
	TX_DATA = 2 << 20,
	TX_SLOTS = 8, /* frames on the way at most */
	TX_SLOT_SIZE = 128 * 1024,
	TX_PARTS = 4, /* descriptors of a frame at most */
	HEADER_SIZE = sizeof(struct virtio_net_hdr_v1),
	RX = 0,
	TX = 1,
};

uint64_t card_features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF |
			 UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;

static int spawn_net(struct card *card, int vhost, int proxy, int *ret_listen)
{
	char *argv[] = { (char *)"sbx-net", NULL };
	char path[128];
	int fds[3];
	int r;

	(void)snprintf(card->folder, sizeof(card->folder), "/tmp/sbx-net-XXXXXX");
	if (mkdtemp(card->folder) == NULL)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/socket", card->folder);
	r = fd_listen_unix(path, ret_listen);
	if (r < 0)
		return r;
	fds[0] = vhost;
	fds[1] = *ret_listen;
	fds[2] = proxy;
	r = jail_spawn(&(struct spawn_config){ .program = getenv("SBX_NET"),
					       .argv = argv,
					       .fds = fds,
					       .fds_count = countof(fds),
					       .stdout_fd = STDERR_FILENO,
					       .network = true },
		       &card->child, &card->err);
	return r == 0 ? jail_spawn_release(&card->child, &card->err) : r;
}

static int share_memory(struct card *card)
{
	struct vhost_frontend_region region = { .size = MEMORY };
	int r;

	card->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (card->memory_fd < 0 || ftruncate(card->memory_fd, MEMORY) < 0)
		return -errno;
	r = guestmem_map(&card->mem, 0, MEMORY, 0, card->memory_fd, 0);
	region.fd = card->memory_fd;
	return r == 0 ? vhost_frontend_set_memory(card->frontend, &region, 1, &card->err) : r;
}

static int start_queue(struct card *card, unsigned index)
{
	const struct driver_ring *ring = &card->ring[index];

	card->kick[index] = eventfd(0, EFD_CLOEXEC);
	card->call[index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return vhost_frontend_start_queue(
		card->frontend, index,
		&(struct vhost_frontend_queue){ .size = ring->size,
						.desc = ring->desc,
						.avail = ring->avail,
						.used = ring->used,
						.kick = card->kick[index],
						.call = card->call[index] },
		&card->err);
}

static void offer_room(struct card *card, uint32_t index)
{
	const struct driver_buffer room = { .gpa = RX_DATA + (uint64_t)index * RX_SIZE,
					    .len = RX_SIZE };
	struct driver_ring *ring = &card->ring[RX];

	driver_ring_chain(ring, ring->desc, (uint16_t)index, &room, 0, 1);
	driver_ring_offer(ring, (uint16_t)index);
	driver_ring_want_interrupt(ring, RING_SIZE - 1);
	if (driver_ring_needs_kick(ring))
		(void)eventfd_write(card->kick[RX], 1);
}

static int start_driver(struct card *card, int socket)
{
	const struct vhost_frontend_config config = { .socket = socket,
						      .name = "network",
						      .timeout_ms = CARD_WAIT_MS };
	uint64_t gpa = 0;
	int r = vhost_frontend_create(&config, &card->frontend, &card->err);

	if (r == 0)
		r = vhost_frontend_set_features(card->frontend, card_features, &card->err);
	if (r == 0)
		r = share_memory(card);
	for (unsigned i = 0; r == 0 && i < CARD_QUEUES; i++) {
		gpa = driver_ring_init(&card->ring[i], &card->mem, (gpa + 15) & ~UINT64_C(15),
				       RING_SIZE, true);
		r = start_queue(card, i);
	}
	for (uint32_t i = 0; r == 0 && i < RING_SIZE; i++)
		offer_room(card, i);
	return r;
}

int card_start(struct card *card)
{
	autoclose int listener = -1, far = -1, far_proxy = -1;
	int pair[2], line[2], r;

	*card = (struct card){
		.child = { .pidfd = -1, .gate = -1 }, .memory_fd = -1, .proxy = -1, .err = ERR_INIT
	};
	stream_init(&card->control, -1);
	r = fd_socketpair(pair);
	if (r < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
		return r < 0 ? r : -errno;
	far = pair[1];
	card->proxy = line[0];
	far_proxy = line[1];
	r = spawn_net(card, far, far_proxy, &listener);
	(void)close(take_fd(&far));
	if (r == 0)
		r = start_driver(card, pair[0]);
	if (r == 0)
		r = card_connect(card);
	if (r < 0)
		printf("# card: %s (%s)\n", card->err.text, strerror(-r));
	return r;
}

bool card_stop(struct card *card)
{
	struct pollfd ended = { .fd = card->child.pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	bool well;

	vhost_frontend_destroy(card->frontend);
	well = poll(&ended, 1, CARD_WAIT_MS) == 1 &&
	       waitid(P_PIDFD, (id_t)card->child.pidfd, &info, WEXITED) == 0 &&
	       info.si_code == CLD_EXITED && info.si_status == 0;
	if (!well)
		printf("# sbx-net ended with code %d status %d\n", info.si_code, info.si_status);
	spawned_finish(&card->child);
	guestmem_finish(&card->mem);
	for (unsigned i = 0; i < CARD_QUEUES; i++) {
		(void)close(card->kick[i]);
		(void)close(card->call[i]);
	}
	(void)close(card->memory_fd);
	(void)close(card->proxy);
	(void)close(card->control.fd);
	stream_finish(&card->control);
	(void)file_remove_tree(AT_FDCWD, card->folder);
	return well;
}

/* ---- sbxd */

int card_connect(struct card *card)
{
	char path[128];
	int fd, r;

	if (card->control.fd >= 0)
		(void)close(card->control.fd);
	stream_finish(&card->control);
	(void)snprintf(path, sizeof(path), "%s/socket", card->folder);
	r = fd_connect_unix(path, &fd);
	stream_init(&card->control, r == 0 ? fd : -1);
	return r;
}

int card_tell(struct card *card, const struct net_message *message, int fd)
{
	autocall(buf_finish) struct buf out;
	ssize_t n;
	int r;

	buf_init(&out, 1 << 20);
	r = net_message_append(&out, message);
	if (r < 0)
		return r;
	n = fd_send(card->control.fd, out.data, out.len, &fd, fd >= 0);
	return n == (ssize_t)out.len ? 0 : -EIO;
}

static int add_rule(struct buf *out, const char *text, unsigned number)
{
	struct policy_rule rule = { .origin = POLICY_FROM_USER, .protocols = POLICY_TCP };
	const char *resource = strchr(text, ' ') + 1;
	struct err err = ERR_INIT;
	int r = policy_resource_parse(resource, &rule.resource, &err);

	if (r < 0)
		return r;
	(void)snprintf(rule.id, sizeof(rule.id), "local:%u", number);
	rule.decision = text[0] == 'd' ? POLICY_DENY : POLICY_ALLOW;
	if (text[0] != 'a')
		rule.protocols |= POLICY_UDP;
	r = policy_rule_append(out, NET_POLICY_RULE, &rule);
	policy_rule_finish(&rule);
	return r;
}

int card_set_policy(struct card *card, const char *const *rules)
{
	static uint64_t generation;
	autocall(buf_finish) struct buf out;
	const uint64_t deadline = clock_now_ms() + CARD_WAIT_MS;
	struct frame frame;
	int r;

	buf_init(&out, 1 << 20);
	r = net_message_append(&out, &(struct net_message){ .type = NET_POLICY_BEGIN,
							    .generation = ++generation });
	for (unsigned i = 0; r == 0 && rules[i] != NULL; i++)
		r = add_rule(&out, rules[i], i);
	if (r == 0)
		r = net_message_append(&out, &(struct net_message){ .type = NET_POLICY_END });
	if (r == 0)
		r = fd_write_full(card->control.fd, out.data, out.len);
	while (r == 0) {
		r = stream_read(&card->control, deadline, &frame);
		if (r <= 0)
			return r < 0 ? r : -EPIPE;
		r = frame.type == NET_APPLIED ? 1 : 0;
	}
	return r < 0 ? r : 0;
}

int card_verdict(struct card *card, struct net_verdict *ret)
{
	const uint64_t deadline = clock_now_ms() + CARD_WAIT_MS;
	struct frame frame;
	int r;

	while ((r = stream_read(&card->control, deadline, &frame)) > 0) {
		if (frame.type == NET_VERDICT)
			return net_verdict_decode(&frame, ret);
	}
	return r < 0 ? r : -EPIPE;
}

/* ---- sbx-proxy */

int card_proxy_next(struct card *card, struct net_message *ret, int *ret_fd)
{
	struct pollfd there = { .fd = card->proxy, .events = POLLIN };
	uint8_t bytes[4096];
	struct frame frame;
	size_t count = 1;
	ssize_t n;

	*ret_fd = -1;
	if (poll(&there, 1, CARD_WAIT_MS) != 1)
		return -ETIMEDOUT;
	n = fd_recv(card->proxy, bytes, sizeof(bytes), ret_fd, &count);
	if (n <= 0 || frame_parse(bytes, (size_t)n, &frame) != (int)n)
		return -EPROTO;
	return net_message_decode(&frame, ret);
}

int card_proxy_tell(struct card *card, const struct net_message *message)
{
	autocall(buf_finish) struct buf out;
	int r;

	buf_init(&out, 1 << 20);
	r = net_message_append(&out, message);
	return r == 0 && send(card->proxy, out.data, out.len, MSG_NOSIGNAL) < 0 ? -errno : r;
}

/* ---- frames */

/* The parts of a frame whose header and bytes lie one after the other at gpa; how many. */
static size_t cut_parts(uint64_t gpa, size_t header_len, size_t len, enum card_layout layout,
			struct driver_buffer ret[TX_PARTS])
{
	const size_t sizes[TX_PARTS] = { header_len / 2, header_len - header_len / 2, len / 2,
					 len - len / 2 };
	size_t count = 0;

	if (layout == CARD_TOGETHER) {
		ret[0] = (struct driver_buffer){ gpa, (uint32_t)(header_len + len) };
		return 1;
	}
	for (size_t i = 0; i < TX_PARTS; i++) {
		if (sizes[i] > 0)
			ret[count++] = (struct driver_buffer){ gpa, (uint32_t)sizes[i] };
		gpa += sizes[i];
	}
	return count;
}

void card_send_as(struct card *card, const struct virtio_net_hdr_v1 *header, size_t header_len,
		  const uint8_t *frame, size_t len, enum card_layout layout)
{
	struct driver_ring *ring = &card->ring[TX];
	unsigned slot = card->tx_next++ % TX_SLOTS;
	const uint64_t gpa = TX_DATA + (uint64_t)slot * TX_SLOT_SIZE;
	const uint64_t table = gpa + TX_SLOT_SIZE - TX_PARTS * sizeof(struct vring_desc);
	const uint16_t first = (uint16_t)(slot * TX_PARTS);
	struct driver_buffer parts[TX_PARTS];
	size_t count = cut_parts(gpa, header_len, len, layout, parts);
	uint32_t head, written;

	/* The slot is free once the frame before it was taken. */
	while ((uint16_t)(card->tx_next - ring->used_seen) > TX_SLOTS)
		(void)driver_ring_take(ring, &head, &written);
	(void)guestmem_write(&card->mem, gpa, header, header_len);
	(void)guestmem_write(&card->mem, gpa + header_len, frame, len);
	if (layout == CARD_INDIRECT) {
		driver_ring_chain(ring, table, 0, parts, count, count);
		driver_ring_desc(ring, ring->desc, first,
				 (struct driver_buffer){
					 table, (uint32_t)(count * sizeof(struct vring_desc)) },
				 VRING_DESC_F_INDIRECT, 0);
	} else {
		driver_ring_chain(ring, ring->desc, first, parts, count, count);
	}
	driver_ring_offer(ring, first);
	if (driver_ring_needs_kick(ring))
		(void)eventfd_write(card->kick[TX], 1);
}

void card_send(struct card *card, const uint8_t *frame, size_t len)
{
	const struct virtio_net_hdr_v1 header = { .flags = 0 };

	card_send_as(card, &header, HEADER_SIZE, frame, len, CARD_TOGETHER);
}

static bool wait_call(const struct card *card, unsigned index)
{
	struct pollfd call = { .fd = card->call[index], .events = POLLIN };
	eventfd_t count;

	if (poll(&call, 1, CARD_WAIT_MS) != 1)
		return false;
	return eventfd_read(card->call[index], &count) == 0;
}

int card_sent(struct card *card)
{
	struct driver_ring *ring = &card->ring[TX];
	uint32_t head, written;

	while (!driver_ring_take(ring, &head, &written)) {
		driver_ring_want_interrupt(ring, (uint16_t)(card->tx_next - ring->used_seen - 1));
		if (driver_ring_is_empty(ring) && !wait_call(card, TX))
			return -1;
	}
	return (int)head / TX_PARTS;
}

/* The next used buffer, copied to the end of card->frame. */
static bool take_buffer(struct card *card)
{
	uint32_t head, written;

	while (!driver_ring_take(&card->ring[RX], &head, &written)) {
		if (!wait_call(card, RX))
			return false;
	}
	if (head >= RING_SIZE || written > RX_SIZE || written > CARD_FRAME_MAX - card->len)
		return false;
	(void)guestmem_read(&card->mem, RX_DATA + (uint64_t)head * RX_SIZE, card->frame + card->len,
			    written);
	card->len += written;
	offer_room(card, head);
	return true;
}

bool card_next(struct card *card)
{
	struct virtio_net_hdr_v1 header;

	card->len = 0;
	if (!take_buffer(card) || card->len < HEADER_SIZE)
		return false;
	memcpy(&header, card->frame, sizeof(header));
	for (unsigned i = 1; i < le16toh(header.num_buffers); i++) {
		if (!take_buffer(card))
			return false;
	}
	card->len -= HEADER_SIZE;
	memmove(card->frame, card->frame + HEADER_SIZE, card->len);
	return header.num_buffers != 0;
}
