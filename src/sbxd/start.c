/*
 * From nothing to a guest that answers.
 *
 * All processes are spawned and wait at their gates; their identities are
 * written down; only then the gates open. A daemon that is killed in between
 * leaves processes that end by themselves, one that is killed after leaves
 * processes that the next daemon finds in the record.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/log.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "engine/engine.h"
#include "jail/spawn.h"
#include "sbxd/authority.h"
#include "sbxd/cgroup.h"
#include "sbxd/environment.h"
#include "sbxd/fast_dirs.h"
#include "sbxd/guest.h"
#include "sbxd/kit_apply.h"
#include "sbxd/run.h"
#include "sbxd/sandbox.h"
#include "sbxd/secret_store.h"
#include "sbxd/share.h"
#include "sbxd/supervisor.h"

enum {
	READY_MS = 120000, /* an emulated guest on a busy host takes its time */
	SETUP_MS = 30000,
	CULPRIT_MS = 300,
	DISKS_OWN = 2, /* disk, docker */
	DISKS_MAX = TEMPLATE_LAYERS_MAX + DISKS_OWN,
	SHARE_FDS_FIXED = 2, /* vhost-user and control socket of sbx-fs */
	SHARES_AT_START = SPAWN_FDS_MAX - SHARE_FDS_FIXED,
	CMDLINE_SIZE = 200,
	REPLACE_MS = 8000, /* sbx-vmm waits a little longer */
	/* A guest that can end its disks' process gets few tries at its weakness. */
	RESTARTS_MAX = 5,
	THREADS_MAX = 1024, /* of all processes of a sandbox */
};

/* Of the host's for a sandbox: our processes, QEMU's translations, the cache of its disks. */
#define MEMORY_BESIDE (UINT64_C(1) << 30)

/* Every device of ours reaches all of a guest's memory: no 64 MiB to copy through. */
#define CMDLINE                                                                \
	"console=ttyS0 quiet panic=-1 random.trust_cpu=on dummy.numdummies=0 " \
	"swiotlb=noforce virtiofs.notify_last=1"

/* Descriptors of one start; all owned, closed when the start is over. */
struct parts {
	size_t disks; /* layers, the lowest first; disk; docker */
	int disk_images[DISKS_MAX];
	int disk_near[DISKS_MAX],
		disk_far[DISKS_MAX]; /* near: the backend's end; far: the engine's */
	int fs_near, fs_far, vsock_near, vsock_far;
	int relay_net, relay_proxy; /* between sbx-net and sbx-proxy */
	int fs_listen, vsock_listen, link_listen, net_listen, proxy_listen, console_listen;
	int messages_far; /* what the programs print to */
	int shares[MOUNTS_MAX];
	size_t shares_count;
	struct spawned children[RUN_ROLES];
	const struct engine_impl *engine;
};

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			(void)close(take_fd(&fds[i]));
}

static void parts_init(struct parts *parts)
{
	*parts = (struct parts){ .fs_near = -1,
				 .fs_far = -1,
				 .vsock_near = -1,
				 .vsock_far = -1,
				 .relay_net = -1,
				 .relay_proxy = -1,
				 .fs_listen = -1,
				 .vsock_listen = -1,
				 .link_listen = -1,
				 .net_listen = -1,
				 .proxy_listen = -1,
				 .console_listen = -1,
				 .messages_far = -1 };
	for (size_t i = 0; i < DISKS_MAX; i++)
		parts->disk_images[i] = parts->disk_near[i] = parts->disk_far[i] = -1;
	for (size_t i = 0; i < RUN_ROLES; i++)
		parts->children[i] = (struct spawned){ .pidfd = -1, .gate = -1 };
}

static void parts_finish(struct parts *parts)
{
	int single[] = { parts->fs_near,     parts->fs_far,	  parts->vsock_near,
			 parts->vsock_far,   parts->relay_net,	  parts->relay_proxy,
			 parts->fs_listen,   parts->vsock_listen, parts->link_listen,
			 parts->net_listen,  parts->proxy_listen, parts->console_listen,
			 parts->messages_far };

	close_all(single, countof(single));
	close_all(parts->disk_images, DISKS_MAX);
	close_all(parts->disk_near, DISKS_MAX);
	close_all(parts->disk_far, DISKS_MAX);
	close_all(parts->shares, parts->shares_count);
	for (size_t i = 0; i < RUN_ROLES; i++)
		spawned_finish(&parts->children[i]);
}

