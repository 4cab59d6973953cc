/*
 * libmicrohttpd gives us parsed HTTP; everything else is ours: who may connect
 * (the caller checks the peer before rest_add()), how large a body may be, what
 * an error looks like, and streams of JSON lines.
 */
#include "sbxd/rest.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbxd/request.h"
#include "sbxd/route.h"
#include "sbxd/supervisor.h"
#include "sbxd/view.h"

enum {
	OUTPUT_MAX = 8192, /* bytes of what a command printed, in an answer */
	SERVER_CONNECTIONS_MAX = 2 * REST_CONNECTIONS_MAX, /* never reached */
	STACK_BYTES = 256 * 1024,
	BODY_FIRST = 32 * 1024,
	HEADER_BYTES_MAX = 32 * 1024,
	IDLE_S = 300,	      /* of a connection that says nothing */
	STREAM_BLOCK = 16384, /* bytes libmicrohttpd asks us for at once */
	STREAM_LOOK_MS = 10000,
	LINE_MAX = 4 * 1024 * 1024, /* one line of a stream: a sandbox object */
};

struct rest {
	struct MHD_Daemon *server;
	struct supervisor *supervisor;
	/*
	 * Connections that are open. libmicrohttpd counts them too, but 0.9.75 keeps a lock for
	 * ever when its limit is reached, so ours is lower.
	 */
	atomic_uint connections;
};

/* What lasts as long as one request. */
struct exchange {
	struct request request;
	char *uri;     /* owned; as it came; NULL without memory */
	bool is_begun; /* the header is complete */
	struct route_path path;
	struct buf body;
	bool is_too_large;
	/* of a stream */
	struct buf lines; /* formatted, not yet sent */
	unsigned progress_number;
	bool is_finished;
};

int rest_check_peer(int socket)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	return peer.uid == geteuid() || peer.uid == 0 ? 0 : -EPERM;
}

static struct exchange *exchange_create(struct rest *rest)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return NULL;
	exchange->request.supervisor = rest->supervisor;
	exchange->request.hand_over = -1;
	buf_init(&exchange->body, REQUEST_BODY_MAX);
	/* most bodies fit at once: one that grew would leave copies behind */
	(void)buf_reserve(&exchange->body, BODY_FIRST);
	buf_init(&exchange->lines, LINE_MAX);
	return exchange;
}

