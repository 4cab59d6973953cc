#include "vhost/frontend.h"

#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "tests/unit/test.h"
#include "vhost/channel.h"
#include "vhost/message.h"

/*
 * A scripted backend: its answers lie in the socket before the questions are
 * asked, which a frontend cannot tell.
 */
static struct vhost_channel backend;
static struct vhost_frontend *frontend;
static struct err err;
static int frontend_socket;

static void open_pair(void)
{
	int pair[2];

	if (fd_socketpair(pair) < 0 || vhost_channel_init(&backend, pair[0]) < 0)
		abort();
	frontend_socket = pair[1];
}

static void answer_u64(uint32_t request, uint64_t value)
{
	const struct vhost_message message = { .request = request,
					       .flags = VHOST_REPLY,
					       .u64 = value };

	(void)vhost_channel_send(&backend, &message, VHOST_PAYLOAD_U64, NULL, 0);
}

static int create(void)
{
	const struct vhost_frontend_config config = { .socket = frontend_socket,
						      .name = "disk",
						      .timeout_ms = 20 };
	int r = vhost_frontend_create(&config, &frontend, &err);

	if (r < 0)
		(void)close(frontend_socket);
	return r;
}

/* The answers of a backend with the given protocol features and no acknowledgements. */
static void answer_hello(uint64_t protocol)
{
	answer_u64(VHOST_GET_FEATURES, VHOST_FEATURE_PROTOCOL | 0xf0);
	answer_u64(VHOST_GET_PROTOCOL_FEATURES, protocol);
	if ((protocol & VHOST_PROTOCOL_MQ) != 0)
		answer_u64(VHOST_GET_QUEUE_NUM, 3);
}

static void finish(void)
{
	vhost_frontend_destroy(frontend);
	vhost_channel_finish(&backend);
}

TEST(hello_tells_what_the_backend_is)
{
	open_pair();
	answer_hello(VHOST_PROTOCOL_MQ | (1U << 31));
	CHECK_EQ(create(), 0);
	CHECK_EQ(vhost_frontend_features(frontend), 0xf0);
	CHECK_EQ(vhost_frontend_queues(frontend), 3);
	CHECK_EQ(vhost_frontend_requests(frontend), -1);
	CHECK_EQ(vhost_frontend_set_features(frontend, 0x100, &err), -EINVAL);
	CHECK_EQ(vhost_frontend_set_features(frontend, 0x30, &err), 0);
	CHECK_EQ(vhost_frontend_read_config(frontend, 0, &err, 1, &err), -ENOTSUP);
	finish();
}

TEST(a_hung_backend_is_given_up)
{
	open_pair();
	CHECK_EQ(create(), -ETIMEDOUT);
	CHECK_STR(err.text, "the backend of disk does not answer: Connection timed out");
	vhost_channel_finish(&backend);
}

TEST(a_backend_that_goes_away_is_told)
{
	open_pair();
	vhost_channel_finish(&backend);
	CHECK_EQ(create(), -EPIPE);
	open_pair();
	answer_hello(0);
	CHECK_EQ(create(), 0);
	vhost_channel_finish(&backend);
	CHECK_EQ(vhost_frontend_set_features(frontend, 0, &err), -EPIPE);
	vhost_frontend_destroy(frontend);
}

TEST(one_failure_ends_the_connection)
{
	uint16_t base = 77;

	open_pair();
	answer_hello(0);
	CHECK_EQ(create(), 0);
	CHECK_EQ(vhost_frontend_stop_queue(frontend, 0, &base, &err), -ETIMEDOUT);
	CHECK_EQ(base, 77);
	CHECK_EQ(vhost_frontend_set_features(frontend, 0, &err), -ETIMEDOUT);
	CHECK_STR(err.text, "the backend of disk failed before");
	finish();
}

TEST(answers_to_something_else_are_refused)
{
	open_pair();
	answer_u64(VHOST_GET_QUEUE_NUM, 1);
	CHECK_EQ(create(), -EPROTO);
	vhost_channel_finish(&backend);
}