static int open_disk(const char *path, int flags, int *ret_fd, struct err *err)
{
	*ret_fd = path == NULL ? -1 : open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*ret_fd < 0)
		return err_set_errno(err, path == NULL ? -ENOMEM : -errno,
				     "cannot open the disk '%s'", path != NULL ? path : "");
	return 0;
}

/* A record of before there were templates gets the default one; the next save keeps it. */
static int ensure_template(struct sandbox *sandbox, struct err *err)
{
	struct template template;
	int r;

	if (sandbox->record.template.layers.count > 0)
		return 0;
	r = templates_find(&sandbox->supervisor->templates, TEMPLATE_DEFAULT, &template, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&sandbox->lock);
	sandbox->record.template = template;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return 0;
}

static int open_disks(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	const struct string_list *layers = &sandbox->record.template.layers;
	autofree char *disk = path_join(sandbox->folder, "disk.img");
	autofree char *docker = path_join(sandbox->folder, "docker.img");
	int r = ensure_template(sandbox, err);

	for (size_t i = 0; r == 0 && i < layers->count; i++)
		r = open_disk(layers->items[i], O_RDONLY, &parts->disk_images[parts->disks++], err);
	if (r == 0)
		r = open_disk(disk, O_RDWR, &parts->disk_images[parts->disks++], err);
	if (r == 0)
		r = open_disk(docker, O_RDWR, &parts->disk_images[parts->disks++], err);
	return r;
}

static int open_shares(const struct record *record, struct parts *parts, struct err *err)
{
	for (size_t i = 0; i < record->mounts.count; i++) {
		int r = mount_open(&record->mounts.items[i], record->weak_jail, &parts->shares[i],
				   err);

		if (r < 0)
			return r;
		parts->shares_count = i + 1;
	}
	return 0;
}

static int make_pair(int *near, int *far)
{
	int pair[2];
	int r = fd_socketpair(pair);

	if (r < 0)
		return r;
	*near = pair[0];
	*far = pair[1];
	return 0;
}

/*
 * Where programs print: datagrams, so that a full or abandoned socket loses a
 * line and never blocks or kills who prints.
 */
static int make_messages(struct run *run, struct parts *parts)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	run->messages_fd = pair[0];
	run->messages_far = pair[1];
	parts->messages_far = fcntl(pair[1], F_DUPFD_CLOEXEC, 0);
	return parts->messages_far < 0 ? -errno : 0;
}

/* Packets, so that a frame and the descriptors with it stay together. */
static int make_relay(struct parts *parts)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	parts->relay_net = pair[0];
	parts->relay_proxy = pair[1];
	return 0;
}

static int make_network_sockets(const struct sandbox *sandbox, struct parts *parts)
{
	int r = fd_listen_unix(sandbox->link_path, &parts->link_listen);

	if (r == 0)
		r = make_relay(parts);
	if (r == 0)
		r = fd_listen_unix(sandbox->net_path, &parts->net_listen);
	if (r == 0)
		r = fd_listen_unix(sandbox->proxy_path, &parts->proxy_listen);
	return r;
}

static int make_sockets(struct sandbox *sandbox, struct run *run, struct parts *parts,
			struct err *err)
{
	int r = file_remove_tree(AT_FDCWD, sandbox->run_folder);

	if (r == 0 && mkdir(sandbox->run_folder, 0700) < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < parts->disks; i++)
		r = make_pair(&parts->disk_near[i], &parts->disk_far[i]);
	if (r == 0)
		r = make_pair(&parts->fs_near, &parts->fs_far);
	if (r == 0)
		r = make_pair(&parts->vsock_near, &parts->vsock_far);
	if (r == 0)
		r = fd_listen_unix(sandbox->share_path, &parts->fs_listen);
	if (r == 0)
		r = fd_listen_unix(sandbox->vsock_path, &parts->vsock_listen);
	if (r == 0)
		r = fd_listen_unix(sandbox->screen_path, &parts->console_listen);
	if (r == 0)
		r = make_network_sockets(sandbox, parts);
	if (r == 0)
		r = make_messages(run, parts);
	return r < 0 ? err_set_errno(err, r, "cannot make sockets in '%s'", sandbox->run_folder)
		     : 0;
}

