#include "sbxd/template_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "jail/spawn.h"
#include "oci/reference.h"
#include "sbxd/account.h"
#include "sbxd/paths.h"
#include "sbxd/supervisor.h"
#include "sbxd/template_login.h"
#include "sbxd/template_refusal.h"
#include "sbxd/uplink.h"

#define SKOPEO "/usr/bin/skopeo"
#define WORK "/work"
#define LOGIN "/login.json"
#define CERTS "/certs"

enum {
	BINDS_MAX = 24,
	LOOK_MS = 500, /* how often what it wrote is added up */
	SAID_MAX = 16384,
};

/* What skopeo needs of the host's file system; what is not there is left out. */
static const char *const host_files[] = {
	SKOPEO,
	"/usr/lib/x86_64-linux-gnu",
	"/lib/x86_64-linux-gnu",
	"/lib64",
	"/etc/ld.so.cache",
	"/etc/ssl/certs",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/nsswitch.conf",
	"/etc/containers/registries.conf",
	"/etc/containers/registries.conf.d",
};

struct fetch {
	struct jail_bind binds[BINDS_MAX];
	size_t count;
	char *certs;			 /* owned; NULL: none */
	char *source, *proxy, *no_proxy; /* owned */
	const char *environment[4];
	const char *argv[24];
	size_t argc;
};

static void fetch_finish(struct fetch *fetch)
{
	free(fetch->certs);
	free(fetch->source);
	free(fetch->proxy);
	free(fetch->no_proxy);
}

static void add_bind(struct fetch *fetch, const char *source, const char *target, bool writable)
{
	fetch->binds[fetch->count++] =
		(struct jail_bind){ .source = source, .target = target, .writable = writable };
}

/* Certificates for one registry, where other programs keep them too. */
static char *find_certs(const struct paths *paths, const char *domain)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const struct {
		const char *folder, *below;
	} places[] = {
		{ config, "containers/certs.d" },
		{ paths->home, ".config/containers/certs.d" },
		{ "/etc/containers", "certs.d" },
		{ "/etc/docker", "certs.d" },
	};

	for (size_t i = 0; i < countof(places); i++) {
		autofree char *path = NULL;

		if (places[i].folder == NULL || places[i].folder[0] != '/')
			continue;
		if (asprintf(&path, "%s/%s/%s", places[i].folder, places[i].below, domain) < 0)
			path = NULL;
		if (path != NULL && access(path, R_OK | X_OK) == 0)
			return take_ptr(path);
	}
	return NULL;
}

static int make_source(struct fetch *fetch, const struct oci_reference *reference)
{
	struct oci_reference copy = *reference;
	char text[OCI_REFERENCE_TEXT];

	/* skopeo takes no tag beside a digest */
	if (copy.digest[0] != '\0')
		copy.tag[0] = '\0';
	oci_reference_format(&copy, text);
	return asprintf(&fetch->source, "docker://%s", text) < 0 ? -ENOMEM : 0;
}

/* The proxy that this host must pass, with its login: its variable is seen by skopeo alone. */
static int make_environment(struct fetch *fetch, const struct uplink_facts *facts)
{
	static const char remote[] = "socks5h://";
	autofree char *list = strdup("");
	size_t count = 0;
	int r;

	if (facts->upstream == NULL)
		return 0;
	for (size_t i = 0; i < facts->no_proxy.count; i++) {
		char *longer = NULL;

		if (list == NULL || asprintf(&longer, "%s%s%s", list, i > 0 ? "," : "",
					     facts->no_proxy.items[i]) < 0)
			return -ENOMEM;
		free(list);
		list = longer;
	}
	/* Go's socks5 tells the proxy names too, and older ones know no socks5h */
	if (strncmp(facts->upstream, remote, strlen(remote)) == 0)
		r = asprintf(&fetch->proxy, "HTTPS_PROXY=socks5://%s",
			     facts->upstream + strlen(remote));
	else
		r = asprintf(&fetch->proxy, "HTTPS_PROXY=%s", facts->upstream);
	if (r < 0) {
		fetch->proxy = NULL;
		return -ENOMEM;
	}
	if (asprintf(&fetch->no_proxy, "NO_PROXY=%s", list) < 0) {
		fetch->no_proxy = NULL;
		return -ENOMEM;
	}
	fetch->environment[count++] = fetch->proxy;
	fetch->environment[count] = fetch->no_proxy;
	return 0;
}

static void add_words(struct fetch *fetch, const char *const *words)
{
	for (; *words != NULL; words++)
		fetch->argv[fetch->argc++] = *words;
}

