#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/callback.h"
#include "tests/unit/test.h"

static enum callback_kind parse(const char *line, char **code)
{
	char head[600];

	(void)snprintf(head, sizeof(head), "%s\r\nHost: localhost\r\n\r\n", line);
	*code = NULL;
	return callback_parse(head, strlen(head), "/auth/done", "st", code);
}

TEST(a_code_is_taken_for_its_state_only)
{
	char *code;

	CHECK_EQ(parse("GET /auth/done?code=a%2Fb&scope=x&state=st HTTP/1.1", &code),
		 CALLBACK_CODE);
	CHECK_STR(code, "a/b");
	free(code);
	CHECK_EQ(parse("GET /auth/done?state=st&error=access_denied HTTP/1.0", &code),
		 CALLBACK_DENIED);
	CHECK_STR(code, "access_denied");
	free(code);
}

TEST(anything_else_is_foreign)
{
	static const char *const lines[] = {
		"GET /auth/done?code=a&state=other HTTP/1.1",
		"GET /auth/done?code=a HTTP/1.1",
		"GET /auth/done HTTP/1.1",
		"GET /auth/done?state=st HTTP/1.1",
		"GET /auth/other?code=a&state=st HTTP/1.1",
		"GET //auth/done?code=a&state=st HTTP/1.1",
		"POST /auth/done?code=a&state=st HTTP/1.1",
		"GET http://localhost/auth/done?code=a&state=st HTTP/1.1",
		"GET /auth/done?code=a&code=b&state=st HTTP/1.1",
		"GET /auth/done?code=a%0&state=st HTTP/1.1",
		"GET /auth/done?code=a%00b&state=st HTTP/1.1",
		"GET /auth/done?code=a%zz&state=st HTTP/1.1",
		"GET /auth/done?code=a&state=st HTTP/2",
		"GET /auth/done?code=a&state=st",
		"GET /auth/done?code=a&state=st junk HTTP/1.1",
		"",
	};
	char *code;

	for (size_t i = 0; i < countof(lines); i++) {
		CHECK_EQ(parse(lines[i], &code), CALLBACK_FOREIGN);
		CHECK(code == NULL);
	}
}

TEST(a_head_is_awaited_up_to_its_limit)
{
	static char head[CALLBACK_HEAD_MAX];
	char *code;

	memset(head, 'x', sizeof(head));
	CHECK_EQ(callback_parse(head, 100, "/", "s", &code), CALLBACK_PARTIAL);
	CHECK_EQ(callback_parse(head, sizeof(head), "/", "s", &code), CALLBACK_FOREIGN);
}

static void *browse(void *context)
{
	static const char *const said[] = {
		"GET /favicon.ico HTTP/1.1\r\n\r\n",
		"GET /done?state=wrong&code=evil HTTP/1.1\r\n\r\n",
		"GET /done?state=right&code=good HTTP/1.1\r\n\r\n",
	};
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = *(in_port_t *)context,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (size_t i = 0; i < countof(said); i++) {
		char reply[1024];
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		    fd_write_full(fd, said[i], strlen(said[i])) == 0)
			(void)fd_read_full(fd, reply, sizeof(reply));
		(void)close(fd);
	}
	return NULL;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)bind(fd, (struct sockaddr *)&address, size);
	(void)getsockname(fd, (struct sockaddr *)&address, &size);
	(void)close(fd);
	return ntohs(address.sin_port);
}

TEST(the_browser_is_waited_for_and_others_are_not_believed)
{
	in_port_t port = htons(free_port());
	struct callback callback;
	struct err err = ERR_INIT;
	pthread_t browser;
	char address[64], *code = NULL;

	(void)snprintf(address, sizeof(address), "http://localhost:%d/done", ntohs(port));
	CHECK_EQ(callback_open(address, &callback, &err), 0);
	CHECK_EQ(pthread_create(&browser, NULL, browse, &port), 0);
	CHECK_EQ(callback_wait(&callback, "right", &code, &err), 0);
	CHECK_EQ(pthread_join(browser, NULL), 0);
	CHECK_STR(code, "good");
	free(code);
	CHECK_EQ(callback_open("http://localhost/done", &callback, &err), -EINVAL);
	callback_close(&callback);
}

TEST_MAIN()
