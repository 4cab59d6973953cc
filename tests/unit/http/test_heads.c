/* Reads heads.txt: each line is one case, whole and byte by byte. */
#include <errno.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/http1.h"
#include "tests/unit/http/record.h"
#include "tests/unit/test.h"

enum { LINE_MAX_SIZE = 8192, BYTES_MAX = 1 << 18, VERDICT_MAX = 600 };

/* "\{N:c}"; returns where it ends. */
static const char *append_run(const char *at, struct buf *out)
{
	size_t count = strtoul(at + 1, NULL, 10);
	const char *colon = strchr(at, ':');

	for (size_t i = 0; i < count; i++)
		(void)buf_append(out, colon + 1, 1);
	return strchr(colon + 2, '}') + 1;
}

static const char *append_escape(const char *at, struct buf *out)
{
	static const char names[] = "rnts0\\p", bytes[] = "\r\n\t \0\\|";
	const char *name = strchr(names, *at);
	char hex[3] = "";
	uint8_t byte;

	if (*at == '{')
		return append_run(at, out);
	if (*at == 'x') {
		memcpy(hex, at + 1, 2);
		byte = (uint8_t)strtoul(hex, NULL, 16);
		(void)buf_append(out, &byte, 1);
		return at + 3;
	}
	(void)buf_append(out, &bytes[name - names], 1);
	return at + 1;
}

static void append_bytes(const char *text, struct buf *out)
{
	while (*text != '\0') {
		if (*text == '\\')
			text = append_escape(text + 1, out);
		else if (*text == '|')
			(void)buf_append(out, "\r\n", 2), text++;
		else
			(void)buf_append(out, text++, 1);
	}
}

static struct http_codec *create(const char *kind, struct record *record)
{
	bool is_request = strcmp(kind, "request") == 0 || strcmp(kind, "proxy") == 0;
	struct http1_config config = { .side = is_request ? HTTP_SERVER : HTTP_CLIENT,
				       .scheme = "http",
				       .is_proxy = strcmp(kind, "request") != 0 &&
						   strcmp(kind, "upgrade") != 0,
				       .events = &record_events,
				       .owner = record };
	struct http_codec *codec = NULL;

	record_init(record);
	record->answers = is_request;
	(void)http1_create(&config, &codec);
	return codec;
}

/* The request that a response answers. */
static void ask(struct http_codec *codec, const char *kind, struct buf *said)
{
	struct http_request request;
	bool is_connect = strcmp(kind, "connect") == 0;

	http_request_init(&request);
	(void)snprintf(request.method, sizeof(request.method), "%s",
		       is_connect		   ? "CONNECT"
		       : strcmp(kind, "head") == 0 ? "HEAD"
						   : "GET");
	request.scheme = strdup("http");
	request.authority = strdup("a.example:443");
	request.path = is_connect ? NULL : strdup("/");
	request.upgrade = strcmp(kind, "upgrade") == 0 ? strdup("websocket") : NULL;
	(void)http_open(codec, &request, false, NULL);
	http_request_finish(&request);
	record_drain(codec, said);
	buf_clear(said);
}

/* Feeds and answers until nothing is taken any more. */
static ssize_t run(struct http_codec *codec, const struct buf *bytes, size_t step, struct buf *said)
{
	size_t taken = 0;

	for (;;) {
		ssize_t n = record_feed(codec, bytes->data + taken, bytes->len - taken, step);
		size_t before = said->len;

		record_drain(codec, said);
		if (n < 0)
			return n;
		taken += (size_t)n;
		if (taken == bytes->len || (n == 0 && said->len == before))
			break;
	}
	http_input_end(codec);
	record_drain(codec, said);
	return 0;
}

/* The status of the last answer. */
static void last_status(struct buf *said, char verdict[VERDICT_MAX])
{
	const char *at = buf_str(said), *found = "HTTP/1.1 ---";

	for (; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++)
		if (at[9] >= '1' && at[9] <= '5')
			found = at;
	(void)snprintf(verdict, VERDICT_MAX, "%.3s", found + 9);
}

static void judge(const char *kind, const struct buf *bytes, size_t step, bool wants_url,
		  char verdict[VERDICT_MAX])
{
	struct record record;
	struct http_codec *codec = create(kind, &record);
	struct buf said;
	ssize_t n;

	buf_init(&said, 1 << 20);
	if (!record.answers)
		ask(codec, kind, &said);
	n = run(codec, bytes, step, &said);
	if (n < 0 && record.answers)
		last_status(&said, verdict);
	else if (n < 0)
		(void)snprintf(verdict, VERDICT_MAX, "bad");
	else if (strstr(record_take(&record), "cut closed") != NULL)
		(void)snprintf(verdict, VERDICT_MAX, "cut");
	else
		(void)snprintf(verdict, VERDICT_MAX, "%zu/%zu%s%s",
			       record.requests + record.responses, record.body.len,
			       wants_url ? "@" : "", wants_url ? record.url : "");
	if (n < 0 && (!http_is_done(codec) || record.requests > 2))
		(void)snprintf(verdict, VERDICT_MAX, "not done after a refusal");
	http_destroy(codec);
	buf_finish(&said);
	record_finish(&record);
}

static bool check_line(char *line, int number, int line_number)
{
	static const size_t steps[] = { SIZE_MAX, 1, 3 };
	char *kind = strtok_r(line, " ", &line), *wanted = strtok_r(NULL, " ", &line);
	const char *text = line + strspn(line, " ");
	struct buf bytes;
	bool ok = true;

	buf_init(&bytes, BYTES_MAX);
	append_bytes(text, &bytes);
	for (size_t i = 0; i < countof(steps); i++) {
		char got[VERDICT_MAX];

		judge(kind, &bytes, steps[i], strchr(wanted, '@') != NULL, got);
		if (strcmp(got, wanted) == 0)
			continue;
		printf("# line %d, %zu bytes at a time: %s, not %s\n", line_number,
		       min_of(steps[i], bytes.len), got, wanted);
		ok = false;
	}
	printf("%s %d - %s %s %.60s\n", ok ? "ok" : "not ok", number, kind, wanted, text);
	buf_finish(&bytes);
	return ok;
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[LINE_MAX_SIZE];
	int number = 0, line_number = 0;
	bool ok = file != NULL;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		line_number++;
		if (line[0] != '\0' && line[0] != '#')
			ok &= check_line(line, ++number, line_number);
	}
	if (file != NULL)
		(void)fclose(file);
	printf("1..%d\n", number);
	return ok && number > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
