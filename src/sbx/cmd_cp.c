#include "sbx/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/client.h"
#include "sbx/copypath.h"
#include "sbx/interrupt.h"
#include "sbx/sandbox.h"
#include "sbx/session.h"
#include "sbx/transfer.h"
#include "tar/pack.h"
#include "tar/unpack.h"
#include "wire/guest.h"

/* A sandbox may fill the disk it is copied to, but not by an archive without end. */
#define COPY_BYTES_MAX (UINT64_C(1) << 44)
#define COPY_ENTRIES_MAX (UINT64_C(1) << 24)

enum { COPY_CHUNK = 32768 };

struct cp_options {
	bool follow;
};

static const struct option rows[] = {
	{ .name = "follow-link",
	  .letter = 'L',
	  .kind = OPTION_FLAG,
	  .offset = offsetof(struct cp_options, follow),
	  .help = "when SRC is a symbolic link, copy what it points to" },
	{ .name = NULL },
};

/* One copy under way. */
struct copy {
	struct client *client;
	const char *sandbox;
	bool follow; /* the source, should it be a link: asked for, or by the '/' at its end */
	struct err *err;
};

static int attach(const struct copy *copy, int *ret)
{
	return client_attach(copy->client, copy->sandbox, ret, copy->err);
}

/* Runs test(1) with these words in the sandbox: 1 true, 0 false, or -errno. */
static int test_there(const struct copy *copy, const char *const *words, size_t count)
{
	const struct guest_message request = { .type = GUEST_EXEC,
					       .args = (char **)(uintptr_t)words,
					       .args_count = count,
					       .cwd = (char *)(uintptr_t) "/",
					       .flags = GUEST_FLAG_PRIVILEGED };
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	autoclose int socket = -1;
	int status;
	int r = attach(copy, &socket);

	if (r < 0)
		return r;
	r = session_run(&(struct session_config){ .socket = socket,
						  .request = &request,
						  .in = -1,
						  .out = null,
						  .err = null,
						  .terminal = -1 },
			&status, copy->err);
	return r < 0 ? r : status == 0;
}

/* A link is what it points to. */
static int is_folder_there(const struct copy *copy, const char *path)
{
	const char *const words[] = { "test", "-d", path };

	return test_there(copy, words, countof(words));
}

static int exists_there(const struct copy *copy, const char *path)
{
	const char *const words[] = { "test", "-e", path };

	return test_there(copy, words, countof(words));
}

/* Whether what would be copied is a folder: a link is one only when it is followed. */
static int is_source_folder(const struct copy *copy, const char *path)
{
	const char *const words[] = { "test", "-d", path, "-a", "!", "-L", path };

	return copy->follow ? is_folder_there(copy, path) : test_there(copy, words, countof(words));
}

static int send_piece(void *context, const void *bytes, size_t len, struct err *err)
{
	return transfer_send(context, bytes, len, err);
}

/* What is sent, and where it lands in the sandbox. */
struct push {
	const char *source; /* weak; NULL: standard input is an archive already */
	char *target;	    /* owned */
	bool into;	    /* into the folder target; else target itself is made */
};

static void push_finish(struct push *push)
{
	free(push->target);
}

/* The guest gives the one thing in an archive its name, unless it goes into a folder. */
static int send_packed(struct transfer *transfer, const struct copy *copy, const struct push *push)
{
	struct tar_writer writer;
	const struct tar_pack_config config = { .dir = AT_FDCWD,
						.name = push->source,
						.top = push->into ? "" : "copy",
						.follow_top = copy->follow };
	int r;

	tar_writer_init(&writer, send_piece, transfer);
	r = tar_pack(&config, &writer, copy->err);
	if (r == 0)
		r = tar_writer_end(&writer, copy->err);
	return r < 0 ? r : transfer_send_end(transfer, copy->err);
}

/* Standard input is an archive already. */
static int send_stdin(struct transfer *transfer, const struct copy *copy)
{
	char bytes[COPY_CHUNK];
	int r = 0;

	while (r == 0) {
		ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(copy->err, -errno, "cannot read stdin");
		if (n == 0)
			return transfer_send_end(transfer, copy->err);
		r = transfer_send(transfer, bytes, (size_t)n, copy->err);
	}
	return r;
}

