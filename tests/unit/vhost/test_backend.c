#include "vhost/backend.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/unit/test.h"
#include "tests/unit/vhost/session.h"
#include "vhost/channel.h"
#include "vhost/message.h"

static struct session session;

/* Ends the case with a failure, but not without ending the session. */
#define CHECK_SESSION(condition)                                           \
	do {                                                               \
		if (!(condition)) {                                        \
			printf("# session error: %s\n", session.err.text); \
			session_stop(&session);                            \
			TEST_FAIL_("not true: %s", #condition);            \
		}                                                          \
	} while (0)

TEST(chains_are_served_with_and_without_event_idx)
{
	char text[16];

	for (int event_idx = 0; event_idx < 2; event_idx++) {
		CHECK_EQ(session_start(&session, event_idx != 0), 0);
		for (int i = 0; i < 300; i++) {
			(void)snprintf(text, sizeof(text), "hello %d", i);
			session_offer(&session, i & 1, text);
			CHECK_SESSION(session_answered(&session, i & 1, text));
		}
		session_stop(&session);
		CHECK_EQ(session.echo.closed, 1);
		CHECK_STR(session.echo.why, "the frontend closed the connection");
		CHECK_EQ(session.echo.started, 2);
		CHECK_EQ(session.echo.stopped, 2);
	}
}

TEST(what_waits_before_the_start_is_served)
{
	uint16_t base = 7;

	CHECK_EQ(session_start(&session, true), 0);
	CHECK_SESSION(vhost_frontend_stop_queue(session.frontend, 0, &base, &session.err) == 0);
	CHECK_SESSION(base == 0);
	session_offer(&session, 0, "early");
	CHECK_SESSION(session_start_queue(&session, 0, base) == 0);
	CHECK_SESSION(session_answered(&session, 0, "early"));
	session_stop(&session);
}

TEST(v03_a_queue_stops_during_io_and_goes_on)
{
	uint16_t base;

	CHECK_EQ(session_start(&session, true), 0);
	for (int round = 0; round < 50; round++) {
		session_offer(&session, 0, "one");
		session_offer(&session, 0, "two");
		CHECK_SESSION(vhost_frontend_stop_queue(session.frontend, 0, &base, &session.err) ==
			      0);
		CHECK_SESSION((uint16_t)(session.ring[0].avail_index - base) <= 2);
		CHECK_SESSION(session_start_queue(&session, 0, base) == 0);
		CHECK_SESSION(session_answered(&session, 0, "one"));
		CHECK_SESSION(session_answered(&session, 0, "two"));
	}
	session_stop(&session);
}

TEST(a_broken_queue_is_told_and_lives_after_reset)
{
	uint16_t base;

	CHECK_EQ(session_start(&session, true), 0);
	driver_ring_set_index(&session.ring[0], 1000);
	(void)eventfd_write(session.kick[0], 1);
	CHECK_SESSION(session_reached(&session.echo.broken, 1));
	session_offer(&session, 1, "the other queue lives");
	CHECK_SESSION(session_answered(&session, 1, "the other queue lives"));
	CHECK_SESSION(vhost_frontend_stop_queue(session.frontend, 0, &base, &session.err) == 0);
	(void)driver_ring_init(&session.ring[0], &session.mem, session.ring[0].desc,
			       SESSION_QUEUE_SIZE, true);
	CHECK_SESSION(session_start_queue(&session, 0, 0) == 0);
	session_offer(&session, 0, "again");
	CHECK_SESSION(session_answered(&session, 0, "again"));
	session_stop(&session);
	CHECK_EQ(session.echo.broken, 1);
}

TEST(chains_left_by_a_full_device_wait)
{
	CHECK_EQ(session_start(&session, true), 0);
	session.echo.room = 1;
	session_offer(&session, 0, "taken");
	session_offer(&session, 0, "left");
	CHECK_SESSION(session_answered(&session, 0, "taken"));
	CHECK_SESSION(eventfd_write(session.echo.wake, 1) == 0);
	CHECK_SESSION(session_answered(&session, 0, "left"));
	session_offer(&session, 0, "next");
	CHECK_SESSION(session_answered(&session, 0, "next"));
	session_stop(&session);
}

static void offer_late(void)
{
	session_offer(&session, 1, "late");
}

/* Kicks are off while the device looks; what comes just after it looked must not be lost. */
TEST(chains_that_come_while_an_empty_queue_is_served)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		CHECK_EQ(session_start(&session, event_idx != 0), 0);
		session_offer(&session, 1, "first");
		CHECK_SESSION(session_answered(&session, 1, "first"));
		session.echo.when_empty = offer_late;
		CHECK_SESSION(eventfd_write(session.kick[1], 1) == 0);
		CHECK_SESSION(session_reached(&session.echo.served, 2));
		CHECK_SESSION(session_answered(&session, 1, "late"));
		session_stop(&session);
	}
}

