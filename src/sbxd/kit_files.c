#include "sbxd/kit_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "sbxd/guest_command.h"
#include "sbxd/kit.h"
#include "sbxd/kit_job.h"
#include "sbxd/paths.h"
#include "sbxd/sandbox.h"

#define HOME "/home/agent"
#define STAGE "/var/lib/sbx-kit"
#define PROFILE "AGENTS.md" /* where a kit of notes only does not say */

enum { PUSH_MS = 600000 };

static const char write_script[] =
	"set -e\n"
	"[ \"$3\" = 0 ] || [ ! -e \"$1\" ] || exit 0\n"
	"mkdir -p \"$(dirname \"$1\")\"\n"
	"cat >\"$1\"\n"
	"chmod \"$2\" \"$1\"\n";

static const char home_script[] = "[ ! -d \"$1\" ] || cp -R \"$1\"/. \"$HOME\"\n";

static const char workspace_script[] =
	"cd \"$1\" 2>/dev/null || exit 0\n"
	"find . -type f -exec sh -c '\n"
	"	for file; do\n"
	"		if [ ! -e \"$0/$file\" ] && [ ! -L \"$0/$file\" ]; then\n"
	"			mkdir -p \"$0/${file%/*}\" && cp \"$file\" \"$0/$file\" || exit\n"
	"		fi\n"
	"	done' \"$2\" {} +\n";

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 &&
	       (len == 1 || path[len] == '/' || path[len] == '\0');
}

static bool is_shared(const struct kit_job *job, const char *path)
{
	const struct mounts *mounts = &job->sandbox->record.mounts;

	for (size_t i = 0; i < mounts->count; i++)
		if (is_below(path, mounts->items[i].target))
			return true;
	return false;
}

static const char *owner_of(const struct kit_job *job, const char *path)
{
	return is_below(path, HOME) || is_shared(job, path) ? "agent" : "0";
}

struct content {
	const char *path, *mode, *bytes;
	size_t len;
	bool only_if_missing;
};

static int write_file(struct kit_job *job, const struct content *content, struct err *err)
{
	const char *args[] = { "sh",
			       "-c",
			       write_script,
			       "sbx-kit",
			       content->path,
			       content->mode,
			       content->only_if_missing ? "1" : "0" };
	char what[256];
	const struct kit_step step = { .what = what,
				       .user = owner_of(job, content->path),
				       .args = args,
				       .args_count = sizeof(args) / sizeof(args[0]),
				       .input = content->bytes,
				       .input_len = content->len };

	(void)snprintf(what, sizeof(what), "writing the kit's '%.200s'", content->path);
	return kit_job_run(job, &step, err);
}

int kit_files_unpack(struct kit_job *job, struct err *err)
{
	static const char *const words[] = { KIT_FOLDER, STAGE, NULL };
	static const char script[] = "mkdir -p \"$1\" \"$2\" && chown agent: \"$1\"";
	autofree char *path = path_join(job->sandbox->folder, "kit.tar");
	autoclose int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0 && (path == NULL || errno != ENOENT))
		return err_set_errno(err, path == NULL ? -ENOMEM : -errno,
				     "cannot open the kit's files");
	job->has_files = fd >= 0;
	if (!job->has_files && json_array_size(kit_list(job->kit, "install")) == 0)
		return 0;
	r = kit_job_script(job, "making folders for the kit", "0", script, words, err);
	if (r < 0 || !job->has_files)
		return r;
	r = guest_push_tar(job->sandbox->vsock_path, fd, STAGE, clock_now_ms() + PUSH_MS, err);
	return r < 0 ? err_wrap(err, "unpacking the kit's files") : 0;
}

int kit_files_home(struct kit_job *job, struct err *err)
{
	static const char *const words[] = { STAGE "/home", NULL };

	return job->has_files ? kit_job_script(job, "copying the kit's home folder", NULL,
					       home_script, words, err)
			      : 0;
}