/* Spawns one of our own programs up to its gate. */
static int spawn_backend(struct sandbox *sandbox, struct parts *parts, enum run_role role,
			 enum artefact program, char *const *argv, const int *fds, size_t fds_count,
			 struct err *err)
{
	const char *path = artefacts_need(&sandbox->supervisor->artefacts, program, err);

	if (path == NULL)
		return err->code;
	return jail_spawn(
		&(struct spawn_config){
			.program = path,
			.argv = argv,
			.fds = fds,
			.fds_count = fds_count,
			.stdout_fd = parts->messages_far,
			.network = role == RUN_NET,
			.weak = sandbox->record.weak_jail,
		},
		&parts->children[role], err);
}

static int spawn_blk(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	char *argv[DISKS_MAX + 3] = { "sbx-blk" };
	size_t argc = 1;
	int fds[2 * DISKS_MAX];

	if (sandbox->record.weak_jail)
		argv[argc++] = "--weak";
	for (size_t i = 0; i < parts->disks; i++) {
		argv[argc++] = i < parts->disks - DISKS_OWN ? "ro" : "rw";
		fds[2 * i] = parts->disk_near[i];
		fds[2 * i + 1] = parts->disk_images[i];
	}
	return spawn_backend(sandbox, parts, RUN_BLK, ARTEFACT_BLK, argv, fds, 2 * parts->disks,
			     err);
}

static int spawn_vsock(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	char *argv[] = { "sbx-vsock", "--weak", "3", NULL };
	char **from = argv;
	int fds[] = { parts->vsock_near, parts->vsock_listen };

	static_assert(RECORD_CID == 3, "the context id in argv");
	if (!sandbox->record.weak_jail) {
		argv[1] = argv[0];
		from++;
	}
	return spawn_backend(sandbox, parts, RUN_VSOCK, ARTEFACT_VSOCK, from, fds, countof(fds),
			     err);
}

static int spawn_fs(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	char words[SHARES_AT_START][16];
	char *argv[SHARES_AT_START + 3] = { "sbx-fs" };
	int fds[SPAWN_FDS_MAX] = { parts->fs_near, parts->fs_listen };
	size_t argc = 1, count = min_of(parts->shares_count, (size_t)SHARES_AT_START);

	if (sandbox->record.weak_jail)
		argv[argc++] = "--weak";
	for (size_t i = 0; i < count; i++) {
		char name[SHARE_NAME_SIZE];

		share_name(i, name);
		(void)snprintf(words[i], sizeof(words[i]), "%s:%s", name,
			       sandbox->record.mounts.items[i].read_only ? "ro" : "rw");
		argv[argc++] = words[i];
		fds[SHARE_FDS_FIXED + i] = parts->shares[i];
	}
	return spawn_backend(sandbox, parts, RUN_FS, ARTEFACT_FS, argv, fds,
			     SHARE_FDS_FIXED + count, err);
}

/* Its sockets are the sandbox's way out; the names to reach come from the guest by sbx-proxy. */
static int spawn_net(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	char *argv[] = { "sbx-net", sandbox->record.weak_jail ? "--weak" : NULL, NULL };
	int fds[] = { parts->link_listen, parts->net_listen, parts->relay_net };

	return spawn_backend(sandbox, parts, RUN_NET, ARTEFACT_NET, argv, fds, countof(fds), err);
}

static int spawn_proxy(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	char *argv[] = { "sbx-proxy", sandbox->record.weak_jail ? "--weak" : NULL, NULL };
	int fds[] = { parts->relay_proxy, parts->proxy_listen };

	return spawn_backend(sandbox, parts, RUN_PROXY, ARTEFACT_PROXY, argv, fds, countof(fds),
			     err);
}

