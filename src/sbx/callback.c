#include "sbx/callback.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/parse.h"

enum { PEER_MS = 5000 }; /* a browser says at once what it wants */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found == NULL ? -1 : (int)((found - digits) % 16);
}

/* Undoes percent-encoding in place; false: it is malformed, or hides a NUL. */
static bool decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++, to++) {
		int high, low;

		if (*from != '%') {
			*to = *from;
			continue;
		}
		high = hex_digit(from[1]);
		low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0 || high * 16 + low == 0)
			return false;
		*to = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

/* The parameter of that name out of a query; owned by the caller, NULL: it is not there once. */
static char *parameter(const char *query, const char *name)
{
	autofree char *words = strdup(query);
	char *rest = words, *word, *found = NULL;
	size_t len = strlen(name);

	while (rest != NULL && (word = strsep(&rest, "&")) != NULL) {
		if (strncmp(word, name, len) != 0 || word[len] != '=')
			continue;
		if (found != NULL)
			return NULL;
		found = word + len + 1;
	}
	return found != NULL && decode(found) ? strdup(found) : NULL;
}

/* "GET TARGET HTTP/1.x", with the target cut out; owned by the caller. */
static char *target_of(const char *head, size_t len)
{
	const char *end = memchr(head, '\r', len), *target = head + 4, *blank;

	if (end == NULL || end - head < 14 || strncmp(head, "GET /", 5) != 0 ||
	    strncmp(end - 9, " HTTP/1.", 8) != 0)
		return NULL;
	blank = memchr(target, ' ', (size_t)(end - target));
	return blank != end - 9 || memchr(target, '\0', (size_t)(blank - target)) != NULL
		       ? NULL
		       : strndup(target, (size_t)(blank - target));
}

enum callback_kind callback_parse(const char *head, size_t len, const char *path, const char *state,
				  char **ret_code)
{
	autofree char *target = NULL, *told_state = NULL;
	char *query, *code;

	if (memmem(head, len, "\r\n\r\n", 4) == NULL)
		return len < CALLBACK_HEAD_MAX ? CALLBACK_PARTIAL : CALLBACK_FOREIGN;
	target = target_of(head, len);
	query = target != NULL ? strchr(target, '?') : NULL;
	if (query == NULL)
		return CALLBACK_FOREIGN;
	*query++ = '\0';
	told_state = parameter(query, "state");
	if (strcmp(target, path) != 0 || told_state == NULL || strcmp(told_state, state) != 0)
		return CALLBACK_FOREIGN;
	code = parameter(query, "error");
	if (code != NULL) {
		*ret_code = code;
		return CALLBACK_DENIED;
	}
	code = parameter(query, "code");
	if (code == NULL)
		return CALLBACK_FOREIGN;
	*ret_code = code;
	return CALLBACK_CODE;
}

/* On that family's loopback address only. */
static int listen_on(int family, uint16_t port)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
					 .sin6_port = htons(port),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const void *address = family == AF_INET ? (const void *)&v4 : (const void *)&v6;
	socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, r = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address, size) < 0 || listen(fd, 4) < 0) {
		r = -errno;
		(void)close(fd);
	}
	return r < 0 ? r : fd;
}

static int parse_address(const char *address, uint16_t *ret_port, const char **ret_path)
{
	const char *colon = strrchr(address, ':');
	char digits[6] = "";
	uint64_t port;
	size_t len;

	if (colon == NULL)
		return -EINVAL;
	len = strspn(colon + 1, "0123456789");
	if (len == 0 || len >= sizeof(digits) || colon[1 + len] != '/')
		return -EINVAL;
	memcpy(digits, colon + 1, len);
	if (parse_u64(digits, UINT16_MAX, &port) < 0 || port == 0)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	*ret_path = colon + 1 + len;
	return 0;
}