TEST(features_that_are_told_again_stop_nothing)
{
	const uint64_t features =
		UINT64_C(1) << VIRTIO_F_VERSION_1 | 1U << VIRTIO_RING_F_INDIRECT_DESC;

	CHECK_EQ(session_start(&session, false), 0);
	CHECK_SESSION(vhost_frontend_set_features(session.frontend, features, &session.err) == 0);
	CHECK_SESSION(session.echo.stopped == 0);
	session_offer(&session, 0, "still here");
	CHECK_SESSION(session_answered(&session, 0, "still here"));
	session_stop(&session);
	CHECK_EQ(session.echo.started, 2);
}

TEST(memory_is_replaced_under_running_queues)
{
	const struct vhost_frontend_region regions[] = {
		{ .gpa = 0, .size = SESSION_MEMORY / 2, .fd = -1 },
		{ .gpa = SESSION_MEMORY / 2,
		  .size = SESSION_MEMORY / 2,
		  .offset = SESSION_MEMORY / 2 },
	};
	struct vhost_frontend_region shared[2];

	CHECK_EQ(session_start(&session, false), 0);
	session_offer(&session, 0, "before");
	CHECK_SESSION(session_answered(&session, 0, "before"));
	memcpy(shared, regions, sizeof(shared));
	shared[0].fd = shared[1].fd = session.memory_fd;
	CHECK_SESSION(vhost_frontend_set_memory(session.frontend, shared, 2, &session.err) == 0);
	session_offer(&session, 0, "after");
	CHECK_SESSION(session_answered(&session, 0, "after"));
	session_stop(&session);
}

TEST(v06_configuration_reads_stay_inside)
{
	static const struct {
		uint32_t offset, len;
	} cases[] = {
		{ 0, SESSION_CONFIG_SIZE }, { 3, 1 }, { 1, 7 }, { 12, 200 }, { 255, 1 }, { 256, 0 }
	};
	uint8_t bytes[VHOST_CONFIG_MAX];

	CHECK_EQ(session_start(&session, true), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_SESSION(vhost_frontend_read_config(session.frontend, cases[i].offset, bytes,
							 cases[i].len, &session.err) == 0);
		for (uint32_t at = 0; at < cases[i].len; at++) {
			uint32_t place = cases[i].offset + at;

			CHECK_SESSION(bytes[at] == (place < SESSION_CONFIG_SIZE ? place + 1 : 0));
		}
	}
	CHECK_SESSION(vhost_frontend_read_config(session.frontend, 256, bytes, 1, &session.err) ==
		      -EINVAL);
	session_stop(&session);
}

TEST(a_changed_configuration_is_told)
{
	struct pollfd wait = { .events = POLLIN };
	bool changed = false;

	CHECK_EQ(session_start(&session, true), 0);
	CHECK_SESSION(vhost_backend_config_changed(session.echo.backend) == 0);
	wait.fd = vhost_frontend_requests(session.frontend);
	CHECK_SESSION(poll(&wait, 1, 20000) == 1);
	CHECK_SESSION(vhost_frontend_take_requests(session.frontend, &changed) == 0);
	CHECK_SESSION(changed);
	CHECK_SESSION(vhost_frontend_take_requests(session.frontend, &changed) == 0);
	CHECK_SESSION(!changed);
	session_stop(&session);
}