static void make_words(struct fetch *fetch, bool has_login)
{
	static const char *const first[] = { "skopeo",
					     "--insecure-policy",
					     "--override-os",
					     "linux",
					     "--override-arch",
					     "amd64",
					     "--tmpdir",
					     WORK,
					     "copy",
					     "--quiet",
					     "--dest-oci-accept-uncompressed-layers",
					     NULL };
	static const char *const login[] = { "--src-authfile", LOGIN, NULL };
	static const char *const nobody[] = { "--src-no-creds", NULL };
	static const char *const certs[] = { "--src-cert-dir", CERTS, NULL };
	static const char *const last[] = { "oci:" WORK ":image", NULL };

	add_words(fetch, first);
	add_words(fetch, has_login ? login : nobody);
	if (fetch->certs != NULL)
		add_words(fetch, certs);
	fetch->argv[fetch->argc++] = fetch->source;
	add_words(fetch, last);
}

static int prepare(struct fetch *fetch, struct supervisor *supervisor,
		   const struct oci_reference *reference, const char *folder, const char *login)
{
	struct uplink_facts facts;
	int r = make_source(fetch, reference);

	if (r == 0)
		r = uplink_facts(supervisor->uplink, &facts);
	if (r < 0)
		return r;
	r = make_environment(fetch, &facts);
	uplink_facts_finish(&facts);
	if (r < 0)
		return r;
	fetch->certs = find_certs(&supervisor->paths, reference->domain);
	for (size_t i = 0; i < countof(host_files); i++)
		if (access(host_files[i], F_OK) == 0)
			add_bind(fetch, host_files[i], host_files[i], false);
	add_bind(fetch, folder, WORK, true);
	if (login != NULL)
		add_bind(fetch, login, LOGIN, false);
	if (fetch->certs != NULL)
		add_bind(fetch, fetch->certs, CERTS, false);
	make_words(fetch, login != NULL);
	return 0;
}

static int tell_failure(const struct oci_reference *reference, int output, bool has_login,
			struct err *err)
{
	char said[SAID_MAX + 1];
	ssize_t len = lseek(output, 0, SEEK_SET) < 0 ? 0 : fd_read_full(output, said, SAID_MAX);

	said[len < 0 ? 0 : len] = '\0';
	return template_refusal(said, reference, has_login, err);
}

/* How much it may write: half of what is free. */
static uint64_t bytes_allowed(const char *folder)
{
	struct statvfs fs;

	return statvfs(folder, &fs) < 0 ? 0 : (uint64_t)fs.f_bavail * fs.f_frsize / 2;
}

/* Waits for its end; ends it when it wrote too much. */
static int await_end(const struct spawned *child, const char *folder, bool *ret_succeeded,
		     struct err *err)
{
	uint64_t allowed = bytes_allowed(folder);
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	bool is_over = false;

	while (poll(&ended, 1, LOOK_MS) == 0) {
		if (is_over || account_bytes(folder) <= allowed)
			continue;
		is_over = true;
		(void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
	}
	while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return err_set_errno(err, -errno, "skopeo was lost");
	if (is_over)
		return err_set(err, -ENOSPC, "the image takes more than half of the free space");
	*ret_succeeded = info.si_code == CLD_EXITED && info.si_status == 0;
	return 0;
}

static int run(const struct fetch *fetch, const struct oci_reference *reference, const char *folder,
	       bool has_login, struct err *err)
{
	autoclose int output = memfd_create("skopeo", MFD_CLOEXEC);
	struct spawned child = { .pidfd = -1, .gate = -1 };
	const struct spawn_config config = { .program = SKOPEO,
					     .argv = (char *const *)(uintptr_t)fetch->argv,
					     .stdout_fd = output,
					     .binds = fetch->binds,
					     .environment =
						     (char *const *)(uintptr_t)fetch->environment,
					     .network = true };
	bool has_succeeded = false;
	int r = output < 0 ? err_set_errno(err, -errno, "cannot make a file in memory")
			   : jail_spawn(&config, &child, err);

	if (r == 0)
		r = jail_spawn_release(&child, err);
	if (r == 0)
		r = await_end(&child, folder, &has_succeeded, err);
	if (r == 0 && !has_succeeded)
		r = tell_failure(reference, output, has_login, err);
	spawned_finish(&child);
	return r;
}

int template_fetch(struct supervisor *supervisor, const struct oci_reference *reference,
		   const char *folder, struct err *err)
{
	autocall(fetch_finish) struct fetch fetch = { .count = 0 };
	autofree char *login = NULL;
	int r;

	if (access(SKOPEO, X_OK) < 0)
		return err_set(err, -ENOENT,
			       "images are pulled by skopeo; install it: apt-get install skopeo");
	r = template_login_write(supervisor, reference->domain, folder, &login, err);
	if (r < 0)
		return r;
	r = prepare(&fetch, supervisor, reference, folder, login);
	if (r < 0)
		(void)err_set(err, r, "out of memory");
	else
		r = run(&fetch, reference, folder, login != NULL, err);
	if (login != NULL)
		(void)unlink(login);
	return r;
}
