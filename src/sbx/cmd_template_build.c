#include "sbx/commands.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/env.h"
#include "sbx/interrupt.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"
#include "sbx/session.h"
#include "sbx/template.h"
#include "sbx/template_commands.h"
#include "sbx/template_layer.h"
#include "wire/guest.h"

/* Where the builder sees the folder, and what it calls the image. */
#define CONTEXT "/home/agent/context"
#define IMAGE "sbx-template-build:latest"
#define BUILDER_TEMPLATE "docker"

enum { ARGS_MAX = 256, FIXED_WORDS = 9 };

#define DOCKER_DISK_BYTES ((json_int_t)32 << 30)

struct build_options {
	const char *tag, *file, *target, *platform;
	struct option_list args;
};

static const char *const platforms[] = { "linux/amd64", NULL };

static const struct option rows[] = {
	{ .name = "tag",
	  .letter = 't',
	  .kind = OPTION_STRING,
	  .argument = "REF",
	  .offset = offsetof(struct build_options, tag),
	  .help = "call it this (default: the name of the folder)" },
	{ .name = "file",
	  .letter = 'f',
	  .kind = OPTION_STRING,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  .offset = offsetof(struct build_options, file),
	  .help = "the Dockerfile, within DIR (default: DIR/Dockerfile)" },
	{ .name = "build-arg",
	  .kind = OPTION_LIST,
	  .argument = "K[=V]",
	  .offset = offsetof(struct build_options, args),
	  .help = "set an ARG of the Dockerfile; without =V take it from here; may\n"
		  "be repeated" },
	{ .name = "target",
	  .kind = OPTION_STRING,
	  .argument = "STAGE",
	  .offset = offsetof(struct build_options, target),
	  .help = "build this stage of the Dockerfile (default: the last one)" },
	{ .name = "platform",
	  .kind = OPTION_STRING,
	  .argument = "PLATFORM",
	  .choices = platforms,
	  .offset = offsetof(struct build_options, platform),
	  .help = "what sandboxes run, and nothing else: linux/amd64" },
	{ .name = NULL },
};

/* One build under way. */
struct build {
	struct client *client; /* weak, as all that is not owned */
	const struct template_build *wanted;
	char *folder, *file, *tag; /* owned: resolved, the file as the builder sees it */
	struct env args;	   /* "K=V" */
	const char *sandbox;	   /* the builder's name */
	struct err *err;
};

static void build_finish(struct build *build)
{
	free(build->folder);
	free(build->file);
	free(build->tag);
	env_finish(&build->args);
}

static int create_builder(struct build *build, json_t **ret)
{
	bool chosen = true;
	char name[48];
	json_t *body;
	int r = policy_ensure(build->client, false, &chosen, build->err);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "template-build-%d", (int)getpid());
	body = json_pack("{ss ss s[{ss ss sb}] sI sb sb sb}", "name", name, "template",
			 BUILDER_TEMPLATE, "mounts", "source", build->folder, "target", CONTEXT,
			 "read_only", 1, "docker_disk", DOCKER_DISK_BYTES, "start", 1, "force", 1,
			 "fleeting", 1);
	if (body == NULL)
		return err_set(build->err, -EINVAL, "the path '%s' is not UTF-8", build->folder);
	r = client_stream(build->client, "POST", "/sandbox", body, ret, build->err);
	json_decref(body);
	return r;
}

/* Runs a command of the builder; its exit status, or -errno. */
static int run_there(const struct build *build, const char *const *words, size_t count, int out)
{
	const struct guest_message request = { .type = GUEST_EXEC,
					       .args = (char **)(uintptr_t)words,
					       .args_count = count,
					       .cwd = (char *)(uintptr_t) "/" };
	autoclose int socket = -1;
	int status = 0;
	int r = client_attach(build->client, build->sandbox, &socket, build->err);

	if (r == 0)
		r = session_run(&(struct session_config){ .socket = socket,
							  .request = &request,
							  .in = -1,
							  .out = out,
							  .err = STDERR_FILENO,
							  .terminal = -1,
							  .forward_signals = true },
				&status, build->err);
	return r < 0 ? r : status;
}

static int build_image(const struct build *build)
{
	const char *words[FIXED_WORDS + 2 * ARGS_MAX] = { "docker", "build", "-t",
							  IMAGE,    "-f",    build->file };
	size_t count = 6;
	int status;

	if (build->wanted->target != NULL) {
		words[count++] = "--target";
		words[count++] = build->wanted->target;
	}
	for (size_t i = 0; i < build->args.count; i++) {
		words[count++] = "--build-arg";
		words[count++] = build->args.items[i];
	}
	words[count++] = CONTEXT;
	status = run_there(build, words, count, STDOUT_FILENO);
	if (status <= 0)
		return status;
	return err_set(build->err, -EIO,
		       "the build of '%s' failed with status %d; nothing of it is left",
		       build->folder, status);
}

/* The image as an archive, which becomes the template. */
static int take_image(const struct build *build, json_t **ret)
{
	static const char *const words[] = { "docker", "save", IMAGE };
	char path[TEMPLATE_PROC_SIZE];
	autoclose int archive = -1;
	int status, r = template_layer_file(build->client, &archive, build->err);

	if (r < 0)
		return r;
	status = run_there(build, words, countof(words), archive);
	if (status > 0)
		return err_set(build->err, -EIO, "the built image cannot be saved: status %d",
			       status);
	if (status < 0)
		return status;
	template_layer_path(archive, path);
	return template_load(build->client, path, build->tag, ret, build->err);
}

