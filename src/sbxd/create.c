#include "sbxd/create.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "boot/bzimage.h"
#include "boot/vmlinux.h"
#include "engine/engine.h"
#include "policy/preset.h"
#include "sbxd/authority.h"
#include "sbxd/disk.h"
#include "sbxd/fast_dirs.h"
#include "sbxd/kit.h"
#include "sbxd/policy_provision.h"
#include "sbxd/policy_store.h"
#include "sbxd/request.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_lookup.h"

/* Below it is all of a guest's memory, or as much as a kernel may lie in. */
#define LOW_MEMORY (UINT64_C(2) << 30)

/* The body, strings and lists still owned by it. */
struct wish {
	const char *name, *agent, *engine, *kernel, *template, *extra_ca, *kit_files;
	json_t *kit; /* see kit.h */
	json_t *mounts, *fast_dirs, *env, *labels, *ports;
	json_t *policy, *deny_network; /* see policy_provision.h */
	json_int_t cpus, memory, disk, docker_disk, pids_limit;
	int force, keep_alive, weak_jail, fleeting, start, reuse;
};

bool create_is_env(const char *text)
{
	size_t len = strcspn(text, "=");

	if (text[len] != '=' || len == 0 || isdigit((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	return true;
}

/* Both parsers are those of the engine kvm; QEMU takes what they take. */
static int parse_kernel(int fd, uint64_t ram_end, struct err *err)
{
	uint8_t head[VMLINUX_HEAD_MAX];
	ssize_t n = fd_read_full(fd, head, sizeof(head));
	size_t len = (size_t)max_of(n, (ssize_t)0);
	struct vmlinux vmlinux;
	struct bzimage bzimage;
	struct stat st;

	if (n < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -ENOEXEC, "it is no file that can be read");
	if (len >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
		return vmlinux_parse(head, len, (uint64_t)st.st_size, ram_end, &vmlinux, err);
	if (bzimage_is(head, len))
		return bzimage_parse(head, len, (uint64_t)st.st_size, ram_end, &bzimage, err);
	return err_set(err, -ENOEXEC, "it is neither an x86-64 ELF vmlinux nor a bzImage");
}

int create_check_kernel(const char *path, uint64_t memory_bytes, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (path[0] != '/')
		return err_set(err, -EINVAL, "the kernel '%s' is not an absolute path", path);
	if (fd < 0)
		return err_set(err, -EINVAL, "cannot open the kernel '%s': %s", path,
			       strerror(errno));
	if (parse_kernel(fd, min_of(memory_bytes, LOW_MEMORY), err) == 0)
		return 0;
	(void)err_wrap(err, "'%s' is no kernel for this machine", path);
	return err->code = -EINVAL;
}

/* erofs: magic at 1024, and no shorter than it says. */
static int check_layer(const char *path, struct err *err)
{
	enum { SUPER = 1024, SUPER_SIZE = 128 };
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint8_t super[SUPER_SIZE];
	uint64_t bytes;

	if (fd < 0)
		return err_set(err, -EINVAL, "cannot open the layer '%s': %s", path,
			       strerror(errno));
	if (pread(fd, super, sizeof(super), SUPER) != sizeof(super) ||
	    le32_load(super) != 0xe0f5e1e2 || super[12] < 9 || super[12] > 16)
		return err_set(err, -EINVAL, "'%s' is no erofs image", path);
	bytes = (uint64_t)le32_load(super + 36) << super[12];
	if (bytes > (uint64_t)lseek(fd, 0, SEEK_END))
		return err_set(err, -EINVAL, "the layer '%s' is cut short", path);
	return 0;
}

int create_add_mount(struct supervisor *supervisor, json_t *json, bool force, struct mounts *mounts,
		     struct err *err)
{
	struct mount_request wanted = { .force = force };
	int read_only = 0;
	json_error_t error;

	if (json_unpack_ex(json, &error, JSON_STRICT, "{ss s?s s?b}", "source", &wanted.source,
			   "target", &wanted.target, "read_only", &read_only) < 0)
		return err_set(err, -EINVAL, "a mount is wrong: %s", error.text);
	wanted.read_only = read_only != 0;
	return mounts_add(mounts, &wanted, &supervisor->paths, err);
}

static int take_mounts(const struct request *request, const struct wish *wish,
		       struct record *record, struct err *err)
{
	if (wish->mounts != NULL && !json_is_array(wish->mounts))
		return err_set(err, -EINVAL, "mounts must be a list");
	for (size_t i = 0; i < json_array_size(wish->mounts); i++) {
		int r = create_add_mount(request->supervisor, json_array_get(wish->mounts, i),
					 wish->force != 0, &record->mounts, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int create_add_ports(json_t *list, struct published_list *ports, struct err *err)
{
	if (list != NULL && !json_is_array(list))
		return err_set(err, -EINVAL, "ports must be a list");
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct published parsed[2];
		int count = published_parse(json_array_get(list, i), parsed, err);

		if (count < 0)
			return count;
		for (int j = 0; j < count; j++)
			if (published_list_add(ports, &parsed[j]) < 0)
				return err_set(err, -EINVAL,
					       "at most %d ports of a sandbox can be published",
					       PUBLISHED_MAX);
	}
	return 0;
}

/* Variables of the kit first: what the user says of one comes later, and counts. */
static int take_env(const struct wish *wish, const struct kit *kit, struct record *record,
		    struct err *err)
{
	int r = kit == NULL ? 0 : kit_environment(kit, &record->env);

	if (r < 0)
		return err_set(err, r, "out of memory");
	r = request_strings(wish->env, "env", RECORD_ENV_MAX / 2, &record->env, err);

	for (size_t i = 0; r == 0 && i < record->env.count; i++)
		if (!create_is_env(record->env.items[i]))
			r = err_set(err, -EINVAL, "'%.80s' is no environment variable: NAME=VALUE",
				    record->env.items[i]);
	return r;
}

static int take_labels(const struct wish *wish, struct record *record, struct err *err)
{
	const char *key;
	json_t *value;

	if (wish->labels != NULL &&
	    (!json_is_object(wish->labels) || json_object_size(wish->labels) > RECORD_LABELS_MAX))
		return err_set(err, -EINVAL, "labels must be an object of at most %d strings",
			       RECORD_LABELS_MAX);
	json_object_foreach(wish->labels, key, value)
	{
		autofree char *text = NULL;

		if (!json_is_string(value) || strchr(key, '=') != NULL)
			return err_set(err, -EINVAL,
				       "labels must be strings, without '=' in names");
		if (asprintf(&text, "%s=%s", key, json_string_value(value)) < 0 ||
		    string_list_add(&record->labels, text) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

/* A number of the body within what the record can hold. */
static int take_number(const char *what, json_int_t given, uint64_t fallback, uint64_t *ret,
		       struct err *err)
{
	if (given < 0)
		return err_set(err, -EINVAL, "%s cannot be negative", what);
	*ret = given == 0 ? fallback : (uint64_t)given;
	return 0;
}

static int take_sizes(const struct request *request, const struct wish *wish, const struct kit *kit,
		      const struct engine_impl *engine, struct record *record, struct err *err)
{
	uint64_t cpus = 0, kit_memory_bytes = 0, pids = 0;
	unsigned kit_cpus = 0;
	int r;

	if (kit != NULL)
		kit_resources(kit, &kit_cpus, &kit_memory_bytes);
	r = take_number("cpus", wish->cpus, kit_cpus, &cpus, err);
	if (r == 0)
		r = take_number("memory", wish->memory, kit_memory_bytes, &record->memory_bytes,
				err);
	if (r == 0)
		r = take_number("disk", wish->disk, DISK_DEFAULT_BYTES, &record->disk_bytes, err);
	if (r == 0)
		r = take_number("docker_disk", wish->docker_disk, DISK_DOCKER_DEFAULT_BYTES,
				&record->docker_disk_bytes, err);
	if (r == 0)
		r = take_number("pids_limit", wish->pids_limit, 0, &pids, err);
	if (r == 0 && pids > RECORD_PIDS_MAX)
		r = err_set(err, -EINVAL, "a limit of processes is at most %d", RECORD_PIDS_MAX);
	if (r < 0)
		return r;
	record->pids_limit = (uint32_t)pids;
	record->cpus = cpus > 4096 ? 4096 : (unsigned)cpus;
	r = host_check(&request->supervisor->host, engine->default_memory_bytes, &record->cpus,
		       &record->memory_bytes, err);
	if (r == 0)
		r = disk_check_size("a disk", record->disk_bytes, err);
	if (r == 0)
		r = disk_check_size("a docker disk", record->docker_disk_bytes, err);
	return r;
}

static int take_engine(const struct wish *wish, struct record *record,
		       const struct engine_impl **ret_engine, struct err *err)
{
	const char *name = wish->engine != NULL ? wish->engine : "auto";
	const struct engine_impl *engine = NULL;
	struct err why = ERR_INIT;
	int r = engine_choose(name, &engine, &why);

	if (r < 0)
		return err_set(err, -EINVAL, "%s", why.text);
	r = record_set(&record->engine, engine->name);
	if (r == 0)
		r = record_set(&record->engine_why, why.text);
	if (r < 0)
		return err_set(err, r, "out of memory");
	*ret_engine = engine;
	return 0;
}

/* The one that was asked for, else that of the kit. */
static int take_template(const struct request *request, const struct wish *wish,
			 const struct kit *kit, struct record *record, struct err *err)
{
	const char *image = kit != NULL ? kit_text(kit->json, "image") : NULL;
	const char *reference = image != NULL ? image : TEMPLATE_DEFAULT;
	const struct string_list *layers = &record->template.layers;
	int r;

	if (wish->template != NULL)
		reference = wish->template;
	r = template_lookup(request->supervisor, reference, &record->template, err);
	if (r < 0)
		return err->code = -EINVAL;
	for (size_t i = 0; r == 0 && i < layers->count; i++)
		r = check_layer(layers->items[i], err);
	return r;
}

/* Built or given, all are looked at now: a sandbox that cannot start is not made. */
static int take_files(const struct request *request, const struct wish *wish, const struct kit *kit,
		      struct record *record, struct err *err)
{
	const char *built = request->supervisor->artefacts.paths[ARTEFACT_KERNEL];
	const char *kernel = wish->kernel != NULL ? wish->kernel : built;
	int r = kernel == NULL ? 0 : create_check_kernel(kernel, record->memory_bytes, err);

	if (r == 0)
		r = take_template(request, wish, kit, record, err);
	if (r == 0 && wish->extra_ca != NULL)
		r = authority_check_extra(wish->extra_ca, err);
	if (r < 0)
		return r;
	r = record_set(&record->extra_ca, wish->extra_ca);
	if (r == 0)
		r = record_set(&record->kernel, wish->kernel);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

/* An agent is the kit of its name; only the shell works without one. */
static int take_agent(const struct wish *wish, const struct kit *kit, struct record *record,
		      struct err *err)
{
	const char *known = kit != NULL ? kit_text(kit->json, "name") : "shell";
	const char *agent = wish->agent != NULL ? wish->agent : known;

	if (strcmp(agent, known) != 0)
		return err_set(err, -EINVAL, "no kit of the agent '%.80s' was given; there is: %s",
			       agent, known);
	return record_set(&record->agent, agent) < 0 ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static int check_kit_policy(const struct kit *kit, struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	int r;

	buf_init(&text, PRESET_BYTES_MAX);
	r = kit_policy(kit, &text);
	if (r < 0)
		return err_set_errno(err, r, "the kit's network rules");
	return policy_store_check_kit(buf_str(&text), err);
}

/* The kit itself; what it means for the record comes with the members it is about. */
static int take_kit(const struct wish *wish, struct record *record, struct kit **ret,
		    struct err *err)
{
	int r;

	if (wish->kit == NULL)
		return wish->kit_files == NULL ? 0
					       : err_set(err, -EINVAL, "kit_files without a kit");
	r = kit_check(wish->kit, wish->kit_files, ret, err);
	if (r == 0)
		r = check_kit_policy(*ret, err);
	record->kit = RECORD_KIT_PENDING;
	return r;
}

static int take_ports(const struct wish *wish, const struct kit *kit, struct record *record,
		      struct err *err)
{
	int r = create_add_ports(wish->ports, &record->ports, err);
	json_t *ports;

	if (r < 0 || kit == NULL)
		return r;
	ports = kit_ports(kit);
	r = create_add_ports(ports, &record->ports, err);
	json_decref(ports);
	return r;
}

static int unpack(const struct request *request, struct wish *wish, struct err *err)
{
	*wish = (struct wish){ .name = NULL };
	return request_unpack(
		request, err,
		"{s?s s?s s?s s?s s?s s?s s?o s?o s?o s?o s?I s?I s?I s?I s?I s?b s?b s?b s?b s?b "
		"s?b "
		"s?o "
		"s?o "
		"s?o s?s s?o}",
		"name", &wish->name, "agent", &wish->agent, "engine", &wish->engine, "kernel",
		&wish->kernel, "template", &wish->template, "extra_ca", &wish->extra_ca, "ports",
		&wish->ports, "mounts", &wish->mounts, "env", &wish->env, "labels", &wish->labels,
		"cpus", &wish->cpus, "memory", &wish->memory, "disk", &wish->disk, "docker_disk",
		&wish->docker_disk, "pids_limit", &wish->pids_limit, "force", &wish->force,
		"keep_alive", &wish->keep_alive, "allow_weak_jail", &wish->weak_jail, "fleeting",
		&wish->fleeting, "start", &wish->start, "reuse", &wish->reuse, "policy",
		&wish->policy, "deny_network", &wish->deny_network, "kit", &wish->kit, "kit_files",
		&wish->kit_files, "fast_dirs", &wish->fast_dirs);
}

static int fill(const struct request *request, const struct wish *wish, struct record *record,
		struct kit **ret_kit, struct err *err)
{
	const struct engine_impl *engine = NULL;
	int r = wish->name == NULL ? 0 : name_check(wish->name, err);

	if (r == 0)
		r = take_kit(wish, record, ret_kit, err);
	if (r == 0)
		r = take_agent(wish, *ret_kit, record, err);
	if (r == 0)
		r = take_mounts(request, wish, record, err);
	if (r == 0)
		r = fast_dirs_take(wish->fast_dirs, &record->mounts, &record->fast_dirs, err);
	if (r == 0)
		r = take_env(wish, *ret_kit, record, err);
	if (r == 0)
		r = take_ports(wish, *ret_kit, record, err);
	if (r == 0)
		r = take_labels(wish, record, err);
	if (r == 0)
		r = take_engine(wish, record, &engine, err);
	if (r == 0)
		r = take_sizes(request, wish, *ret_kit, engine, record, err);
	if (r == 0)
		r = take_files(request, wish, *ret_kit, record, err);
	if (r == 0)
		r = policy_provision_check(request->supervisor->policy, request->body, err);
	record->keep_alive = wish->keep_alive != 0;
	record->weak_jail = wish->weak_jail != 0;
	record->is_fleeting = wish->fleeting != 0;
	record->created_at = time(NULL);
	return r;
}

int create_check(const struct request *request, struct record *ret, struct create_choices *ret_how,
		 struct kit **ret_kit, struct err *err)
{
	struct kit *kit = NULL;
	struct record record;
	struct wish wish;
	int r = unpack(request, &wish, err);

	if (r < 0)
		return r;
	record_init(&record, wish.name != NULL && name_is_valid(wish.name) ? wish.name : "");
	r = fill(request, &wish, &record, &kit, err);
	if (r < 0) {
		kit_destroy(kit);
		record_finish(&record);
		return r;
	}
	*ret_how = (struct create_choices){ .is_named = wish.name != NULL,
					    .start = wish.start != 0,
					    .reuse = wish.reuse != 0 };
	*ret = record;
	*ret_kit = kit;
	return 0;
}