static void exchange_destroy(struct exchange *exchange)
{
	struct request *request = &exchange->request;

	json_decref(request->body);
	json_decref(request->json);
	free(request->text);
	if (request->hand_over >= 0)
		(void)close(request->hand_over);
	supervisor_put(request->watched);
	if (exchange->body.data != NULL)
		explicit_bzero(exchange->body.data, exchange->body.cap);
	buf_finish(&exchange->body);
	buf_finish(&exchange->lines);
	free(exchange->uri);
	free(exchange);
}

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, const char *type,
			     struct MHD_Response *response)
{
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Content-Type", type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result queue_json(struct MHD_Connection *connection, unsigned status,
				  const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (text == NULL)
		return MHD_NO;
	return queue(connection, status, "application/json",
		     MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result queue_error(struct MHD_Connection *connection, unsigned status,
				   const char *sentence)
{
	json_t *json = json_pack("{so}", "message", view_text(sentence));
	enum MHD_Result result = json == NULL ? MHD_NO : queue_json(connection, status, json);

	json_decref(json);
	return result;
}

static void add_line(struct exchange *exchange, json_t *json)
{
	autofree char *text =
		json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (text != NULL)
		(void)buf_printf(&exchange->lines, "%s\n", text);
	json_decref(json);
}

/* What a command of the kit printed, where that is why it failed; NULL: nothing. */
static json_t *setup_output(struct sandbox *sandbox)
{
	autofree char *text = NULL;
	size_t len = 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	text = tail_copy(&sandbox->setup_output, OUTPUT_MAX, &len);
	(void)pthread_mutex_unlock(&sandbox->lock);
	return len == 0 ? NULL : view_bytes(text, len);
}

static void add_error_line(struct exchange *exchange, const struct err *err)
{
	add_line(exchange, json_pack("{s{so si so*}}", "error", "message", view_text(err->text),
				     "status", (int)request_status_of(err->code), "output",
				     setup_output(exchange->request.watched)));
	exchange->is_finished = true;
}

/* The operation ended well: the next one begins, or the stream ends. */
static void add_result_line(struct exchange *exchange)
{
	struct request *request = &exchange->request;
	struct err err = ERR_INIT;

	if (request->next != NULL && request->next(request, &err))
		return;
	if (err.code < 0) {
		add_error_line(exchange, &err);
		return;
	}
	add_line(exchange, json_pack("{so}", "result", request->result(request->watched)));
	exchange->is_finished = true;
}

/* Waits for news of the watched sandbox and formats them as lines. */
static void gather_lines(struct exchange *exchange)
{
	struct request *request = &exchange->request;
	struct sandbox *sandbox = request->watched;
	uint64_t deadline_ms = clock_now_ms() + STREAM_LOOK_MS;
	const char *progress = NULL;
	struct err err = ERR_INIT;
	int r;

	(void)pthread_mutex_lock(&sandbox->lock);
	while ((r = sandbox_ticket_check(sandbox, &request->ticket, &err)) == 0 &&
	       (sandbox->progress_number == exchange->progress_number ||
		sandbox->progress == NULL) &&
	       clock_left_ms(deadline_ms) > 0)
		sandbox_wait_change(sandbox, deadline_ms);
	if (r == 0 && sandbox->progress_number != exchange->progress_number) {
		progress = sandbox->progress;
		exchange->progress_number = sandbox->progress_number;
	}
	(void)pthread_mutex_unlock(&sandbox->lock);
	if (r < 0)
		add_error_line(exchange, &err);
	else if (r > 0)
		add_result_line(exchange);
	else if (progress != NULL)
		add_line(exchange, json_pack("{ss}", "progress", progress));
}

static ssize_t read_stream(void *context, uint64_t pos, char *to, size_t max)
{
	struct exchange *exchange = context;
	size_t len;

	(void)pos;
	while (exchange->lines.len == 0 && !exchange->is_finished)
		gather_lines(exchange);
	if (exchange->lines.len == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	len = exchange->lines.len < max ? exchange->lines.len : max;
	memcpy(to, exchange->lines.data, len);
	buf_consume(&exchange->lines, len);
	return (ssize_t)len;
}

/* The connection after a 101: one byte with the descriptor, then it is over. */
static void hand_over(void *context, struct MHD_Connection *connection, void *con_context,
		      const char *extra, size_t extra_size, MHD_socket socket,
		      struct MHD_UpgradeResponseHandle *handle)
{
	struct exchange *exchange = context;

	(void)connection;
	(void)con_context;
	(void)extra;
	(void)extra_size;
	(void)fd_set_nonblock(socket, false);
	(void)fd_send(socket, "", 1, &exchange->request.hand_over, 1);
	(void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

static enum MHD_Result queue_upgrade(struct MHD_Connection *connection, struct exchange *exchange)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(hand_over, exchange);
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, "Upgrade", "sbx-guest");
	result = MHD_queue_response(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result queue_reply(struct MHD_Connection *connection, struct exchange *exchange)
{
	struct request *request = &exchange->request;

	if (request->hand_over >= 0)
		return queue_upgrade(connection, exchange);
	if (request->watched != NULL)
		return queue(connection, request->status, "application/x-ndjson",
			     MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
							       read_stream, exchange, NULL));
	if (request->text != NULL)
		return queue(connection, request->status, "text/plain; charset=utf-8",
			     MHD_create_response_from_buffer(request->text_len, request->text,
							     MHD_RESPMEM_MUST_COPY));
	return queue_json(connection, request->status, request->json);
}

static const char *query(const struct request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct exchange *exchange,
			      const char *url, const char *method)
{
	struct request *request = &exchange->request;
	const struct route *route = NULL;
	const char *upgrade;
	struct err err = ERR_INIT;
	int r = exchange->uri == NULL ? -ENOENT : route_split(exchange->uri, &exchange->path);

	if (r == -ENAMETOOLONG)
		return queue_error(connection, 414, "a name in the path is too long");
	if (r == 0)
		r = route_find(method, &exchange->path, request->args, &route);
	if (r == -EPROTOTYPE)
		return queue_error(connection, 405, "this path has no such method");
	if (r < 0)
		return queue_error(connection, 404, "there is no such path; see docs/api.md");
	r = route_parse_body((const char *)exchange->body.data, exchange->body.len, &request->body,
			     &err);
	if (r < 0)
		return queue_error(connection, request_status_of(r), err.text);
	upgrade = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Upgrade");
	request->wants_upgrade = upgrade != NULL && strcasecmp(upgrade, "sbx-guest") == 0;
	request->connection = connection;
	request->query = query;
	/* A handler may take its time: the clock of the idle begins anew after it. */
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	r = route->handle(request, &err);
	(void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
					(unsigned)IDLE_S);
	if (r < 0) {
		log_debug("%s %s: %s", method, url, err.text);
		return queue_error(connection,
				   request->status != 0 ? request->status : request_status_of(r),
				   err.text);
	}
	return queue_reply(connection, exchange);
}

/* The first that is heard of a request: its path before anything in it is decoded. */
static void *begin_exchange(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = exchange_create(context);

	(void)connection;
	if (exchange != NULL)
		exchange->uri = strdup(uri);
	return exchange;
}

/* Called with the header, then with pieces of the body, then without any. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct exchange *exchange = *state;

	(void)context;
	(void)version;
	if (exchange == NULL)
		return MHD_NO;
	if (!exchange->is_begun) {
		exchange->is_begun = true;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		if (buf_append(&exchange->body, upload, *upload_size) < 0)
			exchange->is_too_large = true;
		*upload_size = 0;
		return MHD_YES;
	}
	if (exchange->is_too_large)
		return queue_error(connection, 413, "the request's body is larger than 1 MiB");
	return answer(connection, exchange, url, method);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;

	(void)connection;
	(void)context;
	(void)code;
	if (exchange == NULL)
		return;
	if (exchange->request.after != NULL)
		exchange->request.after(exchange->request.supervisor);
	exchange_destroy(exchange);
	*state = NULL;
}

static void connection_changed(void *context, struct MHD_Connection *connection, void **of_socket,
			       enum MHD_ConnectionNotificationCode code)
{
	struct rest *rest = context;

	(void)connection;
	(void)of_socket;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		(void)atomic_fetch_sub(&rest->connections, 1);
}

int rest_create(struct supervisor *supervisor, struct rest **ret, struct err *err)
{
	struct rest *rest = calloc(1, sizeof(*rest));

	if (rest == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	rest->supervisor = supervisor;
	rest->server = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
			MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_UPGRADE,
		0, NULL, NULL, handle, rest, MHD_OPTION_NOTIFY_COMPLETED, completed, rest,
		MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, rest, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION, connection_changed,
		rest, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES_MAX,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
	if (rest->server == NULL) {
		free(rest);
		return err_set(err, -EIO, "cannot start the HTTP server");
	}
	*ret = rest;
	return 0;
}

void rest_destroy(struct rest *rest)
{
	if (rest == NULL)
		return;
	MHD_stop_daemon(rest->server);
	free(rest);
}

/* Answers without having read the request, and without waiting for who does not read. */
static void refuse(int socket)
{
	static const char message[] =
		"{\"message\":\"sbxd has too many connections open; try again when some of its "
		"clients have ended\"}";
	char answer[512];
	int len = snprintf(answer, sizeof(answer),
			   "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
			   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			   sizeof(message) - 1, message);

	(void)send(socket, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(socket);
}

int rest_add(struct rest *rest, int socket)
{
	struct sockaddr address = { .sa_family = AF_UNIX };

	if (atomic_load(&rest->connections) >= REST_CONNECTIONS_MAX) {
		refuse(socket);
		return -EBUSY;
	}
	(void)atomic_fetch_add(&rest->connections, 1);
	if (MHD_add_connection(rest->server, socket, &address, sizeof(address)) == MHD_YES)
		return 0;
	(void)atomic_fetch_sub(&rest->connections, 1);
	return -EIO;
}
