#include "sbx/create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terminal.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/agent.h"
#include "sbx/client.h"
#include "sbx/clone.h"
#include "sbx/env.h"
#include "sbx/interrupt.h"
#include "sbx/mounts.h"
#include "sbx/policy.h"
#include "sbx/portspec.h"
#include "sbx/sandbox.h"
#include "sbx/template.h"
#include "sbx/workcopy.h"

#define TARGET(member) .offset = offsetof(struct create_options, member)

static const char *const pulls[] = { "always", "missing", "never", NULL };
static const char *const engines[] = { "auto", "kvm", "qemu", NULL };

const struct option create_option_rows[] = {
	{ .name = "name",
	  .kind = OPTION_STRING,
	  .argument = "NAME",
	  TARGET(name),
	  .help = "name of the sandbox: 2 to 63 letters, digits, '-' and '.'\n"
		  "(default: AGENT-FOLDER, made unique)" },
	{ .name = "template",
	  .letter = 't',
	  .kind = OPTION_STRING,
	  .argument = "REF",
	  .complete = COMPLETE_TEMPLATE,
	  TARGET(template),
	  .help = "what its root is made of (default: shell)" },
	{ .name = "pull",
	  .kind = OPTION_STRING,
	  .argument = "WHEN",
	  .choices = pulls,
	  TARGET(pull),
	  .help = "ask the registry for the template: always, missing or never\n"
		  "(default: always, and never for what was made here)" },
	{ .name = "mount",
	  .kind = OPTION_LIST,
	  .argument = "SRC:DST[:ro]",
	  .complete = COMPLETE_FILE,
	  TARGET(mounts),
	  .help = "share a file or folder at another place; may be repeated" },
	{ .name = "branch",
	  .kind = OPTION_STRING,
	  .argument = "NAME",
	  TARGET(branch),
	  .help = "work on a copy of the repository, on this branch, and leave\n"
		  "the checkout alone (see sbx branch)" },
	{ .name = "clone",
	  .kind = OPTION_FLAG,
	  TARGET(clone),
	  .help = "work on a private clone of the repository, on the sandbox's\n"
		  "own disk; fetch from it with: git fetch sandbox-NAME" },
	{ .name = "fast-dirs",
	  .kind = OPTION_LIST,
	  .argument = "DIR[,DIR...]",
	  TARGET(fast_dirs),
	  .help = "folders of the workspace that are built there, like\n"
		  "node_modules or target: on the sandbox's own disk, which is\n"
		  "faster; the host does not see what is in them; may be repeated" },
	{ .name = "cpus",
	  .kind = OPTION_NUMBER,
	  .argument = "N",
	  TARGET(cpus),
	  .help = "virtual CPUs (default: all of this machine)" },
	{ .name = "memory",
	  .letter = 'm',
	  .kind = OPTION_SIZE,
	  .argument = "SIZE",
	  TARGET(memory),
	  .help = "memory, like 512m or 8g (default: half of this machine's,\n"
		  "at most 32g, or 4g where the processor is emulated)" },
	{ .name = "disk",
	  .kind = OPTION_SIZE,
	  .argument = "SIZE",
	  TARGET(disk),
	  .help = "size of the sandbox's own disk (default: 20g; only what is\n"
		  "written takes space)" },
	{ .name = "docker-disk",
	  .kind = OPTION_SIZE,
	  .argument = "SIZE",
	  TARGET(docker_disk),
	  .help = "size of the disk for /var/lib/docker (default: 10g)" },
	{ .name = "pids-limit",
	  .kind = OPTION_NUMBER,
	  .argument = "N",
	  TARGET(pids_limit),
	  .help = "most processes and threads at once (default: as many as its\n"
		  "memory allows)" },
	{ .name = "env",
	  .letter = 'e',
	  .kind = OPTION_LIST,
	  .argument = "K[=V]",
	  TARGET(env),
	  .help = "set a variable; without =V take it from here; may be repeated" },
	{ .name = "env-file",
	  .kind = OPTION_LIST,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  TARGET(env_files),
	  .help = "set the variables of a file; -e wins over it; may be repeated" },
	{ .name = "publish",
	  .letter = 'p',
	  .kind = OPTION_LIST,
	  .argument = "SPEC",
	  TARGET(publish),
	  .help = "publish a port, like 8080:3000 (see sbx ports); may be repeated" },
	{ .name = "extra-ca",
	  .kind = OPTION_STRING,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  TARGET(extra_ca),
	  .help = "believe servers with certificates of these authorities (PEM),\n"
		  "beside those that this machine believes" },
	{ .name = "engine",
	  .kind = OPTION_STRING,
	  .argument = "NAME",
	  .choices = engines,
	  TARGET(engine),
	  .help = "who runs the virtual CPUs: auto, kvm or qemu (default: auto)" },
	{ .name = "kernel",
	  .kind = OPTION_STRING,
	  .argument = "FILE",
	  .complete = COMPLETE_FILE,
	  TARGET(kernel),
	  .help = "boot this Linux kernel (ELF vmlinux or bzImage)" },
	{ .name = "policy",
	  .kind = OPTION_STRING,
	  .argument = "PRESET|FILE",
	  .complete = COMPLETE_PRESET,
	  TARGET(policy),
	  .help = "network policy of its own: open, balanced, locked-down,\n"
		  "or a policy file (default: the one of sbx policy init)" },
	{ .name = "deny-network",
	  .kind = OPTION_LIST,
	  .argument = "HOST[,HOST]",
	  TARGET(deny_network),
	  .help = "deny these hosts to it; may be repeated" },
	{ .name = "keep-alive",
	  .kind = OPTION_FLAG,
	  TARGET(keep_alive),
	  .help = "do not stop it when nothing has run in it for 30 seconds" },
	{ .name = "force",
	  .kind = OPTION_FLAG,
	  TARGET(force),
	  .help = "share even / or the home directory" },
	{ .name = "allow-weak-jail",
	  .kind = OPTION_FLAG,
	  TARGET(weak_jail),
	  .help = "start although this machine cannot lock the sandbox's\n"
		  "processes in completely" },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = OPTION_FLAG,
	  TARGET(quiet),
	  .help = "print nothing but errors and the name" },
	{ .name = NULL },
};

