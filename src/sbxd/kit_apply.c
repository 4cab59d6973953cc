/*
 * A thread of its own talks to the guest, since an install command may take
 * minutes and use the network, for which the keeper must go on serving the
 * run. Everything that is written is written by commands in the guest, as the
 * user whom it is for: the guest's kernel decides what they may do.
 */
#include "sbxd/kit_apply.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "app/log.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/parse.h"
#include "sbxd/guest.h"
#include "sbxd/guest_command.h"
#include "sbxd/kit.h"
#include "sbxd/kit_files.h"
#include "sbxd/kit_job.h"
#include "sbxd/run.h"
#include "sbxd/sandbox.h"
#include "sbxd/workspace.h"

enum {
	STEP_MS = 120000,
	INSTALL_MS = 60 * 60000,
	TELL_MS = 60000, /* whoever waits for the stream hears that often that it goes on */
	OUTPUT_LINE_MAX = 300,
	STACK_BYTES = 512 * 1024, /* a piece of a tar is on it */
};

/* BACKGROUND USER COUNT WORD..., again and again: the startup commands, in order. */
static const char startup_script[] =
	"number=0\n"
	"while [ $# -gt 0 ]; do\n"
	"	number=$((number + 1)) background=$1 user=$2 count=$3\n"
	"	shift 3\n"
	"	command=(\"${@:1:count}\")\n"
	"	shift \"$count\"\n"
	"	case $user in\n"
	"	agent | \"$(id -u)\") ;;\n"
	"	[0-9]*) command=(sudo -n -E -u \"#$user\" -- \"${command[@]}\") ;;\n"
	"	*) command=(sudo -n -E -u \"$user\" -- \"${command[@]}\") ;;\n"
	"	esac\n"
	"	if [ \"$background\" = 1 ]; then\n"
	"		setsid \"${command[@]}\" </dev/null >\"/tmp/startup-$number.log\" 2>&1 &\n"
	"	else\n"
	"		\"${command[@]}\" </dev/null ||\n"
	"			echo \"startup command $number ended with status $?\" >&2\n"
	"	fi\n"
	"done\n";

/*
 * PATH TYPE BYTES MODE NUMBER NEW: a volume of a size is a file system in a file of that size on
 * the sandbox's disk, which takes the space that is used of it.
 */
static const char volume_script[] =
	"set -e\n"
	"images=/var/lib/sbx-volumes image=$images/$5.img\n"
	"mkdir -p \"$1\"\n"
	"own() { chown agent: \"$1\" && chmod \"$mode\" \"$1\"; }\n"
	"mode=$4\n"
	"case $2 in\n"
	"tmpfs) mount -t tmpfs -o \"size=$3,mode=$4,uid=$(id -u agent),gid=$(id -g agent)\" tmpfs "
	"\"$1\" ;;\n"
	"folder) [ \"$6\" = 0 ] || own \"$1\" ;;\n"
	"*)\n"
	"	if [ \"$6\" = 1 ]; then\n"
	"		install -d -m 0700 \"$images\" \"$images/$5\"\n"
	"		rm -f \"$image\"\n"
	"		truncate -s \"$3\" \"$image\"\n"
	"		mkfs.ext4 -q -m 0 \"$image\"\n"
	"		mount -o loop \"$image\" \"$images/$5\"\n"
	"		rmdir \"$images/$5/lost+found\"\n"
	"		cp -a \"$1/.\" \"$images/$5\"\n"
	"		own \"$images/$5\"\n"
	"		umount \"$images/$5\"\n"
	"		rmdir \"$images/$5\"\n"
	"	fi\n"
	"	mount -o loop,discard \"$image\" \"$1\" ;;\n"
	"esac\n";

int kit_job_run(struct kit_job *job, const struct kit_step *step, struct err *err)
{
	const struct guest_message request = {
		.type = GUEST_EXEC,
		.args = (char **)(uintptr_t)step->args,
		.args_count = step->args_count,
		.user = (char *)(uintptr_t)step->user,
		.cwd = (char *)(uintptr_t)step->cwd,
		.flags = step->input != NULL ? GUEST_FLAG_STDIN : 0u,
	};
	const struct guest_command command = {
		.socket = job->sandbox->vsock_path,
		.request = &request,
		.input = step->input,
		.input_len = step->input_len,
		.deadline_ms = clock_now_ms() +
			       (step->timeout_ms > 0 ? step->timeout_ms : (uint64_t)STEP_MS),
		.output = &job->output,
	};
	char line[OUTPUT_LINE_MAX];
	uint32_t status = 0;
	int r;

	tail_clear(&job->output);
	r = guest_command_run(&command, &status, err);
	if (r < 0)
		return err_wrap(err, "%s", step->what);
	if (status == 0)
		return 0;
	tail_last_line(&job->output, line, sizeof(line));
	return err_set(err, -EIO, "%s failed with status %u%s%s", step->what, status,
		       line[0] != '\0' ? ": " : "", line);
}