/* Two kept chains, one answered and one not looked at; of a queue that has run a while. */
TEST(another_backend_goes_on_where_one_ended)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		CHECK_EQ(session_start(&session, event_idx != 0), 0);
		CHECK_SESSION(session_track(&session) == 0);
		for (int round = 0; round < 20; round++) {
			session_offer(&session, 0, "done");
			CHECK_SESSION(session_answered(&session, 0, "done"));
			session.echo.keeps = 2;
			session_offer(&session, 0, "one");
			session_offer(&session, 0, "two");
			session_offer(&session, 0, "three");
			CHECK_SESSION(session_answered(&session, 0, "three"));
			session_offer(&session, 1, "the other queue");
			CHECK_SESSION(session_replace(&session) == 0);
			CHECK_SESSION(session_answered(&session, 0, "one"));
			CHECK_SESSION(session_answered(&session, 0, "two"));
			CHECK_SESSION(session_answered(&session, 1, "the other queue"));
		}
		session_stop(&session);
	}
}

/* As QEMU does, whose guest may take a larger ring than QEMU was told of. */
TEST(a_ring_larger_than_the_area_is_served_without_a_record)
{
	struct vhost_frontend_inflight area;

	CHECK_EQ(session_start(&session, true), 0);
	CHECK_SESSION(vhost_frontend_make_inflight(session.frontend, SESSION_QUEUES,
						   SESSION_QUEUE_SIZE / 2, &area,
						   &session.err) == 0);
	CHECK_SESSION(vhost_frontend_set_inflight(session.frontend, &area, &session.err) == 0);
	for (unsigned i = 0; i < SESSION_QUEUES; i++) {
		CHECK_SESSION(session_start_queue(&session, i, 0) == 0);
		session_offer(&session, i, "served");
		CHECK_SESSION(session_answered(&session, i, "served"));
	}
	(void)close(area.fd);
	session_stop(&session);
}

TEST(an_area_that_does_not_fit_is_refused)
{
	struct vhost_frontend_inflight area;

	for (int which = 0; which < 5; which++) {
		CHECK_EQ(session_start(&session, true), 0);
		CHECK_SESSION(session_track(&session) == 0);
		area = session.inflight;
		area.area.queue_size = which == 0 ? 0 : area.area.queue_size;
		area.area.queue_size = which == 1 ? 2048 : area.area.queue_size;
		area.area.offset = which == 2 ? 64 : 0;
		area.area.offset = which == 3 ? UINT64_MAX - 7 : area.area.offset;
		area.area.size = which == 4 ? 64 : area.area.size;
		CHECK_SESSION(vhost_frontend_set_inflight(session.frontend, &area, &session.err) ==
			      -EREMOTEIO);
		session_stop(&session);
	}
	CHECK_EQ(session_start(&session, true), 0);
	CHECK_SESSION(vhost_frontend_make_inflight(session.frontend, SESSION_QUEUES + 1, 8, &area,
						   &session.err) < 0);
	session_stop(&session);
	CHECK_EQ(session_start(&session, true), 0);
	CHECK_SESSION(vhost_frontend_make_inflight(session.frontend, 1, 4096, &area, &session.err) <
		      0);
	session_stop(&session);
}

/* Starts queue 0 where no ring can be; the backend must refuse it. */
static int start_at(uint64_t desc, uint64_t avail, uint64_t used, uint16_t size)
{
	struct driver_ring *ring = &session.ring[0];
	uint16_t base;
	int r = session_start(&session, true);

	if (r == 0)
		r = vhost_frontend_stop_queue(session.frontend, 0, &base, &session.err);
	ring->desc = desc;
	ring->avail = avail;
	ring->used = used;
	ring->size = size;
	if (r == 0)
		r = session_start_queue(&session, 0, 0);
	session_stop(&session);
	return r;
}