static int push_all(const struct copy *copy, const struct push *push)
{
	const struct guest_message request = { .type = GUEST_PUSH,
					       .target = push->target,
					       .flags = push->into ? GUEST_FLAG_INTO : 0 };
	struct transfer transfer;
	autoclose int socket = -1;
	int r = attach(copy, &socket);

	if (r < 0)
		return r;
	r = transfer_begin(&transfer, socket, copy->client->progress, &request, copy->err);
	if (r == 0 && push->source == NULL)
		r = send_stdin(&transfer, copy);
	else if (r == 0)
		r = send_packed(&transfer, copy, push);
	transfer_finish(&transfer);
	return r;
}

/* What docker cp refuses: a file to a folder that is not there, a folder to a file. */
static int check_target_there(const struct copy *copy, const char *target, bool is_folder)
{
	int r;

	if (!is_folder)
		return copypath_wants_folder(target)
			       ? err_set(copy->err, -ENOENT,
					 "there is no folder '%s' in sandbox '%s'", target,
					 copy->sandbox)
			       : 0;
	r = exists_there(copy, target);
	return r <= 0 ? r
		      : err_set(copy->err, -ENOTDIR,
				"a folder cannot be copied to the file '%s' in sandbox '%s'",
				target, copy->sandbox);
}

/* Finds where a file or folder of this machine lands in the sandbox. */
static int find_target_there(const struct copy *copy, const char *source, const char *target,
			     struct push *ret)
{
	autofree char *stripped = copypath_strip(target);
	struct stat st;
	int folder, r;

	if (stripped == NULL)
		return err_set(copy->err, -ENOMEM, "out of memory");
	if ((copy->follow ? stat : lstat)(source, &st) < 0)
		return err_set_errno(copy->err, -errno, "cannot copy '%s'", source);
	folder = is_folder_there(copy, stripped);
	if (folder < 0)
		return folder;
	r = folder > 0 ? 0 : check_target_there(copy, target, S_ISDIR(st.st_mode));
	if (r < 0)
		return r;
	ret->into = folder > 0 && copypath_is_content(source);
	ret->target = folder > 0 && !ret->into ? copypath_into(target, source) : take_ptr(stripped);
	return ret->target != NULL ? 0 : err_set(copy->err, -ENOMEM, "out of memory");
}

static int push(const struct copy *copy, const char *source, const char *target)
{
	autocall(push_finish) struct push push = { .source = source };
	int r = 0;

	if (strcmp(source, "-") == 0) {
		push = (struct push){ .target = copypath_strip(target), .into = true };
		if (push.target == NULL)
			r = err_set(copy->err, -ENOMEM, "out of memory");
	} else {
		r = find_target_there(copy, source, target, &push);
	}
	return r < 0 ? r : push_all(copy, &push);
}

static int write_stdout(struct transfer *transfer, const struct copy *copy)
{
	for (;;) {
		const uint8_t *bytes;
		size_t len;
		int r = transfer_receive(transfer, &bytes, &len, copy->err);

		if (r <= 0)
			return r;
		r = fd_write_full(STDOUT_FILENO, bytes, len);
		if (r < 0)
			return err_set_errno(copy->err, r, "cannot write to stdout");
	}
}

static int unpack_all(struct transfer *transfer, struct tar_unpack *unpack, const struct copy *copy)
{
	for (;;) {
		const uint8_t *bytes;
		size_t len;
		int r = transfer_receive(transfer, &bytes, &len, copy->err);

		if (r == 0)
			return tar_unpack_finish(unpack, copy->err);
		if (r > 0)
			r = tar_unpack_feed(unpack, bytes, len, copy->err);
		if (r < 0)
			return r;
	}
}

static int unpack_at(struct transfer *transfer, const struct copy *copy,
		     const struct copy_place *place)
{
	const struct tar_unpack_config config = {
		.root = place->folder,
		.top = place->name,
		.limits = { .bytes_max = COPY_BYTES_MAX, .entries_max = COPY_ENTRIES_MAX },
	};
	struct tar_unpack *unpack;
	sigset_t before;
	int r = tar_unpack_create(&config, &unpack);

	if (r < 0)
		return err_set_errno(copy->err, r, "cannot unpack");
	/* ^C must not leave the file that is half written. */
	interrupt_hold(&before);
	transfer->interrupted = interrupt_pending;
	r = unpack_all(transfer, unpack, copy);
	tar_unpack_destroy(unpack);
	interrupt_release(&before);
	return r;
}

