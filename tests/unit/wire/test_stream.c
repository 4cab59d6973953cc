#include "wire/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "tests/unit/test.h"

enum { PATIENCE_MS = 10000 };

TEST(frames_cross_a_socket)
{
	autocall(stream_finish) struct stream here, there;
	autoclose int a = -1, b = -1;
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;
	struct frame frame;
	int pair[2];

	stream_init(&here, -1);
	stream_init(&there, -1);
	CHECK_EQ(fd_socketpair(pair), 0);
	here.fd = a = pair[0];
	there.fd = b = pair[1];
	CHECK_EQ(frame_append(&here.out, 1, "one", 3), 0);
	CHECK_EQ(frame_append(&here.out, 2, "three", 5), 0);
	CHECK_EQ(stream_write(&here, deadline), 0);
	CHECK_EQ(stream_unsent(&here), 0);
	CHECK_EQ(stream_read(&there, deadline, &frame), 1);
	CHECK_EQ(frame.type, 1);
	CHECK_MEM(frame.payload, "one", 3);
	CHECK_EQ(stream_read(&there, deadline, &frame), 1);
	CHECK_EQ(frame.type, 2);
	CHECK_EQ(stream_read(&there, clock_now_ms(), &frame), -ETIMEDOUT);
	CHECK_EQ(shutdown(a, SHUT_WR), 0);
	CHECK_EQ(stream_read(&there, deadline, &frame), 0);
}

TEST(an_end_inside_a_frame_is_a_breach)
{
	autocall(stream_finish) struct stream there;
	autoclose int a = -1, b = -1;
	struct frame frame;
	int pair[2];

	stream_init(&there, -1);
	CHECK_EQ(fd_socketpair(pair), 0);
	a = pair[0];
	there.fd = b = pair[1];
	CHECK_EQ(fd_write_full(a, "\x10\0\0\0\x01\0\0\0abc", 11), 0);
	CHECK_EQ(shutdown(a, SHUT_WR), 0);
	CHECK_EQ(stream_read(&there, clock_now_ms() + PATIENCE_MS, &frame), -EPROTO);
}

TEST(a_peer_that_does_not_read_costs_a_deadline)
{
	static const uint8_t zeros[FRAME_PAYLOAD_MAX];
	autocall(stream_finish) struct stream here;
	autoclose int a = -1, b = -1;
	int pair[2], r = 0;

	stream_init(&here, -1);
	CHECK_EQ(fd_socketpair(pair), 0);
	here.fd = a = pair[0];
	b = pair[1];
	while (r == 0)
		r = frame_append(&here.out, 1, zeros, sizeof(zeros));
	CHECK_EQ(r, -ENOBUFS);
	CHECK_EQ(stream_flush(&here), -EAGAIN);
	CHECK(stream_unsent(&here) > 0);
	CHECK_EQ(stream_write(&here, clock_now_ms()), -ETIMEDOUT);
	CHECK_EQ(close(take_fd(&b)), 0);
	CHECK_EQ(stream_flush(&here), -EPIPE);
}

TEST(the_largest_frames_fit_back_to_back)
{
	static const uint8_t zeros[FRAME_PAYLOAD_MAX];
	autocall(stream_finish) struct stream here, there;
	autoclose int a = -1, b = -1;
	struct frame frame;
	int pair[2], seen = 0;

	stream_init(&here, -1);
	stream_init(&there, -1);
	CHECK_EQ(fd_socketpair(pair), 0);
	here.fd = a = pair[0];
	there.fd = b = pair[1];
	for (int i = 0; i < 8; i++)
		CHECK_EQ(frame_append(&here.out, 1, zeros, sizeof(zeros)), 0);
	while (seen < 8) {
		int r = stream_flush(&here);

		CHECK(r == 0 || r == -EAGAIN);
		r = stream_fill(&there);
		CHECK(r == 1 || r == -EAGAIN);
		while ((r = stream_next(&there, &frame)) == 1) {
			CHECK_EQ(frame.len, FRAME_PAYLOAD_MAX);
			seen++;
		}
		CHECK_EQ(r, 0);
	}
}

TEST_MAIN()
