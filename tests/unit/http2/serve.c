/*
 * A small server for real clients: `serve h1|h2` listens on the loopback, prints its
 * port, and serves until its input ends.
 *
 *	/       "hello\n"
 *	/echo   the request's body, and its length as the trailer x-sum
 *	else    403 at once, whatever the request's body
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/http1.h"
#include "http2/http2.h"

enum { CONNECTIONS_MAX = 128, PIECE = 16384, HELD_MAX = 4 << 20 };

struct connection {
	int fd;
	struct http_codec *codec;
	struct buf unread, unsent;
	bool is_read_out;
};

/* What one exchange has yet to say. */
struct echo {
	struct buf held;
	size_t sum;
	bool is_ended;
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;
static bool speaks_http2;

static void finish_echo(struct http_stream *stream, const struct echo *echo)
{
	struct http_fields trailers;
	char sum[24];

	http_fields_init(&trailers);
	(void)snprintf(sum, sizeof(sum), "%zu", echo->sum);
	(void)http_fields_set(&trailers, "x-sum", sum);
	(void)http_finish(stream, &trailers);
	http_fields_finish(&trailers);
}

static void flush_echo(struct http_stream *stream)
{
	struct echo *echo = stream->tag;

	while (echo->held.len > 0) {
		ssize_t n = http_send(stream, echo->held.data, echo->held.len);

		if (n <= 0)
			return;
		http_consumed(stream, (size_t)n);
		buf_consume(&echo->held, (size_t)n);
	}
	if (echo->is_ended)
		finish_echo(stream, echo);
}

static void on_request(void *owner, struct http_stream *stream, struct http_request *request,
		       bool has_body)
{
	struct http_response response;
	bool is_echo = strcmp(request->path, "/echo") == 0;
	bool is_hello = strcmp(request->path, "/") == 0;

	(void)owner;
	http_response_init(&response, 100);
	if (is_echo && request->expects_continue)
		(void)http_respond(stream, &response, false);
	response.status = is_echo || is_hello ? 200 : 403;
	response.content_length = is_echo ? -1 : 6;
	(void)http_fields_set(&response.fields, "content-type", "text/plain");
	(void)http_respond(stream, &response, true);
	http_response_finish(&response);
	if (is_echo) {
		struct echo *echo = calloc(1, sizeof(*echo));

		buf_init(&echo->held, HELD_MAX);
		echo->is_ended = !has_body;
		stream->tag = echo;
		flush_echo(stream);
		return;
	}
	(void)http_send(stream, (const uint8_t *)(is_hello ? "hello\n" : "never\n"), 6);
	(void)http_finish(stream, NULL);
}

static void on_data(void *owner, struct http_stream *stream, const uint8_t *bytes, size_t len)
{
	struct echo *echo = stream->tag;

	(void)owner;
	if (echo == NULL) {
		http_consumed(stream, len);
		return;
	}
	echo->sum += len;
	(void)buf_append(&echo->held, bytes, len);
	flush_echo(stream);
}

static void on_end(void *owner, struct http_stream *stream, struct http_fields *trailers)
{
	struct echo *echo = stream->tag;

	(void)owner;
	(void)trailers;
	if (echo == NULL)
		return;
	echo->is_ended = true;
	flush_echo(stream);
}

static void on_cut(void *owner, struct http_stream *stream, enum http_cut why)
{
	(void)owner;
	(void)stream;
	(void)why;
}

static void on_room(void *owner, struct http_stream *stream)
{
	(void)owner;
	if (stream->tag != NULL)
		flush_echo(stream);
}

static void on_gone(void *owner, struct http_stream *stream)
{
	struct echo *echo = stream->tag;

	(void)owner;
	if (echo == NULL)
		return;
	buf_finish(&echo->held);
	free(echo);
}

static void on_broken(void *owner, const char *why)
{
	(void)owner;
	fprintf(stderr, "broken: %s\n", why);
}

static const struct http_events events = { .request = on_request,
					   .data = on_data,
					   .end = on_end,
					   .cut = on_cut,
					   .room = on_room,
					   .gone = on_gone,
					   .broken = on_broken };

static void accept_one(int listener)
{
	struct http1_config http1 = { .side = HTTP_SERVER, .scheme = "http", .events = &events };
	struct http2_config http2 = { .side = HTTP_SERVER, .scheme = "http", .events = &events };
	struct connection *connection = &connections[connection_count];
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*connection = (struct connection){ .fd = fd };
	buf_init(&connection->unread, PIECE);
	buf_init(&connection->unsent, PIECE);
	if ((speaks_http2 ? http2_create(&http2, &connection->codec)
			  : http1_create(&http1, &connection->codec)) < 0)
		exit(EXIT_FAILURE);
	connection_count++;
}

static void read_some(struct connection *connection)
{
	struct buf *unread = &connection->unread;
	size_t room = PIECE - unread->len;
	ssize_t n;

	if (room == 0 || connection->is_read_out)
		return;
	n = recv(connection->fd, buf_reserve(unread, room), room, 0);
	if (n > 0)
		unread->len += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		connection->is_read_out = true;
}

/* What the codec takes of it; true when it took some. */
static bool feed(struct connection *connection)
{
	struct buf *unread = &connection->unread;
	ssize_t n = http_input(connection->codec, unread->data, unread->len);

	buf_consume(unread, n < 0 ? unread->len : (size_t)n);
	if (connection->is_read_out && unread->len == 0)
		http_input_end(connection->codec);
	return n > 0;
}

/* False: the other end is gone. */
static bool write_some(struct connection *connection)
{
	struct buf *unsent = &connection->unsent;

	for (;;) {
		ssize_t n;

		if (unsent->len == 0 && http_wants_output(connection->codec))
			unsent->len +=
				http_output(connection->codec, buf_reserve(unsent, PIECE), PIECE);
		if (unsent->len == 0 && http_wants_output(connection->codec))
			continue;
		if (unsent->len == 0)
			return true;
		n = send(connection->fd, unsent->data, unsent->len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		buf_consume(unsent, (size_t)n);
	}
}

static void close_one(struct connection *connection)
{
	http_destroy(connection->codec);
	buf_finish(&connection->unread);
	buf_finish(&connection->unsent);
	(void)close(connection->fd);
	*connection = connections[--connection_count];
}

static void serve(struct connection *connection)
{
	bool is_alive, moved;

	read_some(connection);
	do {
		moved = feed(connection);
		is_alive = write_some(connection);
	} while (is_alive && moved && connection->unread.len > 0);
	if (!is_alive || (http_is_done(connection->codec) && connection->unsent.len == 0))
		close_one(connection);
}

static void run(int listener)
{
	struct pollfd polled[CONNECTIONS_MAX + 2];

	for (;;) {
		polled[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
		polled[1] = (struct pollfd){ .fd = listener,
					     .events = connection_count < CONNECTIONS_MAX ? POLLIN
											  : 0 };
		for (size_t i = 0; i < connection_count; i++)
			polled[i + 2] = (struct pollfd){
				.fd = connections[i].fd,
				.events = (short)((connections[i].is_read_out ? 0 : POLLIN) |
						  (connections[i].unsent.len > 0 ? POLLOUT : 0))
			};
		if (poll(polled, connection_count + 2, -1) < 0 || polled[0].revents != 0)
			return;
		for (size_t i = connection_count; i-- > 0;)
			if (polled[i + 2].revents != 0)
				serve(&connections[i]);
		if (polled[1].revents != 0)
			accept_one(listener);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	speaks_http2 = argc > 1 && strcmp(argv[1], "h2") == 0;
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(listener, CONNECTIONS_MAX) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) < 0)
		return EXIT_FAILURE;
	printf("%d\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	run(listener);
	while (connection_count > 0)
		close_one(&connections[0]);
	return EXIT_SUCCESS;
}