static int spawn_engine(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	const struct artefacts *artefacts = &sandbox->supervisor->artefacts;
	const struct record *record = &sandbox->record;
	const char *kernel = record->kernel != NULL
				     ? record->kernel
				     : artefacts_need(artefacts, ARTEFACT_KERNEL, err);
	const char *initramfs =
		kernel == NULL ? NULL : artefacts_need(artefacts, ARTEFACT_INITRAMFS, err);
	char cmdline[CMDLINE_SIZE];
	struct engine_config config = {
		.kernel = kernel,
		.initramfs = initramfs,
		.vmm = artefacts->paths[ARTEFACT_VMM],
		.cmdline = cmdline,
		.control_path = sandbox->engine_path,
		.cpus = record->cpus,
		.memory_bytes = record->memory_bytes,
		.cid = RECORD_CID,
		.console_fd = parts->console_listen,
		.messages_fd = parts->messages_far,
		.disks_count = parts->disks,
		.fs_fd = parts->fs_far,
		.vsock_fd = parts->vsock_far,
		.net_path = sandbox->link_path,
		.weak_jail = record->weak_jail,
	};

	if (initramfs == NULL)
		return err->code;
	(void)snprintf(cmdline, sizeof(cmdline), CMDLINE " sbx.layers=%zu",
		       record->template.layers.count);
	memcpy(config.disk_fds, parts->disk_far, sizeof(parts->disk_far));
	return parts->engine->start(&config, &parts->children[RUN_ENGINE], err);
}

/* Puts processes that wait at their gates into the sandbox's cgroup, if there can be one. */
static int enclose(struct sandbox *sandbox, const struct spawned *children, size_t count,
		   struct err *err)
{
	const struct cgroup_limits limits = {
		.memory_bytes = sandbox->record.memory_bytes + MEMORY_BESIDE,
		.processes = THREADS_MAX,
	};
	autoclose int cgroup = -1;
	int delegated = sandbox->supervisor->cgroup;
	int r;

