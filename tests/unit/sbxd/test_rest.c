/* Real HTTP over a socket pair: what comes back for requests that are right, wrong and hostile. */
#include "sbxd/rest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "sbxd/request.h"
#include "tests/unit/sbxd/fixture.h"
#include "tests/unit/test.h"

enum { ANSWER_MAX = 64 * 1024, ANSWER_MS = 30000 };

static struct fixture fixture;
static struct rest *rest;
static char answer[ANSWER_MAX];

static void begin(void)
{
	struct err err = ERR_INIT;

	CHECK_EQ(fixture_make(&fixture), 0);
	CHECK_EQ(rest_create(&fixture.supervisor, &rest, &err), 0);
}

static void end(void)
{
	rest_destroy(rest);
	fixture_remove(&fixture);
}

/* Enters a sandbox in this state. */
static void enter(const char *name, enum sandbox_status status, const char *reason)
{
	struct err err = ERR_INIT;
	struct sandbox *sandbox;
	struct record record;

	fixture_record(&record, name);
	record.status = status;
	CHECK_EQ(record_set(&record.reason, reason), 0);
	CHECK_EQ(sandbox_create(&fixture.supervisor, &record, &sandbox), 0);
	CHECK_EQ(supervisor_add(&fixture.supervisor, sandbox, &err), 0);
}

/* Sends bytes as they are and reads all that comes back, into `answer`; -errno. */
static int send_raw(const void *bytes, size_t len)
{
	const struct timeval patience = { .tv_sec = ANSWER_MS / 1000 };
	size_t used = 0;
	ssize_t n = 0;
	int pair[2], r;

	answer[0] = '\0';
	r = fd_socketpair(pair);
	if (r == 0 && (r = rest_add(rest, pair[0])) == -EBUSY)
		r = 0; /* it was told so */
	if (r < 0)
		return r;
	(void)setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = send(pair[1], bytes, len, MSG_NOSIGNAL) == (ssize_t)len || errno == EPIPE ? 0 : -errno;
	while (used < sizeof(answer) - 1 &&
	       (n = recv(pair[1], answer + used, sizeof(answer) - 1 - used, 0)) > 0)
		used += (size_t)n;
	answer[used] = '\0';
	(void)close(pair[1]);
	return n < 0 && errno == EAGAIN ? -ETIMEDOUT : r;
}

/* One request with a body; the status of the answer, or -errno. */
static int ask(const char *method, const char *path, const char *body)
{
	autocall(buf_finish) struct buf request;
	int r, status = 0;

	buf_init(&request, 4 << 20);
	r = buf_printf(&request,
		       "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		       "Content-Length: %zu\r\n\r\n%s",
		       method, path, strlen(body), body);
	if (r == 0)
		r = send_raw(request.data, request.len);
	if (r == 0 && sscanf(answer, "HTTP/1.1 %d ", &status) != 1)
		return -EPROTO;
	return r < 0 ? r : status;
}

static bool says(const char *text)
{
	return strstr(answer, text) != NULL;
}

TEST(what_exists_answers_and_what_does_not_is_said)
{
	begin();
	enter("demo", SANDBOX_STOPPED, NULL);
	CHECK_EQ(ask("GET", "/daemon/health", ""), 200);
	CHECK(says("\"healthy\""));
	CHECK_EQ(ask("GET", "/sandbox", ""), 200);
	CHECK(says("\"name\":\"demo\""));
	CHECK_EQ(ask("GET", "/sandbox/other", ""), 404);
	CHECK(says("{\"message\":\"sandbox 'other' not found\"}"));
	CHECK_EQ(ask("GET", "/no/such/path", ""), 404);
	CHECK_EQ(ask("DELETE", "/daemon/health", ""), 405);
	CHECK_EQ(ask("POST", "/sandbox/demo/attach", ""), 426);
	CHECK_EQ(ask("GET", "/sandbox/demo%2Finspect", ""), 404);
	CHECK(says("sandbox 'demo/inspect' not found"));
	CHECK_EQ(ask("GET", "/sandbox/demo?x=%2F", ""), 200);
	end();
}

TEST(bodies_are_checked)
{
	static char large[REQUEST_BODY_MAX + 100];

	begin();
	enter("demo", SANDBOX_STOPPED, NULL);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "[]"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"timeout\":1,\"timeout\":2}"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"other\":1}"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"timeout\":\"1\"}"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"timeout\":-1}"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"timeout\":601}"), 400);
	/* 2^32: as an int it would be 0 */
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"timeout\":4294967296}"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/exec/x/kill", "{\"signal\":4294967305}"), 400);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", "{\"timeout\":1}"), 200);
	CHECK(says("{\"result\":{"));
	memset(large, ' ', sizeof(large) - 1);
	CHECK_EQ(ask("POST", "/sandbox/demo/stop", large), 413);
	end();
}

