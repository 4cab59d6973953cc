/*
 * The client against a daemon that a child plays: one connection, a script of
 * bytes, perhaps a descriptor.
 */
#include "sbx/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/options.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "tests/unit/test.h"

/* What the daemon answers after it has read the head of the request. */
struct script {
	const char *answer;
	size_t len;  /* of answer; 0: its string length */
	size_t step; /* bytes in one write; 0: all */
	bool passes; /* a descriptor goes with the last piece */
	bool stays;  /* it does not close but waits for the client to */
	bool dies;   /* the first connection is closed without an answer */
};

struct server {
	char folder[64], socket[96];
	pid_t child;
};

static void read_head(int fd)
{
	char bytes[4096];
	size_t len = 0;

	while (len < sizeof(bytes) - 1) {
		ssize_t n = read(fd, bytes + len, sizeof(bytes) - 1 - len);

		if (n <= 0)
			_exit(1);
		len += (size_t)n;
		bytes[len] = '\0';
		if (strstr(bytes, "\r\n\r\n") != NULL)
			return;
	}
}

static void answer(int fd, const struct script *script)
{
	size_t len = script->len > 0 ? script->len : strlen(script->answer);
	size_t step = script->step > 0 ? script->step : len;
	char byte;

	for (size_t done = 0; done < len; done += step) {
		size_t n = min_of(step, len - done);
		bool last = done + n == len;
		int own = open("/dev/null", O_RDONLY | O_CLOEXEC);

		(void)fd_send(fd, script->answer + done, n, &own, last && script->passes ? 1 : 0);
		(void)close(own);
	}
	if (script->stays)
		(void)!read(fd, &byte, 1);
}

/* One connection after the other, until it is killed. */
static void serve(int listener, const struct script *script)
{
	bool dies = script->dies;

	(void)signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		read_head(fd);
		if (!dies)
			answer(fd, script);
		dies = false;
		(void)close(fd);
	}
}

static bool server_start(struct server *server, const struct script *script)
{
	int listener;

	memcpy(server->folder, "client-XXXXXX", sizeof("client-XXXXXX"));
	if (mkdtemp(server->folder) == NULL)
		return false;
	(void)snprintf(server->socket, sizeof(server->socket), "%s/socket", server->folder);
	if (fd_listen_unix(server->socket, &listener) < 0)
		return false;
	(void)fflush(stdout);
	server->child = fork();
	if (server->child == 0)
		serve(listener, script);
	(void)close(listener);
	return server->child > 0;
}

static void server_finish(struct server *server)
{
	(void)kill(server->child, SIGKILL);
	(void)waitpid(server->child, NULL, 0);
	(void)file_remove_tree(AT_FDCWD, server->folder);
}

static struct client client_of(const struct server *server)
{
	return (struct client){ .socket_path = (char *)(uintptr_t)server->socket,
				.keep_absent = true };
}

TEST(an_answer)
{
	static const struct script scripts[] = {
		{ .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}" },
		{ .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}",
		  .step = 1 },
		{ .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "9\r\n{\"a\":\"b\"}\r\n0\r\n\r\n",
		  .stays = true },
		{ .answer = "HTTP/1.1 200 OK\r\n\r\n{\"a\":\"b\"}" },
	};

	for (size_t i = 0; i < countof(scripts); i++) {
		struct server server;
		struct client client;
		struct err err = ERR_INIT;
		json_t *answer;

		CHECK(server_start(&server, &scripts[i]));
		client = client_of(&server);
		CHECK_EQ(client_call(&client, "GET", "/x", NULL, &answer, &err), 0);
		CHECK_STR(json_string_value(json_object_get(answer, "a")), "b");
		json_decref(answer);
		server_finish(&server);
	}
}

TEST(an_error_is_the_daemons_sentence)
{
	static const struct {
		struct script script;
		int code;
		const char *sentence;
	} cases[] = {
		{ { .answer = "HTTP/1.1 404 Not Found\r\n\r\n{\"message\":\"no such thing\"}" },
		  -ENOENT,
		  "no such thing" },
		{ { .answer = "HTTP/1.1 409 Conflict\r\n\r\n{\"message\":\"busy\"}" },
		  -EBUSY,
		  "busy" },
		{ { .answer = "HTTP/1.1 500 Oh\r\n\r\nnot json" },
		  -EIO,
		  "sbxd answered GET /x with status 500" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct server server;
		struct client client;
		struct err err = ERR_INIT;

		CHECK(server_start(&server, &cases[i].script));
		client = client_of(&server);
		CHECK_EQ(client_call(&client, "GET", "/x", NULL, NULL, &err), cases[i].code);
		CHECK_STR(err.text, cases[i].sentence);
		server_finish(&server);
	}
}

TEST(nonsense_and_cuts)
{
	static const struct {
		struct script script;
		int code;
	} cases[] = {
		{ { .answer = "SSH-2.0-OpenSSH\r\n\r\n" }, -EPROTO },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Le" }, -EPIPE },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\"" }, -EPIPE },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc" }, -EPROTO },
		{ { .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" },
		  -EPROTO },
		{ { .answer = "\r\n\r\n", .step = 1, .stays = true }, -EPROTO },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct server server;
		struct client client;
		struct err err = ERR_INIT;

		CHECK(server_start(&server, &cases[i].script));
		client = client_of(&server);
		CHECK_EQ(client_call(&client, "GET", "/x", NULL, NULL, &err), cases[i].code);
		CHECK(err.text[0] != '\0');
		server_finish(&server);
	}
}