static void step(const struct build *build, const char *text)
{
	if (build->client->progress != NULL)
		progress_step(build->client->progress, text);
}

/* Signals are held; a command that runs gets them (session.h). */
static int build_in(const struct build *build, json_t **ret)
{
	int r;

	progress_finish(build->client->progress);
	if (interrupt_pending())
		return err_set(build->err, -EINTR, "interrupted; nothing of the build is left");
	r = build_image(build);
	if (r < 0)
		return r;
	step(build, "Taking the image over");
	return take_image(build, ret);
}

/* "My Tools" is my-tools: the folder's name as an image may be called; owned by the caller. */
static char *default_tag(const char *resolved)
{
	const char *slash = strrchr(resolved, '/');
	char *name = strdup(slash == NULL ? resolved : slash + 1), *to = name;

	if (name == NULL)
		return NULL;
	for (const char *from = name; *from != '\0'; from++) {
		if (isalnum((unsigned char)*from))
			*to++ = (char)tolower((unsigned char)*from);
		else if (to > name && to[-1] != '-')
			*to++ = '-';
	}
	if (to > name && to[-1] == '-')
		to--;
	*to = '\0';
	return name;
}

/* The Dockerfile as the builder sees it: within the folder. */
static int find_file(const char *folder, const char *file, char **ret, struct err *err)
{
	autofree char *standard = NULL, *resolved = NULL;
	size_t len = strlen(folder);

	if (file == NULL && asprintf(&standard, "%s/Dockerfile", folder) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	resolved = realpath(file != NULL ? file : standard, NULL);
	if (resolved == NULL && file == NULL)
		return err_set(err, -errno,
			       "there is no Dockerfile in '%s'; name another file by --file",
			       folder);
	if (resolved == NULL)
		return err_set_errno(err, -errno, "cannot use the file '%s'", file);
	if (strncmp(resolved, folder, len) != 0 || resolved[len] != '/')
		return err_set(err, -EINVAL, "the file '%s' is not within '%s'",
			       file != NULL ? file : standard, folder);
	if (asprintf(ret, CONTEXT "/%s", resolved + len + 1) < 0) {
		*ret = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

/* Everything that can be wrong before a machine is started for it. */
static int prepare(struct build *build)
{
	const struct template_build *wanted = build->wanted;
	int r;

	build->folder = realpath(wanted->folder, NULL);
	if (build->folder == NULL)
		return err_set_errno(build->err, -errno, "cannot build '%s'", wanted->folder);
	build->tag = wanted->tag != NULL ? strdup(wanted->tag) : default_tag(build->folder);
	if (build->tag == NULL)
		return err_set(build->err, -ENOMEM, "out of memory");
	if (wanted->args.count > ARGS_MAX)
		return err_set(build->err, -EINVAL, "more than %d arguments for the build",
			       ARGS_MAX);
	r = find_file(build->folder, wanted->file, &build->file, build->err);
	if (r == 0)
		r = env_add(&build->args, &(struct option_list){ .count = 0 }, &wanted->args,
			    build->err);
	return r < 0 ? r : template_check_name(build->client, build->tag, build->err);
}

/* In a sandbox that is gone afterwards. */
static int build_with_sandbox(struct build *build, json_t **ret)
{
	struct err ignored = ERR_INIT;
	json_t *sandbox = NULL;
	sigset_t before;
	int r;

	interrupt_hold(&before);
	step(build, "Starting a builder");
	r = create_builder(build, &sandbox);
	if (r == 0) {
		build->sandbox = sandbox_text(sandbox, "name");
		r = build_in(build, ret);
		step(build, "Removing the builder");
		(void)sandbox_remove(build->client, build->sandbox, true, &ignored);
	}
	progress_finish(build->client->progress);
	json_decref(sandbox);
	interrupt_release(&before);
	return r;
}

int template_build_run(struct client *client, const struct template_build *wanted, json_t **ret,
		       struct err *err)
{
	autocall(build_finish) struct build build = { .client = client,
						      .wanted = wanted,
						      .err = err };
	int r = prepare(&build);

	return r < 0 ? r : build_with_sandbox(&build, ret);
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct build_options *options = invocation->values;
	const struct template_build wanted = { .folder = invocation->args[0],
					       .file = options->file,
					       .tag = options->tag,
					       .target = options->target,
					       .args = options->args };
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *template;
	int r = client_init(&client, invocation, err);

	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = template_build_run(&client, &wanted, &template, err);
	if (r < 0)
		return r;
	(void)fputs("Built: ", stdout);
	(void)terminal_print_safe(stdout, sandbox_text(template, "reference"));
	(void)putchar('\n');
	template_print_use(template);
	json_decref(template);
	return 0;
}

const struct command template_build = {
	.name = "build",
	.summary = "Make a template from a Dockerfile",
	.arguments = "DIR",
	.description =
		"A sandbox with a Docker Engine of its own builds the image from the folder DIR, "
		"which "
		"it sees\n"
		"read-only, and is gone afterwards. What the build may reach is what sandboxes "
		"may: "
		"the policy.",
	.examples = "sbx template build -t tools:1 .\tthen: sbx run -t tools:1",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct build_options),
	.least = 1,
	.most = 1,
	.first = COMPLETE_FOLDER,
	.run = run,
};