TEST(v01_rings_outside_memory_are_refused)
{
	CHECK_EQ(start_at(0, 0x1000, 0x2000, 16), 0);
	CHECK_EQ(start_at(SESSION_MEMORY, 0x1000, 0x2000, 16), -EREMOTEIO);
	CHECK_EQ(start_at(SESSION_MEMORY - 16 * 15, 0x1000, 0x2000, 16), -EREMOTEIO);
	CHECK_EQ(start_at(0, SESSION_MEMORY - 36, 0x2000, 16), -EREMOTEIO);
	CHECK_EQ(start_at(0, 0x1000, SESSION_MEMORY - 130, 16), -EREMOTEIO);
	CHECK_EQ(start_at(UINT64_MAX - 15, 0x1000, 0x2000, 16), -EREMOTEIO);
	CHECK_EQ(start_at(8, 0x1000, 0x2000, 16), -EREMOTEIO);
	CHECK_EQ(start_at(0, 0x1001, 0x2000, 16), -EREMOTEIO);
	CHECK_EQ(start_at(0, 0x1000, 0x2002, 16), -EREMOTEIO);
	CHECK_EQ(start_at(0, 0x1000, 0x2000, 0), -EREMOTEIO);
	CHECK_EQ(start_at(0, 0x1000, 0x2000, 24), -EREMOTEIO);
	CHECK_EQ(start_at(0, 0x1000, 0x2000, 2048), -EREMOTEIO);
}

TEST(memory_that_cannot_be_is_refused)
{
	struct vhost_frontend_region region = { .gpa = 0, .size = 2 * SESSION_MEMORY };

	CHECK_EQ(session_start(&session, true), 0);
	region.fd = session.memory_fd;
	CHECK_SESSION(vhost_frontend_set_memory(session.frontend, &region, 1, &session.err) ==
		      -EREMOTEIO);
	session_stop(&session);
}

/* Sends one raw message to a fresh backend; returns why the backend closed, or "" for a hang up. */
static const char *refusal(const struct vhost_message *message, enum vhost_payload kind, int fd)
{
	uint8_t bytes[VHOST_MESSAGE_MAX];
	size_t len = vhost_message_encode(message, kind, bytes);

	if (session_start_raw(&session) < 0)
		return "";
	(void)fd_send(session.socket, bytes, len, &fd, fd < 0 ? 0 : 1);
	if (!session_reached(&session.echo.closed, 1))
		return "";
	session_stop(&session);
	return session.echo.why;
}