static int add_mounts(json_t *body, const struct create_request *request, struct err *err)
{
	const struct option_list *specs = &request->options->mounts;
	json_t *mounts = json_array();
	int r = json_object_set_new(body, "mounts", mounts);

	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < request->paths_count; i++)
		r = mounts_add_path(mounts, request->paths[i], err);
	for (size_t i = 0; r == 0 && i < specs->count; i++)
		r = mounts_add_spec(mounts, specs->items[i], err);
	return r;
}

static int add_env(json_t *body, const struct create_options *options, struct err *err)
{
	autocall(env_finish) struct env env = { .items = NULL };
	json_t *items = json_array();
	int r = json_object_set_new(body, "env", items);

	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = env_add(&env, &options->env_files, &options->env, err);
	for (size_t i = 0; r == 0 && i < env.count; i++) {
		if (json_array_append_new(items, json_string(env.items[i])) < 0)
			r = err_set(err, -EINVAL, "the variable '%s' is not UTF-8", env.items[i]);
	}
	return r;
}

/* The resolved path of a file that the daemon is to read. */
static int add_file(json_t *body, const char *member, const char *what, const char *file,
		    struct err *err)
{
	autofree char *path = realpath(file, NULL);

	if (path == NULL)
		return err_set_errno(err, -errno, "cannot use the %s '%s'", what, file);
	return json_object_set_new(body, member, json_string(path)) == 0
		       ? 0
		       : err_set(err, -EINVAL, "the path of the %s '%s' is not UTF-8", what, file);
}

static int add_ports(json_t *body, const struct option_list *specs, struct err *err)
{
	json_t *ports = json_array();
	int r = json_object_set_new(body, "ports", ports);

	if (r < 0)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < specs->count; i++)
		r = portspec_add(ports, specs->items[i], err);
	return r;
}

/* Adds members that were given; the daemon has defaults for the others. */
static int add_plain(json_t *body, const struct create_request *request)
{
	const struct create_options *options = request->options;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = { { "cpus", options->cpus },
			{ "memory", options->memory },
			{ "disk", options->disk },
			{ "docker_disk", options->docker_disk },
			{ "pids_limit", options->pids_limit } };
	const struct {
		const char *name;
		bool value;
	} flags[] = { { "force", options->force },
		      { "allow_weak_jail", options->weak_jail },
		      { "keep_alive", request->keep_alive },
		      { "fleeting", request->is_fleeting },
		      { "reuse", request->reuse } };
	int r = 0;

	if (options->name != NULL)
		r |= json_object_set_new(body, "name", json_string(options->name));
	if (options->template != NULL)
		r |= json_object_set_new(body, "template", json_string(options->template));
	if (options->engine != NULL)
		r |= json_object_set_new(body, "engine", json_string(options->engine));
	for (size_t i = 0; i < countof(numbers); i++) {
		if (numbers[i].value > INT64_MAX)
			return -ERANGE;
		if (numbers[i].value > 0)
			r |= json_object_set_new(body, numbers[i].name,
						 json_integer((json_int_t)numbers[i].value));
	}
	for (size_t i = 0; i < countof(flags); i++) {
		if (flags[i].value)
			r |= json_object_set_new(body, flags[i].name, json_true());
	}
	return r < 0 ? -EINVAL : 0;
}

/* An agent is called as its kit is. */
static int add_agent(json_t *body, const struct create_request *request,
		     const struct kit_prepared *prepared, struct err *err)
{
	const char *name = json_string_value(json_object_get(prepared->kit, "name"));
	int r = json_object_set_new(body, "agent",
				    json_string(name != NULL ? name : request->agent));

	if (prepared->kit != NULL)
		r |= json_object_set(body, "kit", prepared->kit);
	if (prepared->files != NULL)
		r |= json_object_set_new(body, "kit_files", json_string(prepared->files));
	return r < 0 ? err_set(err, -EINVAL, "the agent '%s' is not UTF-8", request->agent) : 0;
}