TEST(answers_of_the_wrong_form_are_refused)
{
	const struct vhost_message message = { .request = VHOST_GET_FEATURES,
					       .flags = VHOST_REPLY };
	const struct vhost_message no_reply = { .request = VHOST_GET_FEATURES };

	open_pair();
	(void)vhost_channel_send(&backend, &message, VHOST_PAYLOAD_ADDRESS, NULL, 0);
	CHECK_EQ(create(), -EPROTO);
	vhost_channel_finish(&backend);
	open_pair();
	(void)vhost_channel_send(&backend, &no_reply, VHOST_PAYLOAD_U64, NULL, 0);
	CHECK_EQ(create(), -EPROTO);
	vhost_channel_finish(&backend);
	open_pair();
	(void)fd_send(backend.socket, "no vhost-user at all", 20, NULL, 0);
	CHECK_EQ(create(), -EPROTO);
	vhost_channel_finish(&backend);
}

TEST(backends_without_protocol_features_are_too_old)
{
	open_pair();
	answer_u64(VHOST_GET_FEATURES, 0);
	CHECK_EQ(create(), -ENOTSUP);
	vhost_channel_finish(&backend);
}

TEST(refusals_are_told)
{
	open_pair();
	answer_u64(VHOST_GET_FEATURES, VHOST_FEATURE_PROTOCOL);
	answer_u64(VHOST_GET_PROTOCOL_FEATURES, VHOST_PROTOCOL_REPLY_ACK);
	answer_u64(VHOST_SET_OWNER, 0);
	answer_u64(VHOST_SET_FEATURES, 1);
	CHECK_EQ(create(), 0);
	CHECK_EQ(vhost_frontend_set_features(frontend, 0, &err), -EREMOTEIO);
	finish();
}

TEST(impossible_numbers_are_refused)
{
	const struct vhost_message base = { .request = VHOST_GET_VRING_BASE,
					    .flags = VHOST_REPLY,
					    .state = { 0, 65536 } };
	const struct vhost_message config = { .request = VHOST_GET_CONFIG,
					      .flags = VHOST_REPLY,
					      .config = { .size = 200 } };
	uint16_t got;
	uint8_t bytes[8];

	open_pair();
	answer_hello(0);
	(void)vhost_channel_send(&backend, &base, VHOST_PAYLOAD_STATE, NULL, 0);
	CHECK_EQ(create(), 0);
	CHECK_EQ(vhost_frontend_stop_queue(frontend, 0, &got, &err), -EPROTO);
	finish();
	open_pair();
	answer_hello(VHOST_PROTOCOL_CONFIG);
	(void)vhost_channel_send(&backend, &config, VHOST_PAYLOAD_CONFIG, NULL, 0);
	CHECK_EQ(create(), 0);
	CHECK_EQ(vhost_frontend_read_config(frontend, 0, bytes, sizeof(bytes), &err), -EPROTO);
	finish();
}

/* The answer to a request for memory: queues, their size, and whether there is a descriptor. */
static int make_inflight(uint16_t queues, uint16_t queue_size, bool has_fd)
{
	const struct vhost_message message = {
		.request = VHOST_GET_INFLIGHT_FD,
		.flags = VHOST_REPLY,
		.area = { .size = 4096, .queues = queues, .queue_size = queue_size },
	};
	struct vhost_frontend_inflight got = { .fd = -1 };
	int r;

	open_pair();
	answer_hello(VHOST_PROTOCOL_INFLIGHT);
	(void)vhost_channel_send(&backend, &message, VHOST_PAYLOAD_AREA, &backend.socket,
				 has_fd ? 1 : 0);
	r = create();
	if (r == 0)
		r = vhost_frontend_make_inflight(frontend, 2, 128, &got, &err);
	if (got.fd >= 0)
		(void)close(got.fd);
	finish();
	return r;
}

TEST(memory_for_what_is_under_way_is_what_was_asked_for)
{
	struct vhost_frontend_inflight got;

	CHECK_EQ(make_inflight(2, 128, true), 0);
	CHECK_EQ(make_inflight(2, 128, false), -EPROTO);
	CHECK_EQ(make_inflight(1, 128, true), -EPROTO);
	CHECK_EQ(make_inflight(2, 64, true), -EPROTO);
	open_pair();
	answer_hello(0);
	CHECK_EQ(create(), 0);
	CHECK_EQ(vhost_frontend_make_inflight(frontend, 2, 128, &got, &err), -ENOTSUP);
	finish();
}

TEST_MAIN()