TEST(requests_that_make_no_sense_close_the_connection)
{
	static const char unknown[] = "the frontend sent a request that is not known here";
	static const char malformed[] = "the frontend sent a message that is not vhost-user";
	static const char impossible[] = "the frontend asked for what cannot be done";
	const struct {
		struct vhost_message message;
		enum vhost_payload kind;
		const char *why;
	} cases[] = {
		{ { .request = 0 }, VHOST_PAYLOAD_NONE, unknown },
		{ { .request = 6, .u64 = 1 }, VHOST_PAYLOAD_U64, unknown },
		{ { .request = UINT32_MAX }, VHOST_PAYLOAD_NONE, unknown },
		{ { .request = VHOST_GET_FEATURES }, VHOST_PAYLOAD_U64, malformed },
		{ { .request = VHOST_SET_VRING_NUM }, VHOST_PAYLOAD_ADDRESS, malformed },
		{ { .request = VHOST_SET_FEATURES, .u64 = UINT64_MAX },
		  VHOST_PAYLOAD_U64,
		  impossible },
		{ { .request = VHOST_SET_FEATURES }, VHOST_PAYLOAD_U64, impossible },
		{ { .request = VHOST_SET_PROTOCOL_FEATURES, .u64 = 2 },
		  VHOST_PAYLOAD_U64,
		  impossible },
		{ { .request = VHOST_SET_VRING_BASE, .state = { 2, 0 } },
		  VHOST_PAYLOAD_STATE,
		  impossible },
		{ { .request = VHOST_SET_VRING_BASE, .state = { 0, 65536 } },
		  VHOST_PAYLOAD_STATE,
		  impossible },
		{ { .request = VHOST_SET_VRING_ENABLE, .state = { UINT32_MAX, 1 } },
		  VHOST_PAYLOAD_STATE,
		  impossible },
		{ { .request = VHOST_GET_VRING_BASE, .state = { 255, 1 } },
		  VHOST_PAYLOAD_STATE,
		  impossible },
		{ { .request = VHOST_SET_VRING_ADDR, .address = { .index = 9 } },
		  VHOST_PAYLOAD_ADDRESS,
		  impossible },
		{ { .request = VHOST_SET_VRING_KICK, .u64 = 0 }, VHOST_PAYLOAD_U64, impossible },
		{ { .request = VHOST_SET_VRING_KICK, .u64 = VHOST_VRING_NO_DESCRIPTOR },
		  VHOST_PAYLOAD_U64,
		  impossible },
		{ { .request = VHOST_SET_VRING_CALL, .u64 = 77 }, VHOST_PAYLOAD_U64, impossible },
		{ { .request = VHOST_SET_BACKEND_REQ_FD }, VHOST_PAYLOAD_NONE, impossible },
		{ { .request = VHOST_SET_MEM_TABLE, .memory = { .count = 1 } },
		  VHOST_PAYLOAD_MEMORY,
		  impossible },
		{ { .request = VHOST_SET_CONFIG, .config = { .size = 1 } },
		  VHOST_PAYLOAD_CONFIG,
		  impossible },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_STR(refusal(&cases[i].message, cases[i].kind, -1), cases[i].why);
}

TEST(more_descriptors_than_regions_are_refused)
{
	const struct vhost_message message = { .request = VHOST_SET_MEM_TABLE };
	int fd = eventfd(0, EFD_CLOEXEC);

	CHECK_STR(refusal(&message, VHOST_PAYLOAD_MEMORY, fd),
		  "the frontend asked for what cannot be done");
	(void)close(fd);
}

TEST(messages_may_come_byte_by_byte)
{
	const struct vhost_message question = { .request = VHOST_GET_QUEUE_NUM };
	uint8_t bytes[VHOST_MESSAGE_MAX];
	size_t len = vhost_message_encode(&question, VHOST_PAYLOAD_NONE, bytes);
	ssize_t n;

	CHECK_EQ(session_start_raw(&session), 0);
	for (size_t i = 0; i < len; i++)
		CHECK_SESSION(fd_send(session.socket, bytes + i, 1, NULL, 0) == 1);
	n = fd_read_full(session.socket, bytes, VHOST_HEADER_SIZE + 8);
	CHECK_SESSION(n == VHOST_HEADER_SIZE + 8);
	CHECK_SESSION(bytes[VHOST_HEADER_SIZE] == SESSION_QUEUES);
	/* Half a message, then the end. */
	CHECK_SESSION(fd_send(session.socket, bytes, 5, NULL, 0) == 5);
	session_stop(&session);
	CHECK_STR(session.echo.why, "the frontend closed the connection");
}

TEST(descriptors_that_nobody_asked_for_are_closed)
{
	const struct vhost_message message = { .request = VHOST_GET_FEATURES };
	uint8_t bytes[VHOST_MESSAGE_MAX];
	size_t len = vhost_message_encode(&message, VHOST_PAYLOAD_NONE, bytes);
	int pair[2];

	CHECK_EQ(session_start_raw(&session), 0);
	CHECK_SESSION(fd_socketpair(pair) == 0);
	CHECK_SESSION(fd_send(session.socket, bytes, len, &pair[1], 1) == (ssize_t)len);
	(void)close(pair[1]);
	/* The end of file comes once the backend has closed its copy. */
	CHECK_SESSION(fd_read_full(pair[0], bytes, 1) == 0);
	(void)close(pair[0]);
	session_stop(&session);
}

TEST_MAIN()
