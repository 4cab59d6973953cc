#include "sbxd/secret_source.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "credential/credential.h"
#include "sbxd/secret_program.h"

enum {
	ARGS_MAX = 10,
	SCHEME_MAX = 40,
	OUTPUT_MAX = CREDENTIAL_VALUE_MAX + 256, /* with what is trimmed */
};

/* What is run; the strings are weak but for the program's name. */
struct plan {
	char program[SCHEME_MAX + 16];
	const char *argv[ARGS_MAX];
};

static int plan_ref(const char *ref, struct plan *plan)
{
	size_t scheme = strspn(ref, "abcdefghijklmnopqrstuvwxyz0123456789-");
	const char **argv = plan->argv;

	if (strncmp(ref, "arn:aws:secretsmanager:", 23) == 0) {
		const char *const aws[] = {
			"aws",	   "secretsmanager", "get-secret-value", "--secret-id", ref,
			"--query", "SecretString",   "--output",	 "text",	NULL
		};

		memcpy(argv, aws, sizeof(aws));
		return 0;
	}
	if (scheme == 0 || scheme > SCHEME_MAX || strncmp(ref + scheme, "://", 3) != 0)
		return -EINVAL;
	if (scheme == 2 && strncmp(ref, "op", 2) == 0) {
		const char *const op[] = { "op", "read", "--no-newline", ref, NULL };

		memcpy(argv, op, sizeof(op));
		return 0;
	}
	(void)snprintf(plan->program, sizeof(plan->program), "sbx-ref-%.*s", (int)scheme, ref);
	argv[0] = plan->program;
	argv[1] = ref;
	argv[2] = NULL;
	return 0;
}

static int make_plan(const struct secret_source *source, struct plan *plan)
{
	const char *const shell[] = { "/bin/sh", "-c", source->command, NULL };

	if (source->command == NULL)
		return plan_ref(source->ref, plan);
	memcpy(plan->argv, shell, sizeof(shell));
	return 0;
}

int secret_source_check(const struct secret_source *source, struct err *err)
{
	const char *text = source->command != NULL ? source->command : source->ref;
	struct plan plan;

	if (text[0] == '\0' || strlen(text) > SECRET_SOURCE_MAX)
		return err_set(err, -EINVAL, "a command or reference has 1 to %d bytes",
			       SECRET_SOURCE_MAX);
	if (make_plan(source, &plan) < 0)
		return err_set(err, -EINVAL,
			       "'%.80s' is no reference: op://…, arn:aws:secretsmanager:…, or "
			       "NAME://… for a program sbx-ref-NAME",
			       source->ref);
	return 0;
}

size_t secret_source_trim(char *text, size_t len)
{
	size_t first = 0;

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	while (first < len && isspace((unsigned char)text[first]))
		first++;
	memmove(text, text + first, len - first);
	text[len - first] = '\0';
	return len - first;
}

static bool is_value(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return len > 0 && len <= CREDENTIAL_VALUE_MAX;
}

/* What it printed, as far as it may be told, fit for one line. */
static void explain(struct secret_output *output, bool show, const char *program, int code,
		    struct err *err)
{
	char *text = output->complaint;

	output->complaint_len = secret_source_trim(text, output->complaint_len);
	for (size_t i = 0; i < output->complaint_len; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	if (code == -ENOENT)
		(void)err_set(err, code, "there is no program '%s' to ask for the secret", program);
	else if (code == -ETIMEDOUT)
		(void)err_set(err, code, "'%s' did not give the secret within %d s", program,
			      SECRET_PROGRAM_MS / 1000);
	else if (code != -EINVAL)
		(void)err_set_errno(err, code, "cannot ask '%s' for the secret", program);
	else if (show && text[0] != '\0')
		(void)err_set(err, code, "'%s' failed: %s", program, text);
	else
		(void)err_set(err, code, "'%s' failed; --show-error shows what it said", program);
}

int secret_source_ask(const struct secret_source *source, bool show_error, char **ret,
		      size_t *ret_len, struct err *err)
{
	struct secret_output output;
	struct plan plan;
	int r = secret_source_check(source, err);

	if (r < 0)
		return r;
	(void)make_plan(source, &plan);
	r = secret_program_run(
		&(struct secret_program){ .argv = plan.argv, .output_max = OUTPUT_MAX }, &output);
	if (r < 0)
		explain(&output, show_error, plan.argv[0], r, err);
	if (r == 0) {
		output.len = secret_source_trim(output.text, output.len);
		if (!is_value(output.text, output.len))
			r = err_set(err, -EINVAL, "'%s' printed no value: one line is wanted",
				    plan.argv[0]);
	}
	if (r == 0) {
		*ret = take_ptr(output.text);
		*ret_len = output.len;
	}
	secret_output_finish(&output);
	return r;
}