int kit_files_workspace(struct kit_job *job, struct err *err)
{
	static const char *const stage[] = { STAGE, NULL };
	const char *words[] = { STAGE "/workspace", job->workspace, NULL };
	int r;

	if (!job->has_files)
		return 0;
	r = kit_job_script(job, "copying the kit's workspace", NULL, workspace_script, words, err);
	return r < 0 ? r
		     : kit_job_script(job, "removing the kit's tar", "0", "rm -rf \"$1\"", stage,
				      err);
}

/* ${WORKDIR} is the one word that is filled in. */
static int expand(const char *text, const char *workspace, struct buf *ret)
{
	static const char word[] = "${WORKDIR}";
	const char *found;
	int r = 0;

	while (r == 0 && (found = strstr(text, word)) != NULL) {
		r = buf_append(ret, text, (size_t)(found - text));
		if (r == 0)
			r = buf_append(ret, workspace, strlen(workspace));
		text = found + strlen(word);
	}
	return r < 0 ? r : buf_append(ret, text, strlen(text));
}

static int write_item(struct kit_job *job, const json_t *item, struct err *err)
{
	const char *mode = kit_text(item, "mode"), *text = kit_text(item, "content");
	struct content content = {
		.path = kit_text(item, "path"),
		.mode = mode != NULL ? mode : "0644",
		.only_if_missing = json_is_true(json_object_get(item, "only_if_missing")),
	};
	autocall(buf_finish) struct buf bytes = { 0 };

	buf_init(&bytes, GUEST_INPUT_MAX);
	if (expand(text != NULL ? text : "", job->workspace, &bytes) < 0)
		return err_set(err, -E2BIG, "the kit's '%.200s' is too large", content.path);
	content.bytes = bytes.data != NULL ? (const char *)bytes.data : "";
	content.len = bytes.len;
	return write_file(job, &content, err);
}

int kit_files_write(struct kit_job *job, struct err *err)
{
	const json_t *list = kit_list(job->kit, "files");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = write_item(job, json_array_get(list, i), err);
	return r;
}

static int write_text(struct kit_job *job, const char *path, const char *text, struct err *err)
{
	const struct content content = {
		.path = path, .mode = "0644", .bytes = text, .len = strlen(text)
	};

	return write_file(job, &content, err);
}

/* The notes of kits that add to the agent's: a file each, and a line that leads to it. */
static int write_memories(struct kit_job *job, const char *folder, struct buf *profile,
			  struct err *err)
{
	const json_t *list = kit_list(job->kit, "memories");
	int r = 0;

	if (json_array_size(list) > 0)
		r = buf_printf(profile, "\n## Kits\n\n");
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *kit = kit_text(item, "kit"), *text = kit_text(item, "content");
		autofree char *path = NULL;

		if (asprintf(&path, "%s/kits-memory/%s.md", folder, kit) < 0)
			return err_set(err, -ENOMEM, "out of memory");
		r = write_text(job, path, text != NULL ? text : "", err);
		if (r == 0 && buf_printf(profile, "- %s: kits-memory/%s.md\n", kit, kit) < 0)
			r = err_set(err, -E2BIG, "the kit's notes are too long");
	}
	return r;
}

int kit_files_instructions(struct kit_job *job, struct err *err)
{
	const json_t *told = kit_list(job->kit, "instructions");
	const char *name = kit_text(told, "filename"), *text = kit_text(told, "content");
	autofree char *folder =
		strndup(job->workspace, (size_t)(strrchr(job->workspace, '/') - job->workspace));
	autocall(buf_finish) struct buf profile = { 0 };
	autofree char *path = NULL;
	int r;

	if (text == NULL && json_array_size(kit_list(job->kit, "memories")) == 0)
		return 0;
	if (folder == NULL || asprintf(&path, "%s/%s", folder, name != NULL ? name : PROFILE) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (is_shared(job, path))
		return 0;
	buf_init(&profile, GUEST_INPUT_MAX);
	r = buf_printf(&profile, "%s%s", text != NULL ? text : "",
		       text != NULL && text[0] != '\0' ? "\n" : "");
	if (r == 0)
		r = write_memories(job, folder, &profile, err);
	if (r < 0 || buf_str(&profile) == NULL)
		return r < 0 ? r : err_set(err, -ENOMEM, "out of memory");
	return write_text(job, path, buf_str(&profile), err);
}
