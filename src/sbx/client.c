#include "sbx/client.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "app/options.h"
#include "app/terminal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/daemon.h"
#include "sbx/http.h"

enum {
	CALL_TIMEOUT_MS = 30000,    /* an answer that takes no work */
	STREAM_TIMEOUT_MS = 300000, /* between two lines of a stream */
	ANSWER_MAX = 16 << 20,
	RECEIVE_CHUNK = 16384,
};

/* A request under way. */
struct exchange {
	struct client *client;
	const char *method, *path; /* weak */
	int fd;
	int passed_fd;	 /* a descriptor that came with the bytes, or -1 */
	struct buf in;	 /* received, not parsed */
	struct buf body; /* the answer's content */
	struct http_head head;
	struct http_body decoder;
	uint64_t timeout_ms;
	struct err *err;
};

int client_init(struct client *client, const struct invocation *invocation, struct err *err)
{
	*client = (struct client){ .socket_path = daemon_socket_path(),
				   .debug = invocation->globals.debug };
	return client->socket_path != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

void client_finish(struct client *client)
{
	free(client->socket_path);
	client->socket_path = NULL;
}

char *client_path(const char *name, const char *rest)
{
	static const char unreserved[] = "-._~";
	autocall(buf_finish) struct buf path;
	const char *text;
	int r;

	buf_init(&path, 1 << 20);
	r = buf_printf(&path, "/sandbox/");
	for (; *name != '\0' && r == 0; name++) {
		bool plain = isalnum((unsigned char)*name) || strchr(unreserved, *name) != NULL;

		r = buf_printf(&path, plain ? "%c" : "%%%02X", (unsigned char)*name);
	}
	if (r == 0)
		r = buf_printf(&path, "%s", rest);
	text = r == 0 ? buf_str(&path) : NULL;
	return text != NULL ? strdup(text) : NULL;
}

static int connect_once(struct exchange *exchange)
{
	const char *path = exchange->client->socket_path;
	int r = fd_connect_unix(path, &exchange->fd);

	if (r < 0)
		return r;
	return daemon_check_peer(exchange->fd, path, exchange->err);
}

static int connect_daemon(struct exchange *exchange)
{
	const struct client *client = exchange->client;
	int r = connect_once(exchange);

	if (r != -ENOENT && r != -ECONNREFUSED)
		return r < 0 && exchange->err->text[0] == '\0'
			       ? err_set_errno(exchange->err, r, "cannot connect to sbxd at '%s'",
					       client->socket_path)
			       : r;
	if (client->keep_absent)
		return err_set(exchange->err, -ECONNREFUSED, "the daemon is not running");
	r = daemon_start(client->quiet, NULL, exchange->err);
	if (r < 0)
		return r;
	r = connect_once(exchange);
	if (r < 0 && exchange->err->text[0] == '\0')
		return err_set_errno(exchange->err, r, "sbxd started but '%s' does not answer",
				     client->socket_path);
	return r;
}

static int fail_timeout(const struct exchange *exchange)
{
	return err_set(
		exchange->err, -ETIMEDOUT,
		"sbxd did not answer %s %s within %u s; see 'sbx diagnose', or restart it with "
		"'sbx daemon restart' (sandboxes go on)",
		exchange->method, exchange->path, (unsigned)(exchange->timeout_ms / 1000));
}

/* Waits until the daemon can be read or written, ticking the progress line. */
static int wait_ready(const struct exchange *exchange, short events, uint64_t deadline_ms)
{
	const struct client *client = exchange->client;

	for (;;) {
		struct pollfd poll_fd = { .fd = exchange->fd, .events = events };
		int left = clock_left_ms(deadline_ms);
		int slice = client->progress != NULL && left > PROGRESS_TICK_MS ? PROGRESS_TICK_MS
										: left;
		int n = poll(&poll_fd, 1, slice);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set_errno(exchange->err, -errno, "cannot wait for sbxd");
		if (client->interrupted != NULL && client->interrupted())
			return err_set(exchange->err, -EINTR, "interrupted");
		if (n == 0 && left == 0)
			return fail_timeout(exchange);
		if (client->progress != NULL)
			progress_tick(client->progress);
	}
}

static int send_all(const struct exchange *exchange, const struct buf *out)
{
	uint64_t deadline_ms = clock_now_ms() + exchange->timeout_ms;
	size_t sent = 0;

	while (sent < out->len) {
		ssize_t n = send(exchange->fd, out->data + sent, out->len - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		/* A daemon that refuses early has its answer in flight already. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EINTR && errno != EAGAIN)
			return err_set_errno(exchange->err, -errno, "cannot write to sbxd");
		if (wait_ready(exchange, POLLOUT, deadline_ms) < 0)
			return exchange->err->code;
	}
	return 0;
}

static int send_request(const struct exchange *exchange, const json_t *body, const char *headers)
{
	autofree char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : strdup("");
	autocall(buf_finish) struct buf out = { .data = NULL };
	int r;

	if (text == NULL)
		return err_set(exchange->err, -ENOMEM, "out of memory");
	if (exchange->client->debug)
		(void)fprintf(stderr, "> %s %s %s\n", exchange->method, exchange->path, text);
	buf_init(&out, ANSWER_MAX);
	r = buf_printf(&out,
		       "%s %s HTTP/1.1\r\nHost: localhost\r\n%s"
		       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		       exchange->method, exchange->path, headers, strlen(text));
	if (r == 0)
		r = buf_append(&out, text, strlen(text));
	if (r < 0)
		return err_set_errno(exchange->err, r, "the request is too large");
	return send_all(exchange, &out);
}

/* Receives what is there: 1, 0 at the end, or -errno. Keeps the first descriptor that comes. */
static int receive(struct exchange *exchange)
{
	uint64_t deadline_ms = clock_now_ms() + exchange->timeout_ms;
	int fds[FD_PASS_MAX];
	size_t count = FD_PASS_MAX;
	ssize_t n;
	void *to;
	int r;

	r = wait_ready(exchange, POLLIN, deadline_ms);
	if (r < 0)
		return r;
	to = buf_reserve(&exchange->in, RECEIVE_CHUNK);
	if (to == NULL)
		return err_set(exchange->err, -ENOBUFS, "sbxd sent more than can be understood");
	n = fd_recv(exchange->fd, to, RECEIVE_CHUNK, fds, &count);
	if (n == -ECONNRESET)
		n = 0;
	if (n < 0)
		return err_set_errno(exchange->err, (int)n, "cannot read from sbxd");
	for (size_t i = 0; i < count; i++) {
		if (exchange->passed_fd < 0)
			exchange->passed_fd = fds[i];
		else
			(void)close(fds[i]);
	}
	exchange->in.len += (size_t)n;
	return n > 0;
}

static int fail_cut(const struct exchange *exchange)
{
	autofree char *log = daemon_log_path();

	return err_set(exchange->err, -EPIPE, "sbxd ended before it answered %s %s; see %s",
		       exchange->method, exchange->path, log != NULL ? log : "its log");
}

static int fail_nonsense(const struct exchange *exchange)
{
	return err_set(exchange->err, -EPROTO,
		       "what listens at '%s' does not speak as sbxd does; run 'sbx daemon restart'",
		       exchange->client->socket_path);
}

static int receive_head(struct exchange *exchange)
{
	for (;;) {
		int n = http_head_parse(exchange->in.data, exchange->in.len, &exchange->head);

		if (n < 0)
			return fail_nonsense(exchange);
		if (n > 0) {
			buf_consume(&exchange->in, (size_t)n);
			http_body_init(&exchange->decoder, &exchange->head);
			return 0;
		}
		n = receive(exchange);
		if (n <= 0)
			return n < 0 ? n : fail_cut(exchange);
	}
}

/* Moves what was received on to the body: 1 when the body is complete, 0 when more is needed. */
static int decode(struct exchange *exchange)
{
	ssize_t n = http_body_feed(&exchange->decoder, exchange->in.data, exchange->in.len,
				   &exchange->body);

	if (n < 0)
		return fail_nonsense(exchange);
	buf_consume(&exchange->in, (size_t)n);
	return exchange->decoder.state == HTTP_BODY_DONE;
}

/* Goes on until there is more of the body: 1, 0 when it is complete, -errno. */
static int receive_body(struct exchange *exchange)
{
	size_t before = exchange->body.len;

	for (;;) {
		int r = decode(exchange);

		if (r < 0)
			return r;
		if (exchange->body.len > before)
			return 1;
		if (r > 0)
			return 0;
		r = receive(exchange);
		if (r < 0)
			return r;
		if (r == 0)
			return http_body_end(&exchange->decoder) == 0 ? 0 : fail_cut(exchange);
	}
}

static int begin(struct exchange *exchange, const json_t *body, const char *headers)
{
	int r;

	buf_init(&exchange->in, HTTP_HEAD_MAX + ANSWER_MAX);
	buf_init(&exchange->body, ANSWER_MAX);
	r = connect_daemon(exchange);
	if (r == 0)
		r = send_request(exchange, body, headers);
	if (r == 0)
		r = receive_head(exchange);
	if (r == 0 && exchange->client->debug)
		(void)fprintf(stderr, "< %d\n", exchange->head.status);
	return r;
}

static void exchange_finish(struct exchange *exchange)
{
	if (exchange->fd >= 0)
		(void)close(exchange->fd);
	if (exchange->passed_fd >= 0)
		(void)close(exchange->passed_fd);
	buf_finish(&exchange->in);
	buf_finish(&exchange->body);
}

static int receive_rest(struct exchange *exchange)
{
	int r;

	do
		r = receive_body(exchange);
	while (r > 0);
	return r;
}

static int errno_of_status(int status)
{
	switch (status) {
	case 400:
		return -EINVAL;
	case 404:
		return -ENOENT;
	case 409:
		return -EBUSY;
	default:
		return -EIO;
	}
}

/* Sets the daemon's sentence, with control characters taken out of it. */
static int fail_answer(const struct exchange *exchange, const json_t *object, int status)
{
	const char *message = json_string_value(json_object_get(object, "message"));

	if (status == 414 || status == 431)
		return err_set(exchange->err, -ENOENT,
			       "there is nothing of such a long name; sandboxes have 2 to 63 "
			       "characters");
	if (message == NULL)
		return err_set(exchange->err, errno_of_status(status),
			       "sbxd answered %s %s with status %d", exchange->method,
			       exchange->path, status);
	return err_set(exchange->err, errno_of_status(status), "%s", message);
}

static json_t *parse_body(struct exchange *exchange)
{
	const char *text = (const char *)exchange->body.data;

	if (exchange->client->debug)
		(void)fprintf(stderr, "< %.*s\n", (int)exchange->body.len, text);
	return text == NULL ? NULL
			    : json_loadb(text, exchange->body.len, JSON_REJECT_DUPLICATES, NULL);
}

/* The whole answer of an exchange whose head is there: an error's sentence is set. */
static int finish_call(struct exchange *exchange, json_t **ret)
{
	json_t *object;
	int r = receive_rest(exchange);

	if (r < 0)
		return r;
	object = parse_body(exchange);
	if (exchange->head.status >= 400)
		r = fail_answer(exchange, object, exchange->head.status);
	else if (object == NULL)
		r = fail_nonsense(exchange);
	if (r < 0 || ret == NULL)
		json_decref(object);
	else
		*ret = object;
	return r;
}

static struct exchange exchange_make(struct client *client, const char *method, const char *path,
				     uint64_t timeout_ms, struct err *err)
{
	err->text[0] = '\0';
	return (struct exchange){ .client = client,
				  .method = method,
				  .path = path,
				  .fd = -1,
				  .passed_fd = -1,
				  .timeout_ms =
					  client->timeout_ms > 0 ? client->timeout_ms : timeout_ms,
				  .err = err };
}

static int call_once(struct client *client, const char *method, const char *path,
		     const json_t *body, json_t **ret, struct err *err)
{
	autocall(exchange_finish) struct exchange exchange =
		exchange_make(client, method, path, CALL_TIMEOUT_MS, err);
	int r = begin(&exchange, body, "Connection: close\r\n");

	return r < 0 ? r : finish_call(&exchange, ret);
}

/* A daemon that was ending took the request with it: what only asks is asked again, once. */
int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		json_t **ret, struct err *err)
{
	int r = call_once(client, method, path, body, ret, err);

	if (r == -EPIPE && strcmp(method, "GET") == 0)
		r = call_once(client, method, path, body, ret, err);
	return r;
}

int client_call_text(struct client *client, const char *path, char **ret, struct err *err)
{
	autocall(exchange_finish) struct exchange exchange =
		exchange_make(client, "GET", path, CALL_TIMEOUT_MS, err);
	int r = begin(&exchange, NULL, "Connection: close\r\n");

	if (r == 0 && exchange.head.status >= 400)
		return finish_call(&exchange, NULL);
	if (r == 0)
		r = receive_rest(&exchange);
	if (r < 0)
		return r;
	*ret = strndup(exchange.body.len > 0 ? (const char *)exchange.body.data : "",
		       exchange.body.len);
	return *ret != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* What a command of the kit printed that failed. */
static void show_output(struct exchange *exchange, const json_t *error)
{
	const char *output = json_string_value(json_object_get(error, "output"));

	if (output != NULL && exchange->client->progress != NULL)
		progress_finish(exchange->client->progress);
	while (output != NULL && *output != '\0') {
		size_t len = strcspn(output, "\n");
		autofree char *line = strndup(output, len);

		(void)terminal_print_safe(stderr, line != NULL ? line : "");
		(void)fputc('\n', stderr);
		output += len + (output[len] == '\n');
	}
}

/* One line of a stream: 0 a step, 1 the result, -errno its error. */
static int take_stream_line(struct exchange *exchange, const char *line, size_t len, json_t **ret)
{
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *result = json_object_get(object, "result");
	json_t *error = json_object_get(object, "error");
	const char *step = json_string_value(json_object_get(object, "progress"));
	int r = 0;

	if (exchange->client->debug)
		(void)fprintf(stderr, "< %.*s\n", (int)len, line);
	if (error != NULL) {
		show_output(exchange, error);
		r = fail_answer(exchange, error,
				(int)json_integer_value(json_object_get(error, "status")));
	} else if (result != NULL) {
		if (ret != NULL)
			*ret = json_incref(result);
		r = 1;
	} else if (step == NULL) {
		r = fail_nonsense(exchange);
	} else if (exchange->client->progress != NULL) {
		progress_step(exchange->client->progress, step);
	}
	json_decref(object);
	return r;
}

static int take_stream_lines(struct exchange *exchange, json_t **ret)
{
	for (;;) {
		const uint8_t *newline = exchange->body.len == 0 ? NULL
								 : memchr(exchange->body.data, '\n',
									  exchange->body.len);
		size_t len;
		int r;

		if (newline == NULL)
			return 0;
		len = (size_t)(newline - exchange->body.data);
		r = take_stream_line(exchange, (const char *)exchange->body.data, len, ret);
		if (r != 0)
			return r;
		buf_consume(&exchange->body, len + 1);
	}
}

/* The stream ended. Its last line may lack the newline, or be cut. */
static int take_last_line(struct exchange *exchange, json_t **ret)
{
	const char *line = (const char *)exchange->body.data;
	size_t len = exchange->body.len;
	json_t *object = len > 0 ? json_loadb(line, len, 0, NULL) : NULL;
	int r = object != NULL ? take_stream_line(exchange, line, len, ret) : 0;

	json_decref(object);
	return r == 0 ? fail_cut(exchange) : r;
}

int client_stream(struct client *client, const char *method, const char *path, const json_t *body,
		  json_t **ret, struct err *err)
{
	autocall(exchange_finish) struct exchange exchange =
		exchange_make(client, method, path, STREAM_TIMEOUT_MS, err);
	int r = begin(&exchange, body, "Connection: close\r\n");

	if (r == 0 && exchange.head.status >= 400)
		return finish_call(&exchange, NULL);
	while (r == 0) {
		r = receive_body(&exchange);
		r = r > 0    ? take_stream_lines(&exchange, ret)
		    : r == 0 ? take_last_line(&exchange, ret)
			     : r;
	}
	if (client->progress != NULL)
		progress_finish(client->progress);
	return r < 0 ? r : 0;
}

/* After the 101: one zero byte with one descriptor. */
static int receive_descriptor(struct exchange *exchange, int *ret)
{
	int r = 1;

	while (exchange->in.len == 0 && r > 0)
		r = receive(exchange);
	if (r < 0)
		return r;
	if (r == 0)
		return fail_cut(exchange);
	if (exchange->in.len != 1 || exchange->in.data[0] != 0 || exchange->passed_fd < 0)
		return fail_nonsense(exchange);
	*ret = take_fd(&exchange->passed_fd);
	return 0;
}

static int attach_once(struct client *client, const char *path, int *ret_socket, struct err *err)
{
	autocall(exchange_finish) struct exchange exchange =
		exchange_make(client, "POST", path, CLIENT_SLOW_MS, err);
	int r = begin(&exchange, NULL, "Connection: Upgrade\r\nUpgrade: sbx-guest\r\n");

	if (r < 0)
		return r;
	if (exchange.head.status == 101)
		return receive_descriptor(&exchange, ret_socket);
	return exchange.head.status >= 400 ? finish_call(&exchange, NULL)
					   : fail_nonsense(&exchange);
}

/* Nothing was said to the guest before there is a descriptor, so this may be asked again too. */
int client_attach(struct client *client, const char *name, int *ret_socket, struct err *err)
{
	autofree char *path = client_path(name, "/attach");
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = attach_once(client, path, ret_socket, err);
	if (r == -EPIPE)
		r = attach_once(client, path, ret_socket, err);
	return r;
}
