#include "sbxd/secret_source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "credential/credential.h"

enum {
	ASK_MS = 60000,
	ARGS_MAX = 10,
	SCHEME_MAX = 40,
	OUTPUT_MAX = CREDENTIAL_VALUE_MAX + 256, /* with what is trimmed */
	COMPLAINT_MAX = 512,
};

extern char **environ;

/* What is run; the strings are weak but for the program's name. */
struct plan {
	char program[SCHEME_MAX + 16];
	const char *argv[ARGS_MAX];
};

/* A program at work, and what it said. */
struct asking {
	pid_t pid;
	int out, complaints; /* owned; -1: closed */
	char *value;	     /* weak: OUTPUT_MAX + 1 bytes, locked */
	size_t value_len;
	char complaint[COMPLAINT_MAX];
	size_t complaint_len;
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

/* Nothing of the daemon's is left but its environment: signals as at boot, a group of its own. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	(void)posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETPGROUP);
}

static int set_actions(posix_spawn_file_actions_t *actions, const char *folder, int out,
		       int complaints)
{
	int r = posix_spawn_file_actions_addchdir_np(actions, folder);

	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, complaints, STDERR_FILENO);
	return r;
}

static int spawn(const struct plan *plan, const char *folder, int out, int complaints,
		 pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = set_attributes(&attributes);
	if (r == 0)
		r = set_actions(&actions, folder, out, complaints);
	if (r == 0)
		r = posix_spawnp(ret_pid, plan->argv[0], &actions, &attributes,
				 (char *const *)plan->argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Takes what is there; more than fits is too much. At the end the descriptor is closed. */
static int take(int *fd, char *to, size_t *len, size_t max)
{
	char overflow[256];
	size_t room = max - *len;
	ssize_t n = read(*fd, room > 0 ? to + *len : overflow, room > 0 ? room : sizeof(overflow));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		(void)close(take_fd(fd));
	else if (room == 0)
		return -EMSGSIZE;
	*len += (size_t)n;
	return 0;
}

/* What it complains beyond the room for it is read and forgotten. */
static int take_complaint(struct asking *asking)
{
	int r = take(&asking->complaints, asking->complaint, &asking->complaint_len,
		     COMPLAINT_MAX - 1);

	return r == -EMSGSIZE ? 0 : r;
}

static int listen_to(struct asking *asking)
{
	uint64_t deadline_ms = clock_now_ms() + ASK_MS;

	while (asking->out >= 0 || asking->complaints >= 0) {
		struct pollfd ready[] = { { .fd = asking->out, .events = POLLIN },
					  { .fd = asking->complaints, .events = POLLIN } };
		int r = poll(ready, 2, clock_left_ms(deadline_ms));

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && ready[0].revents != 0)
			r = take(&asking->out, asking->value, &asking->value_len, OUTPUT_MAX);
		if (r >= 0 && ready[1].revents != 0)
			r = take_complaint(asking);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Ends the whole group when it was not heard to its end. */
static int reap(struct asking *asking, int r)
{
	int status = 0;

	if (r < 0)
		(void)kill(-asking->pid, SIGKILL);
	while (waitpid(asking->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		r = -EINVAL;
	return r;
}

static int run(const struct plan *plan, const char *folder, struct asking *asking)
{
	int out[2], complaints[2];
	int r;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(complaints, O_CLOEXEC) < 0) {
		r = -errno;
		(void)close(out[0]);
		(void)close(out[1]);
		return r;
	}
	asking->out = out[0];
	asking->complaints = complaints[0];
	r = spawn(plan, folder, out[1], complaints[1], &asking->pid);
	(void)close(out[1]);
	(void)close(complaints[1]);
	if (r == 0)
		r = reap(asking, listen_to(asking));
	if (asking->out >= 0)
		(void)close(asking->out);
	if (asking->complaints >= 0)
		(void)close(asking->complaints);
	return r;
}

static int run_in_folder(const struct plan *plan, struct asking *asking)
{
	const char *tmp = getenv("TMPDIR");
	autofree char *folder = NULL;
	int r;

	if (asprintf(&folder, "%s/sbx-secret-XXXXXX", tmp != NULL ? tmp : "/tmp") < 0)
		return -ENOMEM;
	if (mkdtemp(folder) == NULL)
		return -errno;
	r = run(plan, folder, asking);
	(void)file_remove_tree(AT_FDCWD, folder);
	return r;
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
static void explain(struct asking *asking, bool show, const char *program, int code,
		    struct err *err)
{
	char *text = asking->complaint;

	text[asking->complaint_len] = '\0';
	asking->complaint_len = secret_source_trim(text, asking->complaint_len);
	for (size_t i = 0; i < asking->complaint_len; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	if (code == -ENOENT)
		(void)err_set(err, code, "there is no program '%s' to ask for the secret", program);
	else if (code == -ETIMEDOUT)
		(void)err_set(err, code, "'%s' did not give the secret within %d s", program,
			      ASK_MS / 1000);
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
	struct asking asking = { .out = -1, .complaints = -1 };
	struct plan plan;
	int r = secret_source_check(source, err);

	if (r < 0)
		return r;
	(void)make_plan(source, &plan);
	asking.value = sodium_init() < 0 ? NULL : sodium_malloc(OUTPUT_MAX + 1);
	if (asking.value == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = run_in_folder(&plan, &asking);
	if (r < 0)
		explain(&asking, show_error, plan.argv[0], r, err);
	if (r == 0) {
		asking.value_len = secret_source_trim(asking.value, asking.value_len);
		if (!is_value(asking.value, asking.value_len))
			r = err_set(err, -EINVAL, "'%s' printed no value: one line is wanted",
				    plan.argv[0]);
	}
	sodium_memzero(asking.complaint, sizeof(asking.complaint));
	if (r < 0) {
		sodium_free(asking.value);
		return r;
	}
	*ret = asking.value;
	*ret_len = asking.value_len;
	return 0;
}