/* A script of ours as that user, with up to KIT_WORDS_MAX words. */
int kit_job_script(struct kit_job *job, const char *what, const char *user, const char *script,
		   const char *const *words, struct err *err)
{
	const char *args[4 + KIT_WORDS_MAX] = { "sh", "-c", script, "sbx-kit" };
	struct kit_step step = { .what = what, .user = user, .args = args, .args_count = 4 };

	for (; words != NULL && *words != NULL && step.args_count < countof(args); words++)
		args[step.args_count++] = *words;
	return kit_job_run(job, &step, err);
}

/* Bytes of `size`, in numbers or with a unit; 0: none is said. */
static uint64_t volume_bytes(const json_t *volume)
{
	const json_t *size = json_object_get(volume, "size");
	uint64_t bytes = 0;

	if (json_is_string(size))
		(void)parse_size(json_string_value(size), &bytes);
	else
		bytes = (uint64_t)json_integer_value(size);
	return bytes;
}

static int make_volume(struct kit_job *job, const json_t *volume, size_t number, bool is_first,
		       struct err *err)
{
	const char *type = kit_text(volume, "type"), *mode = kit_text(volume, "mode");
	bool is_memory = type != NULL && strcmp(type, "tmpfs") == 0;
	uint64_t bytes = volume_bytes(volume);
	char size[32] = "50%", place[32], what[OUTPUT_LINE_MAX]; /* the kernel's own default */
	const char *words[] = { kit_text(volume, "path"),
				is_memory   ? type
				: bytes > 0 ? "sized"
					    : "folder",
				size,
				mode != NULL ? mode : "0755",
				place,
				is_first ? "1" : "0",
				NULL };

	if (bytes > 0)
		(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	(void)snprintf(place, sizeof(place), "%zu", number);
	(void)snprintf(what, sizeof(what), "making the kit's volume '%.200s'", words[0]);
	return kit_job_script(job, what, "0", volume_script, words, err);
}

static int make_volumes(struct kit_job *job, bool is_first, struct err *err)
{
	const json_t *volumes = kit_list(job->kit, "volumes");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(volumes); i++)
		r = make_volume(job, json_array_get(volumes, i), i, is_first, err);
	return r;
}

static int install(struct kit_job *job, const json_t *item, struct err *err)
{
	const char *user = kit_text(item, "user"), *described = kit_text(item, "description");
	const char *args[] = { "sh", "-c", kit_text(item, "command") };
	char what[OUTPUT_LINE_MAX];
	const struct kit_step step = { .what = what,
				       .user = user != NULL ? user : "0",
				       .cwd = KIT_FOLDER,
				       .args = args,
				       .args_count = countof(args),
				       .timeout_ms = INSTALL_MS };

	if (described == NULL || described[0] == '\0')
		described = "Installing";
	(void)snprintf(what, sizeof(what), "the kit's install command '%.200s'", described);
	sandbox_set_progress(job->sandbox, described);
	return kit_job_run(job, &step, err);
}

static int install_all(struct kit_job *job, struct err *err)
{
	const json_t *list = kit_list(job->kit, "install");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = install(job, json_array_get(list, i), err);
	return r;
}

/* What is done once. */
static int provision(struct kit_job *job, struct err *err)
{
	int r = kit_files_unpack(job, err);

	if (r == 0)
		r = kit_files_home(job, err);
	if (r == 0)
		r = install_all(job, err);
	sandbox_set_progress(job->sandbox, "Writing the kit's files");
	if (r == 0)
		r = kit_files_write(job, err);
	if (r == 0)
		r = kit_files_instructions(job, err);
	if (r == 0)
		r = kit_files_workspace(job, err);
	return r;
}

static int add_startup(struct buf *words, const json_t *item, size_t *count)
{
	const json_t *command = json_object_get(item, "command");
	const char *user = kit_text(item, "user");
	bool background = json_is_true(json_object_get(item, "background"));
	int r = buf_printf(words, "%d%c%s%c%zu%c", background, 0, user != NULL ? user : "agent", 0,
			   json_array_size(command), 0);

	*count += 3 + json_array_size(command);
	for (size_t i = 0; r == 0 && i < json_array_size(command); i++)
		r = buf_printf(words, "%s%c", json_string_value(json_array_get(command, i)), 0);
	return r;
}

