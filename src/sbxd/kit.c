#include "sbxd/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "sbxd/kit_grammar.h"
#include "sbxd/paths.h"
#include "sbxd/string_list.h"

const char *kit_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

json_t *kit_list(const struct kit *kit, const char *member)
{
	return json_object_get(kit->json, member);
}

void kit_destroy(struct kit *kit)
{
	if (kit == NULL)
		return;
	json_decref(kit->json);
	if (kit->files_fd >= 0)
		(void)close(kit->files_fd);
	free(kit);
}

static int open_files(const char *path, int *ret, struct err *err)
{
	autoclose int fd = -1;
	struct stat meta;

	if (path[0] != '/')
		return err_set(err, -EINVAL, "the kit's files '%s' are no absolute path", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &meta) < 0)
		return err_set(err, -EINVAL, "cannot open the kit's files '%s': %s", path,
			       strerror(errno));
	if (!S_ISREG(meta.st_mode) || meta.st_size > KIT_FILES_MAX)
		return err_set(err, -EINVAL,
			       "the kit's files '%s' are no archive of at most %d MiB", path,
			       KIT_FILES_MAX >> 20);
	*ret = take_fd(&fd);
	return 0;
}

/* Rules that say nothing or too much are found before the sandbox is made. */
int kit_check(json_t *json, const char *files, struct kit **ret, struct err *err)
{
	struct kit *kit;
	int r = shape_check(json, kit_grammar, err);

	if (r < 0)
		return r;
	kit = calloc(1, sizeof(*kit));
	if (kit == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	*kit = (struct kit){ .json = json_incref(json), .files_fd = -1 };
	if (files != NULL)
		r = open_files(files, &kit->files_fd, err);
	if (r < 0) {
		kit_destroy(kit);
		return r;
	}
	*ret = kit;
	return 0;
}

static int copy_files(int from, const char *path)
{
	autofree char *bytes = malloc(1 << 16);
	autoclose int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n;
	off_t at = 0;
	int r = bytes == NULL ? -ENOMEM : to < 0 ? -errno : 0;

	while (r == 0 && (n = pread(from, bytes, 1 << 16, at)) != 0) {
		r = n < 0 ? -errno : fd_write_full(to, bytes, (size_t)n);
		at += n;
		if (r == 0 && at > KIT_FILES_MAX)
			r = -EFBIG;
	}
	return r < 0 ? r : fsync(to) < 0 ? -errno : 0;
}

int kit_keep(struct kit *kit, const char *folder, struct err *err)
{
	autofree char *path = path_join(folder, "kit.json"), *tar = path_join(folder, "kit.tar");
	autofree char *text = json_dumps(kit->json, JSON_INDENT(1));
	int r = path == NULL || tar == NULL || text == NULL ? -ENOMEM : 0;

	if (r == 0 && kit->files_fd >= 0)
		r = copy_files(kit->files_fd, tar);
	if (r == 0)
		r = file_write(AT_FDCWD, path, text, strlen(text), 0600);
	if (r < 0)
		return err_set_errno(err, r, "cannot keep the kit in '%s'", folder);
	if (kit->files_fd >= 0)
		(void)close(take_fd(&kit->files_fd));
	return 0;
}

static int parse(struct buf *text, struct kit **ret, struct err *err)
{
	json_error_t error;
	json_t *json =
		json_loadb((const char *)text->data, text->len, JSON_REJECT_DUPLICATES, &error);
	int r = json == NULL ? err_set(err, -EINVAL, "line %d: %s", error.line, error.text)
			     : kit_check(json, NULL, ret, err);

	json_decref(json);
	return r;
}

int kit_load(const char *folder, struct kit **ret, struct err *err)
{
	autofree char *path = path_join(folder, "kit.json");
	struct buf text;
	int r;

	if (path == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	buf_init(&text, KIT_BYTES_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		(void)err_set_errno(err, r, "cannot read '%s'", path);
	else
		r = parse(&text, ret, err);
	buf_finish(&text);
	return r;
}

/* Without a port a kit means that of TLS. */
static int add_rules(struct buf *ret, const char *decision, const json_t *resources)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_array_size(resources); i++) {
		const char *text = json_string_value(json_array_get(resources, i));
		bool has_port = strchr(text, ':') != NULL || strchr(text, '/') != NULL;

		r = buf_printf(ret, "%s %s%s tcp\n", decision, text, has_port ? "" : ":443");
	}
	return r;
}

int kit_policy(const struct kit *kit, struct buf *ret)
{
	const json_t *rules = kit_list(kit, "network");
	int r = buf_printf(ret, "group kit:%.59s\n", kit_text(kit->json, "name"));

	if (r == 0)
		r = add_rules(ret, "deny", json_object_get(rules, "deny"));
	return r < 0 ? r : add_rules(ret, "allow", json_object_get(rules, "allow"));
}

int kit_environment(const struct kit *kit, struct string_list *ret)
{
	const char *name;
	json_t *value;

	json_object_foreach(kit_list(kit, "env"), name, value)
	{
		int r = string_list_addf(ret, "%s=%s", name, json_string_value(value));

		if (r < 0)
			return r;
	}
	return 0;
}

json_t *kit_ports(const struct kit *kit)
{
	json_t *ports = json_array(), *item;
	size_t i;

	json_array_foreach(kit_list(kit, "ports"), i, item)
	{
		const char *protocol = kit_text(item, "protocol");
		bool is_udp = protocol != NULL && strcmp(protocol, "udp") == 0;

		(void)json_array_append_new(
			ports,
			json_pack("{sI ss}", "sandbox_port",
				  (json_int_t)json_number_value(json_object_get(item, "container")),
				  "protocol", is_udp ? "udp4" : "tcp4"));
	}
	return ports;
}

void kit_resources(const struct kit *kit, unsigned *ret_cpus, uint64_t *ret_memory_bytes)
{
	const json_t *wanted = kit_list(kit, "resources");
	const json_t *bytes = json_object_get(wanted, "memory");
	double cpus = json_number_value(json_object_get(wanted, "cpus"));

	*ret_cpus = (unsigned)cpus + (cpus > (double)(unsigned)cpus); /* a part of one is one */
	*ret_memory_bytes = (uint64_t)json_integer_value(bytes);
	if (json_is_string(bytes))
		(void)parse_size(json_string_value(bytes), ret_memory_bytes);
}

static json_t *view_credentials(const struct kit *kit)
{
	json_t *list = json_array(), *item;
	size_t i;

	json_array_foreach(kit_list(kit, "credentials"), i, item)
	{
		(void)json_array_append_new(
			list, json_pack("{ss sb}", "service", kit_text(item, "service"), "required",
					json_is_true(json_object_get(item, "required"))));
	}
	return list;
}

json_t *kit_view(const struct kit *kit)
{
	static const char *const shown[] = { "name",	   "version", "digest",	     "image",
					     "entrypoint", "command", "interactive", "kits" };
	json_t *view = json_object();

	for (size_t i = 0; i < countof(shown); i++) {
		json_t *value = kit_list(kit, shown[i]);

		if (value != NULL)
			(void)json_object_set(view, shown[i], value);
	}
	(void)json_object_set_new(view, "credentials", view_credentials(kit));
	return view;
}
