#include "sbxd/account.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/paths.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_store.h"

enum { BLOCK = 512 /* what st_blocks counts */, DEPTH_MAX = 16 };

static uint64_t bytes_of(const struct stat *info)
{
	return (uint64_t)info->st_blocks * BLOCK;
}

static uint64_t bytes_at(const char *path)
{
	struct stat info;

	return path != NULL && lstat(path, &info) == 0 ? bytes_of(&info) : 0;
}

/* All below a folder of ours, whose depth is known. */
static uint64_t bytes_below(int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t sum = 0;

	if (folder == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((entry = readdir(folder)) != NULL) {
		struct stat info;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += bytes_of(&info);
		if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
			sum += bytes_below(fd, entry->d_name, depth + 1);
	}
	(void)closedir(folder);
	return sum;
}

uint64_t account_bytes(const char *folder)
{
	return bytes_below(AT_FDCWD, folder, 0);
}

/* How many templates use each layer: path -> count. */
static json_t *count_uses(const struct template *all, size_t count)
{
	json_t *uses = json_object();

	for (size_t i = 0; i < count; i++) {
		const struct string_list *layers = &all[i].layers;

		for (size_t j = 0; j < layers->count; j++) {
			const char *layer = layers->items[j];
			json_int_t before = json_integer_value(json_object_get(uses, layer));

			(void)json_object_set_new(uses, layer, json_integer(before + 1));
		}
	}
	return uses;
}

static json_t *view_template(const struct template *template, const json_t *uses)
{
	const struct string_list *layers = &template->layers;
	uint64_t own = 0, shared = 0;

	for (size_t i = 0; i < layers->count; i++) {
		uint64_t bytes = bytes_at(layers->items[i]);

		if (json_integer_value(json_object_get(uses, layers->items[i])) > 1)
			shared += bytes;
		else
			own += bytes;
	}
	return json_pack("{ss ss* sb sI sI}", "reference", template->name, "id", template->id,
			 "builtin", template->is_builtin, "own", (json_int_t)own, "shared",
			 (json_int_t)shared);
}

/* Files of both kinds once each; those that came with the programs are told apart. */
static void add_layers(struct supervisor *supervisor, const json_t *uses, uint64_t *ret_own,
		       uint64_t *ret_builtin)
{
	const char *folder = template_store_folder(supervisor->store);
	autofree char *layers = path_join(folder, "layers");
	const char *path;
	json_t *ignored;

	*ret_builtin = 0;
	json_object_foreach((json_t *)(uintptr_t)uses, path, ignored)
	{
		if (strncmp(path, folder, strlen(folder)) != 0)
			*ret_builtin += bytes_at(path);
	}
	*ret_own = layers == NULL ? 0 : bytes_below(AT_FDCWD, layers, 0);
}

static int list_all(struct supervisor *supervisor, struct template **ret, size_t *ret_count)
{
	struct template *builtin = NULL, *own = NULL, *all;
	size_t builtin_count = 0, own_count = 0;
	int r = templates_list(&supervisor->templates, &builtin, &builtin_count);

	if (r == 0)
		r = template_store_list(supervisor->store, &own, &own_count);
	all = r < 0 ? NULL : calloc(builtin_count + own_count + 1, sizeof(*all));
	for (size_t i = 0; i < builtin_count; i++)
		if (all != NULL)
			all[i] = builtin[i];
		else
			template_finish(&builtin[i]);
	for (size_t i = 0; i < own_count; i++)
		if (all != NULL)
			all[builtin_count + i] = own[i];
		else
			template_finish(&own[i]);
	free(builtin);
	free(own);
	if (all == NULL)
		return -ENOMEM;
	*ret = all;
	*ret_count = builtin_count + own_count;
	return 0;
}

static uint64_t add_templates(struct supervisor *supervisor, json_t *account)
{
	struct template *all = NULL;
	size_t count = 0;
	uint64_t own = 0, builtin = 0;
	json_t *list = json_array(), *uses;

	if (list_all(supervisor, &all, &count) < 0)
		count = 0;
	uses = count_uses(all, count);
	for (size_t i = 0; i < count; i++) {
		(void)json_array_append_new(list, view_template(&all[i], uses));
		template_finish(&all[i]);
	}
	free(all);
	add_layers(supervisor, uses, &own, &builtin);
	json_decref(uses);
	(void)json_object_set_new(account, "templates", list);
	(void)json_object_set_new(account, "layers", json_integer((json_int_t)own));
	(void)json_object_set_new(account, "builtin", json_integer((json_int_t)builtin));
	return own;
}

static json_t *view_sandbox_disks(struct sandbox *sandbox, uint64_t *total)
{
	autofree char *disk = path_join(sandbox->folder, "disk.img");
	autofree char *docker = path_join(sandbox->folder, "docker.img");
	uint64_t disk_bytes = bytes_at(disk), docker_bytes = bytes_at(docker);
	uint64_t all = bytes_below(AT_FDCWD, sandbox->folder, 0);
	json_t *json;

	*total += all;
	(void)pthread_mutex_lock(&sandbox->lock);
	json = json_pack("{ss ss ss* sI sI sI}", "name", sandbox->record.name, "status",
			 sandbox_status_name(sandbox->record.status), "template",
			 sandbox->record.template.name, "disk", (json_int_t)disk_bytes,
			 "docker_disk", (json_int_t)docker_bytes, "other",
			 (json_int_t)(all - disk_bytes - docker_bytes));
	(void)pthread_mutex_unlock(&sandbox->lock);
	return json;
}

static uint64_t add_sandboxes(struct supervisor *supervisor, json_t *account)
{
	size_t count = 0;
	autofree struct sandbox **all = supervisor_list(supervisor, &count);
	json_t *list = json_array();
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		(void)json_array_append_new(list, view_sandbox_disks(all[i], &total));
		supervisor_put(all[i]);
	}
	(void)json_object_set_new(account, "sandboxes", list);
	return total;
}

int account_take(struct supervisor *supervisor, json_t **ret, struct err *err)
{
	json_t *account = json_object();
	uint64_t state = bytes_below(AT_FDCWD, supervisor->paths.state, 0), known;

	if (account == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	known = add_templates(supervisor, account);
	known += add_sandboxes(supervisor, account);
	/* what grew between the two looks is counted the next time */
	(void)json_object_set_new(account, "other",
				  json_integer((json_int_t)(state > known ? state - known : 0)));
	(void)json_object_set_new(account, "total",
				  json_integer((json_int_t)(state > known ? state : known)));
	*ret = account;
	return 0;
}
