#include "sbxd/secret_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"

extern char **environ;

/* The program's three streams; the ends are owned, -1: none. */
struct streams {
	int in;			   /* its end, filled */
	int out[2], complaints[2]; /* ours, its */
};

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

static int set_actions(posix_spawn_file_actions_t *actions, const char *folder,
		       const struct streams *streams)
{
	int r = posix_spawn_file_actions_addchdir_np(actions, folder);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, streams->in, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, streams->out[1], STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, streams->complaints[1],
						     STDERR_FILENO);
	return r;
}

static int spawn(const char *const *argv, const char *folder, const struct streams *streams,
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
		r = set_actions(&actions, folder, streams);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, &attributes,
				 (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(take_fd(fd));
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
		close_end(fd);
	else if (room == 0)
		return -EMSGSIZE;
	*len += room > 0 ? (size_t)n : 0;
	return 0;
}

/* What it complains beyond the room for it is read and forgotten. */
static int take_complaint(int *fd, struct secret_output *output)
{
	int r = take(fd, output->complaint, &output->complaint_len, SECRET_COMPLAINT_MAX - 1);

	return r == -EMSGSIZE ? 0 : r;
}

static int listen_to(struct streams *streams, struct secret_output *output, size_t max)
{
	uint64_t deadline_ms = clock_now_ms() + SECRET_PROGRAM_MS;

	while (streams->out[0] >= 0 || streams->complaints[0] >= 0) {
		struct pollfd ready[] = { { .fd = streams->out[0], .events = POLLIN },
					  { .fd = streams->complaints[0], .events = POLLIN } };
		int r = poll(ready, 2, clock_left_ms(deadline_ms));

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && ready[0].revents != 0)
			r = take(&streams->out[0], output->text, &output->len, max);
		if (r >= 0 && ready[1].revents != 0)
			r = take_complaint(&streams->complaints[0], output);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Ends the whole group when it was not heard to its end. */
static int reap(pid_t pid, int r)
{
	int status = 0;

	if (r < 0)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		r = -EINVAL;
	return r;
}

/* A pipe takes it all at once; without input there is none to wait for. */
static int open_input(const struct secret_program *program, int *ret)
{
	int ends[2], r;

	if (program->input == NULL) {
		*ret = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return *ret < 0 ? -errno : 0;
	}
	if (program->input_len > SECRET_PROGRAM_INPUT_MAX)
		return -EMSGSIZE;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	r = fd_write_full(ends[1], program->input, program->input_len);
	(void)close(ends[1]);
	if (r < 0)
		(void)close(ends[0]);
	else
		*ret = ends[0];
	return r;
}

static int open_streams(const struct secret_program *program, struct streams *streams)
{
	int r = open_input(program, &streams->in);

	if (r == 0 &&
	    (pipe2(streams->out, O_CLOEXEC) < 0 || pipe2(streams->complaints, O_CLOEXEC) < 0))
		r = -errno;
	return r;
}

static int run_in(const char *folder, const struct secret_program *program,
		  struct secret_output *output)
{
	struct streams streams = { -1, { -1, -1 }, { -1, -1 } };
	int r = open_streams(program, &streams);
	pid_t pid;

	if (r == 0)
		r = spawn(program->argv, folder, &streams, &pid);
	close_end(&streams.in);
	close_end(&streams.out[1]);
	close_end(&streams.complaints[1]);
	if (r == 0)
		r = reap(pid, listen_to(&streams, output, program->output_max));
	close_end(&streams.out[0]);
	close_end(&streams.complaints[0]);
	return r;
}

int secret_program_run(const struct secret_program *program, struct secret_output *ret)
{
	const char *tmp = getenv("TMPDIR");
	autofree char *folder = NULL;
	int r;

	*ret = (struct secret_output){ .text = NULL };
	ret->text = sodium_init() < 0 ? NULL : sodium_malloc(program->output_max + 1);
	if (ret->text == NULL ||
	    asprintf(&folder, "%s/sbx-secret-XXXXXX", tmp != NULL ? tmp : "/tmp") < 0)
		return -ENOMEM;
	if (mkdtemp(folder) == NULL)
		return -errno;
	r = run_in(folder, program, ret);
	(void)file_remove_tree(AT_FDCWD, folder);
	ret->text[ret->len] = '\0';
	ret->complaint[ret->complaint_len] = '\0';
	return r;
}

void secret_output_finish(struct secret_output *output)
{
	sodium_free(output->text);
	sodium_memzero(output, sizeof(*output));
}