/* An answer is JSON, thus UTF-8, whatever was asked for. */
TEST(bytes_that_are_no_utf8_get_a_sentence)
{
	char path[400] = "/sandbox/x", long_path[2000] = "/sandbox/";

	memset(long_path + strlen(long_path), 'a', sizeof(long_path) - strlen(long_path) - 1);
	begin();
	CHECK_EQ(ask("GET", "/sandbox/%FF%FE", ""), 404);
	CHECK(says("sandbox '\?\?' not found"));
	CHECK_EQ(ask("GET", "/sandbox/caf%C3%A9", ""), 404);
	CHECK(says("sandbox 'caf\xc3\xa9' not found"));
	/* a name that a sentence cuts within a character */
	for (int i = 0; i < 28; i++)
		strncat(path, "%E2%82%AC", 10);
	CHECK_EQ(ask("GET", path, ""), 404);
	CHECK(says("not found"));
	CHECK_EQ(ask("GET", long_path, ""), 414);
	end();
}

TEST(a_reason_that_is_no_utf8_hides_no_sandbox)
{
	begin();
	enter("demo", SANDBOX_STOPPED, "the guest says: \xff\xfe");
	CHECK_EQ(ask("GET", "/sandbox", ""), 200);
	CHECK(says("\"name\":\"demo\""));
	CHECK(says("the guest says: \?\?"));
	end();
}

TEST(what_is_damaged_is_not_changed)
{
	static const struct {
		const char *method, *path, *body;
	} rows[] = {
		{ "PATCH", "/sandbox/demo", "{\"keep_alive\":true}" },
		{ "PATCH", "/sandbox/demo", "{\"env\":[\"A=1\"]}" },
		{ "POST", "/sandbox/demo/start", "{\"keep_alive\":true}" },
		{ "POST", "/sandbox/demo/start", "" },
		{ "POST", "/sandbox/demo/stop", "" },
		{ "POST", "/sandbox/demo/disk", "{\"disk\":1073741824}" },
		{ "POST", "/sandbox/demo/mounts", "{\"source\":\"/usr\",\"target\":\"/mnt/x\"}" },
	};

	begin();
	enter("demo", SANDBOX_DAMAGED, "cut in half");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CHECK_EQ(ask(rows[i].method, rows[i].path, rows[i].body), 409);
		CHECK(says("damaged"));
	}
	CHECK_EQ(ask("GET", "/sandbox/demo", ""), 200);
	CHECK(says("cut in half"));
	CHECK_EQ(ask("DELETE", "/sandbox/demo", ""), 200);
	CHECK(says("{\"result\":{\"removed\":\"demo\"}}"));
	end();
}

/* As on a full disk: the folder of its state is not there. */
TEST(what_cannot_be_written_down_is_not_done)
{
	begin();
	enter("demo", SANDBOX_STOPPED, NULL);
	CHECK(ask("POST", "/sandbox/demo/mounts", "{\"source\":\"/usr\",\"target\":\"/mnt/x\"}") >=
	      400);
	CHECK(says("cannot save the state of sandbox 'demo'"));
	CHECK(ask("PATCH", "/sandbox/demo", "{\"keep_alive\":true}") >= 400);
	CHECK_EQ(ask("GET", "/sandbox/demo", ""), 200);
	CHECK(says("\"mounts\":[]"));
	CHECK(says("\"keep_alive\":false"));
	end();
}

TEST(what_is_no_http_ends_the_connection)
{
	static char head[64 * 1024];

	begin();
	CHECK(send_raw("\x16\x03\x01 nonsense\r\n\r\n", 15) != -ETIMEDOUT);
	CHECK(!says("200"));
	memset(head, 'a', sizeof(head));
	memcpy(head, "GET /", 5);
	CHECK(send_raw(head, sizeof(head)) != -ETIMEDOUT);
	CHECK(!says("200"));
	CHECK_EQ(ask("GET", "/daemon/health", ""), 200);
	end();
}

static int health_after_a_while(void)
{
	uint64_t deadline_ms = clock_now_ms() + ANSWER_MS;
	int status;

	while ((status = ask("GET", "/daemon/health", "")) == 503 && clock_left_ms(deadline_ms) > 0)
		;
	return status;
}

/* Clients that say half a request and then nothing cost others a sentence, and for no longer than
 * they stay. */
TEST(too_many_connections_are_refused_and_forgotten)
{
	static const char half[] = "GET /sandbox HTTP/1.1\r\nHo";
	static int idle[REST_CONNECTIONS_MAX];

	begin();
	for (size_t i = 0; i < REST_CONNECTIONS_MAX; i++) {
		int pair[2];

		CHECK_EQ(fd_socketpair(pair), 0);
		CHECK_EQ(rest_add(rest, pair[0]), 0);
		CHECK_EQ(fd_write_full(pair[1], half, sizeof(half) - 1), 0);
		idle[i] = pair[1];
	}
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(ask("GET", "/daemon/health", ""), 503);
		CHECK(says("too many connections"));
	}
	for (size_t i = 0; i < REST_CONNECTIONS_MAX; i++)
		(void)close(idle[i]);
	CHECK_EQ(health_after_a_while(), 200);
	end();
}

TEST_MAIN()