	if (delegated == 0)
		return 0;
	r = cgroup_make(delegated, sandbox->record.name, &limits, &cgroup, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = cgroup_add(cgroup, children[i].id.pid);
	return r < 0 ? err_set_errno(err, r, "cannot use the cgroup of sandbox '%s'",
				     sandbox->record.name)
		     : 0;
}

/* Enters the waiting processes into the record and writes it down. */
static int persist(struct sandbox *sandbox, struct parts *parts, struct err *err)
{
	struct record *record = &sandbox->record;

	(void)pthread_mutex_lock(&sandbox->lock);
	record->processes_count = 0;
	for (int role = 0; role < RUN_ROLES; role++) {
		struct record_process *process = &record->processes[record->processes_count++];

		process->id = parts->children[role].id;
		(void)snprintf(process->name, sizeof(process->name), "%s",
			       run_role_name((enum run_role)role, record));
	}
	(void)pthread_mutex_unlock(&sandbox->lock);
	return sandbox_save(sandbox, err);
}

/* Opens the gates, the engine's first: it has most to do. */
static int release(struct run *run, struct parts *parts, struct err *err)
{
	static const enum run_role order[] = { RUN_ENGINE, RUN_BLK, RUN_FS,
					       RUN_VSOCK,  RUN_NET, RUN_PROXY };

	for (size_t i = 0; i < countof(order); i++) {
		struct spawned *child = &parts->children[order[i]];
		int r = jail_spawn_release(child, err);

		run->pidfds[order[i]] = take_fd(&child->pidfd);
		if (r < 0)
			return r;
	}
	return 0;
}

static int spawn_all(struct sandbox *sandbox, struct run *run, struct parts *parts, struct err *err)
{
	int r = spawn_engine(sandbox, parts, err);

	if (r == 0)
		r = spawn_blk(sandbox, parts, err);
	if (r == 0)
		r = spawn_fs(sandbox, parts, err);
	if (r == 0)
		r = spawn_vsock(sandbox, parts, err);
	if (r == 0)
		r = spawn_net(sandbox, parts, err);
	if (r == 0)
		r = spawn_proxy(sandbox, parts, err);
	if (r == 0)
		r = enclose(sandbox, parts->children, RUN_ROLES, err);
	if (r == 0)
		r = persist(sandbox, parts, err);
	return r < 0 ? r : release(run, parts, err);
}

/* Why the guest is not ready: what it died of, else where it got stuck. */
static int tell_late(struct sandbox *sandbox, struct err *err)
{
	char line[200];

	run_console_reason(sandbox, line, sizeof(line));
	(void)pthread_mutex_lock(&sandbox->lock);
	if (line[0] == '\0')
		tail_last_line(&sandbox->console, line, sizeof(line));
	(void)pthread_mutex_unlock(&sandbox->lock);
	return err_set(err, -ETIMEDOUT, "the guest was not ready within %d s%s%s", READY_MS / 1000,
		       line[0] != '\0' ? "; its console ends with: " : "", line);
}

/*
 * Waits for the guest's knock and for its policy to be in force: nobody gets a sandbox that is
 * denied what it may have. A process that ends or a stop that is wanted ends the wait.
 */
static int await_ready(struct sandbox *sandbox, struct run *run, struct err *err)
{
	uint64_t deadline_ms = clock_now_ms() + READY_MS;

	while (!run->is_ready || !network_is_applied(&run->network)) {
		bool is_cancelled;
		int r = run_step(sandbox, run, deadline_ms, err);

		if (r < 0)
			return r;
		(void)pthread_mutex_lock(&sandbox->lock);
		is_cancelled = sandbox->want_stop || sandbox->want_remove;
		(void)pthread_mutex_unlock(&sandbox->lock);
		if (is_cancelled)
			return err_set(err, -ECANCELED, "sandbox '%s' was stopped while it started",
				       sandbox->record.name);
		if (run->is_ready && clock_left_ms(deadline_ms) == 0)
			return err_set(err, -ETIMEDOUT, "the network was not ready within %d s",
				       READY_MS / 1000);
		if (!run->is_ready && clock_left_ms(deadline_ms) == 0)
			return tell_late(sandbox, err);
	}
	return 0;
}

/* What SETUP says beside what is in the record. */
struct setup {
	char *authority; /* owned */
	char hash[AUTHORITY_HASH_SIZE];
	struct string_list env;
};

static void setup_finish(struct setup *setup)
{
	free(setup->authority);
	string_list_finish(&setup->env);
}

static int setup_init(struct sandbox *sandbox, struct setup *ret, struct err *err)
{
	int r;

	*ret = (struct setup){ .authority = NULL };
	r = authority_certificate(sandbox, &ret->authority, ret->hash, err);
	if (r < 0)
		return r;
	r = secret_store_environment(sandbox->supervisor->secrets, sandbox->record.name, &ret->env);
	if (r == 0)
		r = environment_make(&sandbox->record, ret->authority, &ret->env);
	if (r < 0)
		return err_set_errno(err, r, "cannot make the guest's environment");
	return authority_add_extra(sandbox, &ret->authority, err);
}

static void make_setup(struct record *record, struct setup *setup, struct guest_message *ret)
{
	*ret = (struct guest_message){ .type = GUEST_SETUP,
				       .hostname = record->name,
				       .realtime_ns = clock_realtime_ns(),
				       .authority = setup->authority,
				       .name = setup->hash,
				       .env = setup->env.items,
				       .env_count = setup->env.count,
				       .count = record->pids_limit };
	if (getrandom(ret->entropy, 64, 0) == 64)
		ret->entropy_len = 64;
}

void run_make_mount(const struct mount *mount, char *source, struct guest_message *ret)
{
	*ret = (struct guest_message){ .type = GUEST_MOUNT,
				       .source = source,
				       .target = mount->target,
				       .flags = (mount->read_only ? GUEST_FLAG_READ_ONLY : 0u) |
						(mount->is_file ? GUEST_FLAG_FILE : 0u) };
}

/* The mounts for which sbx-fs had no room among the descriptors of its start. */
static int share_rest(struct sandbox *sandbox, struct err *err)
{
	const struct mounts *mounts = &sandbox->record.mounts;
	uint64_t deadline_ms = clock_now_ms() + SETUP_MS;

	for (size_t i = SHARES_AT_START; i < mounts->count; i++) {
		autoclose int fd = -1;
		int r = mount_open(&mounts->items[i], sandbox->record.weak_jail, &fd, err);

		if (r == 0)
			r = share_add(sandbox->share_path, &mounts->items[i], fd, i, deadline_ms,
				      err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Name, clock, entropy, environment and mounts, in one go on one connection. */
static int ask_set_up(struct sandbox *sandbox, struct setup *setup, struct err *err)
{
	struct record *record = &sandbox->record;
	uint64_t deadline_ms = clock_now_ms() + SETUP_MS;
	struct guest_message requests[MOUNTS_MAX + FAST_DIRS_MAX + 2];
	char sources[MOUNTS_MAX][SHARE_NAME_SIZE];
	autoclose int fd = -1;
	size_t count = 0;
	int r = guest_connect(sandbox->vsock_path, false, deadline_ms, &fd, err);

	if (r < 0)
		return r;
	make_setup(record, setup, &requests[count++]);
	for (size_t i = 0; i < record->mounts.count; i++) {
		share_name(i, sources[i]);
		run_make_mount(&record->mounts.items[i], sources[i], &requests[count++]);
	}
	for (size_t i = 0; i < record->fast_dirs.count; i++)
		requests[count++] =
			(struct guest_message){ .type = GUEST_FAST_DIR,
						.target = record->mounts.items[0].target,
						.source = record->fast_dirs.items[i] };
	if (record->grown)
		requests[count++] = (struct guest_message){ .type = GUEST_GROW };
	return guest_ask(fd, requests, count, deadline_ms, NULL, err);
}

static int set_up(struct sandbox *sandbox, struct err *err)
{
	struct setup setup;
	int r = setup_init(sandbox, &setup, err);

	if (r == 0)
		r = ask_set_up(sandbox, &setup, err);
	setup_finish(&setup);
	return r < 0 ? err_wrap(err, "setting up the guest") : 0;
}

static int boot(struct sandbox *sandbox, struct run *run, struct parts *parts, struct err *err)
{
	int r = engine_choose(sandbox->record.engine, &parts->engine, err);

	if (r == 0)
		r = open_disks(sandbox, parts, err);
	if (r == 0)
		r = open_shares(&sandbox->record, parts, err);
	if (r == 0)
		r = make_sockets(sandbox, run, parts, err);
	if (r == 0)
		r = spawn_all(sandbox, run, parts, err);
	return r;
}

/* A secret that cannot be had is a warning: the proxy refuses what needs it. */
static void prepare_secrets(struct sandbox *sandbox)
{
	struct err err = ERR_INIT;

	if (secret_store_prepare(sandbox->supervisor->secrets, sandbox->record.name, &err) < 0)
		log_warning("sandbox '%s': %s", sandbox->record.name, err.text);
}

/*
 * One file of a login, sentinels only, unless the guest has its own there. It is there before any
 * session is.
 */
static int put_login(struct sandbox *sandbox, struct secret_file *file, struct err *err)
{
	static const char script[] =
		"exec >/dev/null 2>&1; umask 077; cd && mkdir -p \"$(dirname \"$1\")\" && "
		"{ test -e \"$1\" || printf %s \"$2\" >\"$1\"; }";
	char *args[] = { (char *)"sh",	(char *)"-c", (char *)script,
			 (char *)"sbx", file->path,   file->text };
	const struct guest_message request = { .type = GUEST_EXEC,
					       .args = args,
					       .args_count = countof(args) };
	uint32_t status;
	int r = guest_run(sandbox->vsock_path, &request, clock_now_ms() + SETUP_MS, &status, err);

	return r == 0 && status != 0 ? err_set(err, -EIO, "the guest could not write it") : r;
}

static void put_logins(struct sandbox *sandbox)
{
	struct secret_file files[SECRET_FILES_MAX];
	struct err err = ERR_INIT;
	int count = secret_store_files(sandbox->supervisor->secrets, sandbox->record.name, files);

	for (int i = 0; i < count; i++) {
		if (put_login(sandbox, &files[i], &err) < 0)
			log_warning("sandbox '%s': '%s' was not written: %s", sandbox->record.name,
				    files[i].path, err.text);
		secret_file_finish(&files[i]);
	}
}

int run_start(struct sandbox *sandbox, struct run *run, struct err *err)
{
	struct parts parts;
	int r;

	parts_init(&parts);
	sandbox_set_progress(sandbox, "Starting the microVM");
	prepare_secrets(sandbox);
	r = authority_ensure(sandbox, err);
	if (r == 0)
		r = boot(sandbox, run, &parts, err);
	parts_finish(&parts);
	if (r < 0)
		return r;
	sandbox_set_progress(sandbox, "Waiting for the guest");
	r = run_connect(sandbox, run, err);
	if (r < 0) /* a backend that ended knows better why */
		return run_step(sandbox, run, clock_now_ms() + CULPRIT_MS, err) < 0 ? err->code : r;
	if (r == 0)
		r = share_rest(sandbox, err);
	if (r == 0)
		r = await_ready(sandbox, run, err);
	if (r < 0)
		return r;
	sandbox_set_progress(sandbox, "Setting up the guest");
	r = set_up(sandbox, err);
	if (r < 0)
		return r;
	put_logins(sandbox);
	r = kit_apply(sandbox, run, err);
	if (r < 0)
		return r;
	run_watch_busy(sandbox, run);
	return 0;
}

/* Enters one process anew into the record and writes it down. */
static int persist_one(struct sandbox *sandbox, enum run_role role, const struct process_id *id,
		       struct err *err)
{
	struct record *record = &sandbox->record;
	const char *name = run_role_name(role, record);

	(void)pthread_mutex_lock(&sandbox->lock);
	for (size_t i = 0; i < record->processes_count; i++)
		if (strcmp(record->processes[i].name, name) == 0)
			record->processes[i].id = *id;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return sandbox_save(sandbox, err);
}

static int spawn_blk_again(struct sandbox *sandbox, struct run *run, struct parts *parts,
			   struct err *err)
{
	struct spawned *child = &parts->children[RUN_BLK];
	siginfo_t ended;
	int r = open_disks(sandbox, parts, err);

	for (size_t i = 0; r == 0 && i < parts->disks; i++) {
		r = make_pair(&parts->disk_near[i], &parts->disk_far[i]);
		if (r < 0)
			(void)err_set_errno(err, r, "no sockets for sbx-blk");
	}
	if (r == 0 && run->messages_far >= 0)
		parts->messages_far = fcntl(run->messages_far, F_DUPFD_CLOEXEC, 0);
	if (r == 0)
		r = spawn_blk(sandbox, parts, err);
	if (r == 0)
		r = enclose(sandbox, child, 1, err);
	if (r == 0)
		r = persist_one(sandbox, RUN_BLK, &child->id, err);
	if (r == 0)
		r = jail_spawn_release(child, err);
	if (r < 0)
		return r;
	if (run->pidfds[RUN_BLK] >= 0) {
		(void)waitid(P_PIDFD, (id_t)run->pidfds[RUN_BLK], &ended, WEXITED | WNOHANG);
		(void)close(run->pidfds[RUN_BLK]);
	}
	run->pidfds[RUN_BLK] = take_fd(&child->pidfd);
	return 0;
}

int run_restart_blk(struct sandbox *sandbox, struct run *run, struct err *err)
{
	const struct engine_impl *engine = engine_named(sandbox->record.engine);
	struct engine_vm vm = { .control_path = sandbox->engine_path };
	struct parts parts;
	int r;

	if (engine == NULL || engine->replace_disks == NULL)
		return err_set(err, -ENOTSUP, "its engine cannot go on with other disks");
	if (run->restarts == RESTARTS_MAX)
		return err_set(err, -EBUSY, "sbx-blk ended %d times before", RESTARTS_MAX);
	run->restarts++;
	parts_init(&parts);
	r = spawn_blk_again(sandbox, run, &parts, err);
	close_all(parts.disk_near, parts.disks); /* so that its end is seen */
	if (r == 0)
		r = engine->replace_disks(&vm, parts.disk_far, parts.disks,
					  clock_now_ms() + REPLACE_MS, err);
	parts_finish(&parts);
	return r;
}
