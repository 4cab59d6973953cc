#include "sbxd/token_request.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/parse.h"
#include "credential/oauth.h"
#include "sbxd/secret_program.h"

enum { STATUS_MAX = 599, ANSWER_ROOM = OAUTH_BODY_MAX + 16 };

/* NAME = "VALUE", a line of curl's configuration. */
static int add_line(struct buf *to, const char *name, const char *value, size_t len)
{
	int r = buf_printf(to, "%s = \"", name);

	for (size_t i = 0; r == 0 && i < len; i++) {
		if (value[i] == '"' || value[i] == '\\')
			r = buf_append(to, "\\", 1);
		if (r == 0)
			r = (unsigned char)value[i] < ' ' ? -EINVAL : buf_append(to, &value[i], 1);
	}
	return r < 0 ? r : buf_append(to, "\"\n", 2);
}

static int add_text(struct buf *to, const char *name, const char *value)
{
	return add_line(to, name, value, strlen(value));
}

/* All that is wanted of curl. Where the variable is empty no proxy is to be used. */
static int write_plan(const struct token_request *request, struct buf *to)
{
	static const char fixed[] =
		"silent\nshow-error\nproto = \"=https\"\nmax-time = 30\n"
		"header = \"Accept: application/json\"\n"
		"write-out = \"\\n%{http_code}\"\n";
	const char *proxy = getenv("SBX_UPSTREAM_PROXY");
	char type[100];
	int r = buf_append(to, fixed, sizeof(fixed) - 1);

	(void)snprintf(type, sizeof(type), "Content-Type: %s", request->type);
	if (r == 0)
		r = add_text(to, "url", request->url);
	if (r == 0)
		r = add_text(to, "header", type);
	if (r == 0 && proxy != NULL)
		r = add_text(to, "proxy", proxy);
	return r < 0 ? r
		     : add_line(to, "data-raw", (const char *)request->body->data,
				request->body->len);
}

/* BODY, a newline, the status. */
static int take_answer(const struct secret_output *output, struct buf *ret)
{
	const char *line = memrchr(output->text, '\n', output->len);
	uint64_t status;

	if (line == NULL || parse_u64(line + 1, STATUS_MAX, &status) < 0 || status < 100)
		return -EPROTO;
	return buf_append(ret, output->text, (size_t)(line - output->text)) < 0 ? -ENOMEM
										: (int)status;
}

static int ask(const struct buf *plan, struct buf *ret, struct err *err)
{
	static const char *const argv[] = { "curl", "-q", "--config", "-", NULL };
	struct secret_output output;
	int r = secret_program_run(&(struct secret_program){ .argv = argv,
							     .input = (const char *)plan->data,
							     .input_len = plan->len,
							     .output_max = ANSWER_ROOM },
				   &output);

	if (r == 0)
		r = take_answer(&output, ret);
	if (r == -ENOENT)
		(void)err_set(err, r, "logins need the program 'curl'; install it");
	else if (r == -EINVAL)
		(void)err_set(err, -EIO, "%.200s", output.complaint);
	else if (r < 0)
		(void)err_set_errno(err, r, "curl gave no answer");
	secret_output_finish(&output);
	return r == -EINVAL ? -EIO : r;
}

/* The plan is never moved while it grows: no copy of it stays behind. */
int token_request_send(const struct token_request *request, struct buf *ret, struct err *err)
{
	struct buf plan;
	int r;

	buf_init(&plan, SECRET_PROGRAM_INPUT_MAX);
	if (buf_reserve(&plan, SECRET_PROGRAM_INPUT_MAX) == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = write_plan(request, &plan);
	r = r < 0 ? err_set_errno(err, r, "the request for a token cannot be written")
		  : ask(&plan, ret, err);
	sodium_memzero(plan.data, plan.cap);
	buf_finish(&plan);
	return r;
}