/* place: NULL is standard output. */
static int pull_from(const struct copy *copy, const char *source, const struct copy_place *place)
{
	const struct guest_message request = { .type = GUEST_PULL,
					       .source = (char *)(uintptr_t)source,
					       .flags =
						       copy->follow ? GUEST_FLAG_FOLLOW_LINKS : 0 };
	struct transfer transfer;
	autoclose int socket = -1;
	int r = attach(copy, &socket);

	if (r < 0)
		return r;
	r = transfer_begin(&transfer, socket, copy->client->progress, &request, copy->err);
	if (r == 0 && place == NULL)
		r = write_stdout(&transfer, copy);
	else if (r == 0)
		r = unpack_at(&transfer, copy, place);
	transfer_finish(&transfer);
	return r;
}

static int pull(const struct copy *copy, const char *source, const char *target)
{
	autocall(copy_place_finish) struct copy_place place = { .folder = -1 };
	autofree char *stripped = copypath_strip(source);
	int folder, r;

	if (stripped == NULL)
		return err_set(copy->err, -ENOMEM, "out of memory");
	if (strcmp(target, "-") == 0)
		return pull_from(copy, stripped, NULL);
	folder = is_source_folder(copy, stripped);
	if (folder < 0)
		return folder;
	if (folder == 0 && copypath_wants_folder(source))
		return err_set(copy->err, -ENOTDIR, "there is no folder '%s' in sandbox '%s'",
			       source, copy->sandbox);
	r = copy_place_find(target, source, folder > 0, &place, copy->err);
	return r < 0 ? r : pull_from(copy, stripped, &place);
}

/* A stopped sandbox is started first. */
static int start(struct client *client, const char *name, struct err *err)
{
	json_t *sandbox;
	int r = sandbox_get(client, name, &sandbox, err);

	if (r < 0)
		return r;
	r = sandbox_start(client, sandbox, false, err);
	json_decref(sandbox);
	return r;
}

static int copy_between(const struct invocation *invocation, const char *name, const char *there,
			bool to_sandbox, struct err *err)
{
	const struct cp_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	const struct copy copy = { .client = &client,
				   .sandbox = name,
				   .follow = options->follow ||
					     copypath_wants_folder(to_sandbox ? invocation->args[0]
									      : there),
				   .err = err };
	struct progress progress;
	int r;

	if (there[0] != '/')
		return err_set(err, -EINVAL, "a path in a sandbox begins with '/', not '%s'",
			       there);
	r = client_init(&client, invocation, err);
	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = start(&client, name, err);
	if (r < 0)
		return r;
	progress_step(&progress, "Copying");
	r = to_sandbox ? push(&copy, invocation->args[0], there)
		       : pull(&copy, there, invocation->args[1]);
	progress_finish(&progress);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const char *source, *target;
	autofree char *source_name = copypath_sandbox(invocation->args[0], &source);
	autofree char *target_name = copypath_sandbox(invocation->args[1], &target);

	if (source_name != NULL && target_name != NULL)
		return err_set(err, -EINVAL, "copying between sandboxes is not supported");
	if (source_name == NULL && target_name == NULL)
		return err_set(err, -EINVAL, "one of SRC and DST is SANDBOX:/PATH");
	if (target_name != NULL)
		return copy_between(invocation, target_name, target, true, err);
	return copy_between(invocation, source_name, source, false, err);
}

const struct command cmd_cp = {
	.name = "cp",
	.summary = "Copy files and folders into a sandbox or out of it",
	.arguments = "SRC DST",
	.description =
		"One of SRC and DST is SANDBOX:/PATH; the other is a path of this machine, or '-' "
		"for a\n"
		"tar archive on stdin or stdout. A stopped sandbox is started.\n"
		"\n"
		"When DST is a folder that exists, SRC is put into it; else SRC gets the name DST. "
		"With\n"
		"'/.' at its end, the content of the folder SRC is copied into DST. A DST with '/' "
		"at its\n"
		"end is a folder: a file is not copied to one that is not there. Symbolic links "
		"are copied\n"
		"as links (one with '/' at its end as the folder it points to), and nothing is "
		"ever "
		"written\n"
		"outside of DST. Files belong to you here, and to the user agent there.",
	.examples =
		"sbx cp report.txt demo:/tmp/\tinto it\n"
		"sbx cp demo:/home/agent/out ./out\tout of it\n"
		"sbx cp demo:/etc - | tar -t\tas an archive",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct cp_options),
	.least = 2,
	.most = 2,
	.first = COMPLETE_COPY,
	.rest = COMPLETE_COPY,
	.run = run,
};