/* Each word of the option is a list, with commas. */
static int add_fast_dirs(json_t *body, const struct option_list *words, struct err *err)
{
	json_t *list = json_array();
	int r = json_object_set_new(body, "fast_dirs", list);

	for (size_t i = 0; i < words->count; i++) {
		const char *at = words->items[i];

		for (size_t len = strcspn(at, ","); r == 0; len = strcspn(at, ",")) {
			r = json_array_append_new(list, json_stringn(at, len));
			at += len;
			if (*at++ == '\0')
				break;
		}
	}
	return r < 0 ? err_set(err, -EINVAL, "the name of a fast folder is not UTF-8") : 0;
}

static int make_body(const struct create_request *request, const struct kit_prepared *prepared,
		     json_t **ret, struct err *err)
{
	json_t *body = json_object();
	int r = add_plain(body, request);

	if (r == -ERANGE)
		(void)err_set(err, r, "a number of CPUs, bytes or processes is below 2^63");
	else if (r < 0)
		(void)err_set(err, r,
			      "the name of a sandbox is 2 to 63 letters, digits, '-' and '.'; "
			      "names of templates are UTF-8");
	if (r == 0)
		r = add_agent(body, request, prepared, err);
	if (r == 0)
		r = add_mounts(body, request, err);
	if (r == 0 && request->workcopy != NULL)
		r = workcopy_add(request->workcopy, body, err);
	if (r == 0 && request->source != NULL)
		r = clone_add(request->source, body, err);
	if (r == 0)
		r = add_env(body, request->options, err);
	if (r == 0)
		r = policy_add_to_body(body, request->options->policy,
				       &request->options->deny_network, err);
	if (r == 0 && request->options->kernel != NULL)
		r = add_file(body, "kernel", "kernel", request->options->kernel, err);
	if (r == 0 && request->options->extra_ca != NULL)
		r = add_file(body, "extra_ca", "certificates", request->options->extra_ca, err);
	if (r == 0 && request->options->fast_dirs.count > 0)
		r = add_fast_dirs(body, &request->options->fast_dirs, err);
	if (r == 0 && request->options->publish.count > 0)
		r = add_ports(body, &request->options->publish, err);
	if (r < 0)
		json_decref(body);
	else
		*ret = body;
	return r;
}

/* Starts what was just made; a failure or ^C takes it away again. */
static int start_or_remove(struct client *client, json_t *sandbox, struct err *err)
{
	const char *name = sandbox_text(sandbox, "name");
	struct err ignored = ERR_INIT;
	bool quiet = client->quiet;
	int r;

	client->interrupted = interrupt_pending;
	client->quiet = true;
	r = sandbox_start(client, sandbox, false, err);
	if (r == 0 && *clone_folder_of(sandbox) != '\0')
		r = clone_fill(client, sandbox, err);
	if (r == 0 && interrupt_pending()) /* in the last moment, when nobody waited any more */
		r = -EINTR;
	if (r == -EINTR)
		(void)err_set(err, r, "interrupted; nothing of sandbox '%s' is left", name);
	client->interrupted = NULL;
	client->quiet = quiet;
	if (r == 0)
		return 0;
	if (r == -EINTR)
		(void)fprintf(stderr, "Interrupted; removing sandbox '%s'\n", name);
	if (client->progress != NULL)
		progress_step(client->progress, "Removing what was made");
	(void)sandbox_remove(client, name, true, &ignored);
	clone_release(sandbox);
	return r;
}

int create_sandbox(struct client *client, const struct create_request *request, json_t **ret,
		   struct err *err)
{
	autocall(kit_prepared_finish) struct kit_prepared prepared = { .kit = NULL };
	json_t *body = NULL, *sandbox = NULL;
	bool chosen = true;
	sigset_t before;
	int r = agent_prepare(request->agent, &request->options->kits, &prepared, err);

	if (r == 0)
		r = make_body(request, &prepared, &body, err);
	if (r < 0)
		return r;
	if (request->options->policy == NULL)
		r = policy_ensure(client, request->options->quiet, &chosen, err);
	if (r < 0) {
		json_decref(body);
		return r;
	}
	if (request->options->template != NULL)
		r = template_ensure(client, request->options->template, request->options->pull,
				    request->agent, err);
	if (r < 0) {
		json_decref(body);
		return r;
	}
	interrupt_hold(&before);
	r = client_stream(client, "POST", "/sandbox", body, &sandbox, err);
	json_decref(body);
	if (r == 0 && !sandbox_existed(sandbox))
		r = start_or_remove(client, sandbox, err);
	interrupt_release(&before);
	if (r < 0) {
		json_decref(sandbox);
		return r;
	}
	if (!chosen && !request->options->quiet)
		policy_print_notice();
	*ret = sandbox;
	return 0;
}