TEST(only_questions_are_asked_again)
{
	static const struct script script = { .answer = "HTTP/1.1 200 OK\r\n\r\n{}", .dies = true };
	static const struct {
		const char *method;
		int code;
	} cases[] = { { "GET", 0 }, { "POST", -EPIPE }, { "DELETE", -EPIPE } };

	for (size_t i = 0; i < countof(cases); i++) {
		struct server server;
		struct client client;
		struct err err = ERR_INIT;

		CHECK(server_start(&server, &script));
		client = client_of(&server);
		CHECK_EQ(client_call(&client, cases[i].method, "/x", NULL, NULL, &err),
			 cases[i].code);
		server_finish(&server);
	}
}

static bool always(void)
{
	return true;
}

TEST(a_stuck_daemon_can_be_left)
{
	static const struct script silent = { .answer = "HTTP/1.1 200 OK\r\n", .stays = true };
	struct server server;
	struct client client;
	struct err err = ERR_INIT;

	CHECK(server_start(&server, &silent));
	client = client_of(&server);
	client.timeout_ms = 50;
	CHECK_EQ(client_call(&client, "GET", "/x", NULL, NULL, &err), -ETIMEDOUT);
	CHECK(strstr(err.text, "sbxd did not answer GET /x") != NULL);
	server_finish(&server);
	CHECK(server_start(&server, &silent));
	client = client_of(&server);
	client.timeout_ms = 50;
	client.interrupted = always;
	CHECK_EQ(client_call(&client, "GET", "/x", NULL, NULL, &err), -EINTR);
	server_finish(&server);
}

TEST(nobody_listens)
{
	struct client client = { .socket_path = (char *)(uintptr_t) "no/such/socket",
				 .keep_absent = true };
	struct err err = ERR_INIT;

	CHECK_EQ(client_call(&client, "GET", "/x", NULL, NULL, &err), -ECONNREFUSED);
}

#define NDJSON "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"

TEST(streams)
{
	static const struct {
		struct script script;
		int code;
		const char *sentence;
	} cases[] = {
		{ { .answer = NDJSON "{\"progress\":\"a\"}\n{\"result\":{\"name\":\"n\"}}\n" },
		  0,
		  "" },
		{ { .answer = NDJSON "{\"progress\":\"a\"}\n{\"result\":{\"name\":\"n\"}}\n",
		    .step = 1 },
		  0,
		  "" },
		{ { .answer = NDJSON "{\"error\":{\"message\":\"it broke\",\"status\":409}}\n" },
		  -EBUSY,
		  "it broke" },
		{ { .answer = "HTTP/1.1 400 Bad\r\n\r\n{\"message\":\"no\"}" }, -EINVAL, "no" },
		{ { .answer = NDJSON "{\"result\":{\"name\":\"n\"}}" }, 0, "" },
		{ { .answer = NDJSON "{\"progress\":\"a\"}\n" }, -EPIPE, NULL },
		{ { .answer = NDJSON "{\"progress\":\"a\"}\n{\"res" }, -EPIPE, NULL },
		{ { .answer = NDJSON "gibberish\n" }, -EPROTO, NULL },
		{ { .answer = NDJSON "{\"what\":1}\n" }, -EPROTO, NULL },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct server server;
		struct client client;
		struct err err = ERR_INIT;
		json_t *result = NULL;

		CHECK(server_start(&server, &cases[i].script));
		client = client_of(&server);
		CHECK_EQ(client_stream(&client, "POST", "/x", NULL, &result, &err), cases[i].code);
		if (cases[i].sentence != NULL)
			CHECK_STR(err.text, cases[i].sentence);
		if (cases[i].code == 0)
			CHECK_STR(json_string_value(json_object_get(result, "name")), "n");
		json_decref(result);
		server_finish(&server);
	}
}

#define UPGRADE "HTTP/1.1 101 Switching Protocols\r\nUpgrade: sbx-guest\r\n\r\n"

TEST(an_upgrade_brings_a_descriptor)
{
	static const struct {
		struct script script;
		int code;
	} cases[] = {
		{ { .answer = UPGRADE, .len = sizeof(UPGRADE), .passes = true }, 0 },
		{ { .answer = UPGRADE, .len = sizeof(UPGRADE), .passes = true, .step = 1 }, 0 },
		{ { .answer = UPGRADE, .len = sizeof(UPGRADE) }, -EPROTO },
		{ { .answer = UPGRADE }, -EPIPE },
		{ { .answer = UPGRADE "\x01", .passes = true }, -EPROTO },
		{ { .answer = UPGRADE "\0more", .len = sizeof(UPGRADE) + 4, .passes = true },
		  -EPROTO },
		{ { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }, -EPROTO },
		{ { .answer = "HTTP/1.1 404 No\r\n\r\n{\"message\":\"gone\"}" }, -ENOENT },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct server server;
		struct client client;
		struct err err = ERR_INIT;
		int fd = -1;

		CHECK(server_start(&server, &cases[i].script));
		client = client_of(&server);
		CHECK_EQ(client_attach(&client, "s", &fd, &err), cases[i].code);
		CHECK_EQ(fd >= 0, cases[i].code == 0);
		if (fd >= 0) {
			CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
			(void)close(fd);
		}
		server_finish(&server);
	}
}

TEST(names_are_escaped)
{
	static const struct {
		const char *name, *path;
	} cases[] = {
		{ "plain-1.x", "/sandbox/plain-1.x/stop" },
		{ "a/b c", "/sandbox/a%2Fb%20c/stop" },
		{ "..\r\nX: y", "/sandbox/..%0D%0AX%3A%20y/stop" },
		{ "é?&#", "/sandbox/%C3%A9%3F%26%23/stop" },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		autofree char *path = client_path(cases[i].name, "/stop");

		CHECK_STR(path, cases[i].path);
	}
}

TEST_MAIN()
