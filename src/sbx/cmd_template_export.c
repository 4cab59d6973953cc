#include "sbx/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terminal.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/client.h"
#include "sbx/interrupt.h"
#include "sbx/policy.h"
#include "sbx/sandbox.h"
#include "sbx/template.h"
#include "sbx/template_archive.h"
#include "sbx/template_commands.h"
#include "sbx/template_layer.h"

/* A sandbox for the time of the export: it runs nothing, its kernel reads the layers. */
static int create_reader(struct client *client, const char *reference, json_t **ret,
			 struct err *err)
{
	char name[48];
	json_t *body;
	int r;

	(void)snprintf(name, sizeof(name), "template-export-%d", (int)getpid());
	body = json_pack("{ss ss s{ss} sb sb sI}", "name", name, "template", reference, "policy",
			 "preset", "locked-down", "start", 1, "fleeting", 1, "cpus", (json_int_t)1);
	if (body == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = client_stream(client, "POST", "/sandbox", body, ret, err);
	json_decref(body);
	return r;
}

static void close_layers(const int *layers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)close(layers[i]);
}

/* The contents that the daemon tells of, as marks; absent ones are "". */
static int get_marks(struct client *client, const char *reference, json_t **ret, struct err *err)
{
	autofree char *path = policy_url("/template/contents", "reference", reference);

	return path == NULL ? err_set(err, -ENOMEM, "out of memory")
			    : client_call(client, "GET", path, NULL, ret, err);
}

static int write_archive(struct client *client, const json_t *template, const int *layers,
			 size_t count, int to, struct err *err)
{
	const char *marks[TEMPLATE_ARCHIVE_LAYERS];
	json_t *contents;
	int r = get_marks(client, sandbox_text(template, "reference"), &contents, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		const char *text =
			json_string_value(json_array_get(json_object_get(contents, "contents"), i));

		marks[i] = text != NULL ? text : "";
	}
	r = template_archive_write(
		&(struct template_archive){
			.template = template, .layers = layers, .marks = marks, .count = count },
		to, err);
	json_decref(contents);
	return r;
}

static int pull_and_write(struct client *client, const json_t *template, const char *name, int to,
			  struct err *err)
{
	size_t wanted = json_array_size(json_object_get(template, "layers")), count = 0;
	int layers[TEMPLATE_ARCHIVE_LAYERS];
	int r = 0;

	if (wanted > TEMPLATE_ARCHIVE_LAYERS)
		return err_set(err, -EINVAL, "the template has %zu layers", wanted);
	while (count < wanted && r == 0 && !interrupt_pending()) {
		r = template_layer_pull(client, name, (uint32_t)count + 1, &layers[count], err);
		count += r == 0;
	}
	if (r == 0 && interrupt_pending())
		r = err_set(err, -EINTR, "interrupted");
	if (r == 0)
		r = write_archive(client, template, layers, count, to, err);
	close_layers(layers, count);
	return r;
}

/* With a sandbox, which is gone afterwards. */
static int export_by_reader(struct client *client, const json_t *template, int to, struct err *err)
{
	struct err ignored = ERR_INIT;
	json_t *sandbox = NULL;
	sigset_t before;
	int r;

	interrupt_hold(&before);
	r = create_reader(client, sandbox_text(template, "reference"), &sandbox, err);
	if (r == 0)
		r = pull_and_write(client, template, sandbox_text(sandbox, "name"), to, err);
	if (sandbox != NULL)
		(void)sandbox_remove(client, sandbox_text(sandbox, "name"), true, &ignored);
	json_decref(sandbox);
	interrupt_release(&before);
	return r;
}

int template_export_to(struct client *client, const json_t *template, const char *file,
		       struct err *err)
{
	autofree char *part = NULL;
	autoclose int to = -1;
	int r;

	if (asprintf(&part, "%s.part", file) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (to < 0)
		return err_set_errno(err, -errno, "cannot write '%s'", part);
	r = export_by_reader(client, template, to, err);
	if (r == 0 && rename(part, file) < 0)
		r = err_set_errno(err, -errno, "cannot write '%s'", file);
	if (r < 0)
		(void)unlink(part);
	return r;
}

static int run(const struct invocation *invocation, struct err *err)
{
	const char *file = invocation->args[1];
	autocall(client_finish) struct client client = { .socket_path = NULL };
	struct progress progress;
	json_t *template;
	int r = client_init(&client, invocation, err);

	if (r == 0)
		r = template_get(&client, invocation->args[0], &template, err);
	if (r < 0)
		return r;
	(void)printf("Exporting image to %s ...\n", file);
	progress_init(&progress, false);
	client.progress = &progress;
	r = template_export_to(&client, template, file, err);
	progress_finish(&progress);
	json_decref(template);
	if (r == 0)
		(void)printf("Exported to %s\n", file);
	return r;
}

const struct command template_export = {
	.name = "export",
	.summary = "Write a template as an archive of an image",
	.arguments = "TAG|ID FILE",
	.description =
		"FILE becomes an OCI layout in a tar archive, for `sbx template load` on another "
		"machine, or\n"
		"for other programs that take images. The same template makes the same bytes.",
	.least = 2,
	.most = 2,
	.first = COMPLETE_TEMPLATE,
	.rest = COMPLETE_FILE,
	.run = run,
};