/* All of them are one detached command, which goes on whatever becomes of this daemon. */
static int start_up(struct kit_job *job, struct err *err)
{
	const json_t *list = kit_list(job->kit, "startup");
	autocall(buf_finish) struct buf words = { 0 };
	char *args[GUEST_ARGS_MAX] = { (char *)"bash", (char *)"-c",
				       (char *)(uintptr_t)startup_script, (char *)"sbx-kit" };
	const struct guest_message request = { .type = GUEST_EXEC,
					       .args = args,
					       .flags = GUEST_FLAG_DETACH,
					       .cwd = (char *)(uintptr_t)job->workspace };
	struct guest_message asked = request, answer;
	size_t count = 0, at = 0;
	int r = 0;

	if (json_array_size(list) == 0)
		return 0;
	buf_init(&words, GUEST_INPUT_MAX);
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = add_startup(&words, json_array_get(list, i), &count);
	if (r < 0 || count > GUEST_ARGS_MAX - 5)
		return err_set(err, -E2BIG, "the kit's startup commands are too long");
	for (asked.args_count = 4; count > 0; count--) {
		args[asked.args_count++] = (char *)words.data + at;
		at += strlen((const char *)words.data + at) + 1;
	}
	r = guest_call(job->sandbox->vsock_path, &asked, clock_now_ms() + STEP_MS, &answer, err);
	if (r < 0)
		return err_wrap(err, "the kit's startup commands");
	guest_message_finish(&answer);
	return 0;
}

static int set_state(struct sandbox *sandbox, enum record_kit state, struct err *err)
{
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.kit = state;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return sandbox_save(sandbox, err);
}

static int apply(struct kit_job *job, struct err *err)
{
	struct sandbox *sandbox = job->sandbox;
	bool is_first = sandbox->record.kit != RECORD_KIT_APPLIED;
	int r = is_first ? set_state(sandbox, RECORD_KIT_APPLYING, err) : 0;

	sandbox_set_progress(sandbox, "Applying the kit");
	if (r == 0)
		r = make_volumes(job, is_first, err);
	if (r == 0 && is_first)
		r = provision(job, err);
	if (r == 0)
		r = start_up(job, err);
	return r < 0 || !is_first ? r : set_state(sandbox, RECORD_KIT_APPLIED, err);
}

static void *work(void *context)
{
	struct kit_job *job = context;
	int r = apply(job, &job->err);

	(void)pthread_mutex_lock(&job->sandbox->lock);
	job->result = r;
	job->is_done = true;
	(void)pthread_mutex_unlock(&job->sandbox->lock);
	sandbox_poke(job->sandbox);
	return NULL;
}

/* Serves the run until the work is done; what ends it is told. */
static int watch(struct kit_job *job, struct run *run, struct err *err)
{
	struct sandbox *sandbox = job->sandbox;
	uint64_t tell_ms = clock_now_ms() + TELL_MS;

	for (;;) {
		bool is_done, is_cancelled;
		const char *progress;
		int r;

		(void)pthread_mutex_lock(&sandbox->lock);
		is_done = job->is_done;
		is_cancelled = sandbox->want_stop || sandbox->want_remove;
		progress = sandbox->progress;
		(void)pthread_mutex_unlock(&sandbox->lock);
		if (is_done)
			return 0;
		if (is_cancelled)
			return err_set(err, -ECANCELED, "sandbox '%s' was stopped while it started",
				       sandbox->record.name);
		if (clock_left_ms(tell_ms) == 0) {
			sandbox_set_progress(sandbox, progress);
			tell_ms = clock_now_ms() + TELL_MS;
		}
		r = run_step(sandbox, run, tell_ms, err);
		if (r < 0)
			return r;
	}
}

/* What the command printed that failed, for whoever asked for the sandbox. */
static void keep_output(struct kit_job *job)
{
	struct sandbox *sandbox = job->sandbox;

	(void)pthread_mutex_lock(&sandbox->lock);
	tail_clear(&sandbox->setup_output);
	sandbox->setup_output = job->output;
	job->output = (struct tail){ .total = 0 };
	(void)pthread_mutex_unlock(&sandbox->lock);
}

static int begin(struct kit_job *job, pthread_t *ret, struct err *err)
{
	pthread_attr_t attributes;
	int r;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(ret, &attributes, work, job);
	(void)pthread_attr_destroy(&attributes);
	return r != 0 ? err_set_errno(err, -r, "cannot start a thread") : 0;
}

int kit_apply(struct sandbox *sandbox, struct run *run, struct err *err)
{
	const char *workspace = workspace_of(&sandbox->record);
	struct kit_job job = { .sandbox = sandbox,
			       .kit = sandbox->kit,
			       .workspace = workspace != NULL ? workspace : KIT_FOLDER,
			       .err = ERR_INIT };
	pthread_t thread;
	int r;

	if (sandbox->kit == NULL)
		return 0;
	r = begin(&job, &thread, err);
	if (r < 0)
		return r;
	r = watch(&job, run, err);
	if (r < 0)
		run_kill(run); /* so that the guest does not answer any more */
	(void)pthread_join(thread, NULL);
	if (r == 0 && job.result < 0) {
		*err = job.err;
		r = job.result;
		keep_output(&job);
	}
	tail_clear(&job.output);
	return r;
}
