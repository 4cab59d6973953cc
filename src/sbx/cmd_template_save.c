#include "sbx/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/template.h"
#include "sbx/template_commands.h"
#include "sbx/template_layer.h"

enum { LAYERS_MAX = 6 };

struct save_options {
	const char *output;
};

static const struct option rows[] = {
	{ .name = "output",
	  .letter = 'o',
	  .kind = OPTION_STRING,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  .offset = offsetof(struct save_options, output),
	  .help = "write it as an archive of an image as well" },
	{ .name = NULL },
};

/* What is saved must hold still. */
static int ensure_stopped(struct client *client, const json_t *sandbox, struct err *err)
{
	const char *name = sandbox_text(sandbox, "name");
	autofree char *question = NULL;
	int r;

	if (!sandbox_is_running(sandbox))
		return 0;
	if (isatty(STDIN_FILENO) != 1)
		return err_set(err, -EBUSY,
			       "cannot save a running sandbox; stop it first with: sbx stop %s",
			       name);
	if (asprintf(&question, "Sandbox '%s' is running. Stop it?", name) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = report_confirm(false, question, err);
	return r < 0 ? r : sandbox_stop(client, name, SANDBOX_STOP_DEFAULT, err);
}

/* The archives become a layer of a template. */
static int post(struct client *client, const char *name, const char *tag, const int *archives,
		size_t count, json_t **ret, struct err *err)
{
	json_t *list = json_array();
	json_t *body = json_pack("{ss ss so}", "sandbox", name, "reference", tag, "archives", list);
	int r;

	for (size_t i = 0; i < count; i++) {
		char path[TEMPLATE_PROC_SIZE];

		template_layer_path(archives[i], path);
		(void)json_array_append_new(list, json_string(path));
	}
	if (body == NULL)
		return err_set(err, -EINVAL, "the name '%s' is not UTF-8", tag);
	client->timeout_ms = TEMPLATE_MS;
	r = client_call(client, "POST", "/template/save", body, ret, err);
	client->timeout_ms = 0;
	json_decref(body);
	return r;
}

static size_t count_layers(struct client *client, const char *name, struct err *err)
{
	autofree char *path = client_path(name, "/inspect");
	json_t *inspect;
	size_t count;

	if (path == NULL || client_call(client, "GET", path, NULL, &inspect, err) < 0)
		return 0;
	count = json_array_size(json_object_get(inspect, "layers"));
	json_decref(inspect);
	return count;
}

/* A stack that is full gets no higher: its top layer and the new one become one. */
static int snapshot(struct client *client, const char *name, const char *tag, json_t **ret,
		    struct err *err)
{
	size_t layers = count_layers(client, name, err), count = 0;
	int archives[2] = { -1, -1 };
	int r = 0;

	if (layers >= LAYERS_MAX)
		r = template_layer_pull(client, name, (uint32_t)layers, &archives[count++], err);
	if (r == 0)
		r = template_layer_pull(client, name, 0, &archives[count++], err);
	if (r == 0)
		r = post(client, name, tag, archives, count, ret, err);
	for (size_t i = 0; i < count; i++)
		if (archives[i] >= 0)
			(void)close(archives[i]);
	return r;
}

/* The guest's own kernel reads its disk, so it is started for the time of it. */
static int save(struct client *client, const json_t *sandbox, const char *tag, json_t **ret,
		struct err *err)
{
	const char *name = sandbox_text(sandbox, "name");
	struct err ignored = ERR_INIT;
	bool quiet = client->quiet;
	int r;

	client->quiet = true;
	r = sandbox_start(client, sandbox, false, err);
	client->quiet = quiet;
	if (r < 0)
		return r;
	r = snapshot(client, name, tag, ret, err);
	if (sandbox_stop(client, name, SANDBOX_STOP_DEFAULT, &ignored) < 0 && r == 0)
		*err = ignored;
	return r;
}

static int save_named(struct client *client, const char *name, const char *tag, json_t **ret,
		      struct err *err)
{
	json_t *sandbox;
	int r = sandbox_get(client, name, &sandbox, err);

	if (r < 0)
		return r;
	r = ensure_stopped(client, sandbox, err);
	if (r == 0) {
		(void)puts("Snapshotting image in sandbox ...");
		(void)fflush(stdout);
		json_decref(sandbox);
		r = sandbox_get(client, name, &sandbox, err);
	}
	if (r == 0)
		r = save(client, sandbox, tag, ret, err);
	json_decref(sandbox);
	return r;
}

/* A sandbox's name has no slash. */
static bool is_folder(const char *word)
{
	return strchr(word, '/') != NULL || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
}

/* `template save DIR TAG` is `template build DIR -t TAG`. */
static int make(struct client *client, const struct invocation *invocation, json_t **ret,
		struct err *err)
{
	const struct template_build wanted = { .folder = invocation->args[0],
					       .tag = invocation->args[1] };

	return is_folder(wanted.folder) ? template_build_run(client, &wanted, ret, err)
					: save_named(client, wanted.folder, wanted.tag, ret, err);
}

static int run(const struct invocation *invocation, struct err *err)
{
	const struct save_options *options = invocation->values;
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *template;
	int r = client_init(&client, invocation, err);

	if (r < 0)
		return r;
	progress_init(&progress, false);
	client.progress = &progress;
	r = template_check_name(&client, invocation->args[1], err);
	if (r == 0)
		r = make(&client, invocation, &template, err);
	progress_finish(&progress);
	if (r < 0)
		return r;
	if (options->output != NULL) {
		(void)printf("Exporting image to %s ...\n", options->output);
		r = template_export_to(&client, template, options->output, err);
		progress_finish(&progress);
		if (r == 0)
			(void)printf("Exported to %s\n", options->output);
	}
	if (r == 0) {
		(void)fputs("Save complete. ", stdout);
		template_print_use(template);
	}
	json_decref(template);
	return r;
}

const struct command template_save = {
	.name = "save",
	.summary = "Make a template of a sandbox as it is",
	.arguments = "SANDBOX|DIR TAG",
	.description =
		"What changed in the sandbox becomes a layer over those that it was made from. "
		"Folders of this\n"
		"machine, /var/lib/docker and what a start writes anew (host name, certificates, "
		"placeholders of\n"
		"keys) are no part of it. The sandbox must be stopped, and stays as it is. Of a "
		"folder\n"
		"it is what `sbx template build` makes.",
	.examples = "sbx template save demo tools:1\tthen: sbx run -t tools:1",
	.groups = { { .options = rows } },
	.values_size = sizeof(struct save_options),
	.least = 2,
	.most = 2,
	.first = COMPLETE_SANDBOX,
	.run = run,
};