int callback_open(const char *address, struct callback *ret, struct err *err)
{
	struct callback callback;
	uint16_t port;

	if (parse_address(address, &port, &callback.path) < 0)
		return err_set(err, -EINVAL, "'%.200s' is no address of this machine", address);
	callback.sockets[0] = listen_on(AF_INET, port);
	if (callback.sockets[0] < 0)
		return err_set_errno(err, callback.sockets[0],
				     "the login ends at %s, which cannot be listened on", address);
	callback.sockets[1] = listen_on(AF_INET6, port); /* where there is IPv6 */
	*ret = callback;
	return 0;
}

void callback_close(struct callback *callback)
{
	for (size_t i = 0; i < 2; i++) {
		if (callback->sockets[i] >= 0)
			(void)close(take_fd(&callback->sockets[i]));
	}
}

static void answer(int peer, const char *status, const char *text)
{
	char page[400];
	int len = snprintf(page, sizeof(page),
			   "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			   "Content-Length: %zu\r\nCache-Control: no-store\r\n"
			   "Connection: close\r\n\r\n%s",
			   status, strlen(text), text);

	(void)send(peer, page, (size_t)len, MSG_NOSIGNAL);
	(void)shutdown(peer, SHUT_WR);
}

/* One request, however slowly it comes. */
static enum callback_kind hear(int peer, const struct callback *callback, const char *state,
			       char **ret_code)
{
	uint64_t deadline_ms = clock_now_ms() + PEER_MS;
	char head[CALLBACK_HEAD_MAX];
	size_t len = 0;
	enum callback_kind kind = CALLBACK_PARTIAL;

	while (kind == CALLBACK_PARTIAL) {
		struct pollfd ready = { .fd = peer, .events = POLLIN };
		ssize_t n = poll(&ready, 1, clock_left_ms(deadline_ms)) > 0
				    ? recv(peer, head + len, sizeof(head) - len, 0)
				    : 0;

		if (n <= 0)
			return CALLBACK_FOREIGN;
		len += (size_t)n;
		kind = callback_parse(head, len, callback->path, state, ret_code);
	}
	return kind;
}

/* 1: it was the one that is waited for. */
static int serve(int peer, const struct callback *callback, const char *state, char **ret_code,
		 struct err *err)
{
	char *code = NULL;
	int r = 0;

	switch (hear(peer, callback, state, &code)) {
	case CALLBACK_CODE:
		answer(peer, "200 OK", "You are logged in; go back to the terminal.\n");
		*ret_code = code;
		return 1;
	case CALLBACK_DENIED:
		answer(peer, "200 OK", "The login was refused; go back to the terminal.\n");
		r = err_set(err, -EACCES, "the login was refused: %.100s", code);
		break;
	case CALLBACK_FOREIGN:
	case CALLBACK_PARTIAL:
		answer(peer, "404 Not Found", "This is not what sbx waits for.\n");
		break;
	}
	free(code);
	return r;
}

int callback_wait(struct callback *callback, const char *state, char **ret_code, struct err *err)
{
	uint64_t deadline_ms = clock_now_ms() + CALLBACK_WAIT_MS;
	int r = 0;

	while (r == 0) {
		struct pollfd ready[2] = { { .fd = callback->sockets[0], .events = POLLIN },
					   { .fd = callback->sockets[1], .events = POLLIN } };
		int n = poll(ready, 2, clock_left_ms(deadline_ms)), peer;

		if (n == 0)
			return err_set(err, -ETIMEDOUT, "nobody logged in");
		if (n < 0 && errno != EINTR)
			return err_set_errno(err, -errno, "cannot wait for the login");
		if (n < 0)
			continue;
		peer = accept4(ready[0].revents != 0 ? ready[0].fd : ready[1].fd, NULL, NULL,
			       SOCK_CLOEXEC);
		if (peer < 0)
			continue;
		r = serve(peer, callback, state, ret_code, err);
		(void)close(peer);
	}
	return r < 0 ? r : 0;
}
