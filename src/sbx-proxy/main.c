/*
 * sbx-proxy [--weak]: TLS and HTTP of one sandbox. Descriptor 3 is the link to
 * sbx-net, 4 the listening Unix socket to which sbxd connects (wire/proxy.h). It
 * holds the secrets of the sandbox, so its memory is for nobody else: not dumpable,
 * secrets locked. It ends when sbx-net does, that is with the VM.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <openssl/ssl.h>

#include "app/log.h"
#include "base/check.h"
#include "base/err.h"
#include "jail/jail.h"
#include "sbx-proxy/bounds.h"
#include "sbx-proxy/proxy.h"
#include "seccomp_proxy.h"

enum {
	FD_LINK = 3,
	FD_CONTROL = 4,
};

static int parse_options(char **words, bool *ret_weak, struct err *err)
{
	*ret_weak = *words != NULL && strcmp(*words, "--weak") == 0;
	if (*ret_weak)
		words++;
	return *words == NULL ? 0 : err_set(err, -EINVAL, "'%s' is no option", *words);
}

/* What reads files or asks for entropy does so now; the jail has neither. */
static int prepare(struct err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set_errno(err, -errno, "cannot hide its memory");
	tzset();
	if (sodium_init() < 0 || OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return err_set(err, -EIO, "the cryptographic libraries do not start");
	return 0;
}

static int enter_jail(bool weak, struct err *err)
{
	const struct jail_config config = {
		.name = "sbx-proxy",
		.keep_fds = PROXY_FDS_KEPT,
		.filter = seccomp_proxy,
		.filter_len = countof(seccomp_proxy),
		.max_files = PROXY_FILES_MAX,
		.max_locked_bytes = PROXY_LOCKED_MAX,
		.weak = weak,
	};
	unsigned skipped = 0;
	int r = jail_enter(&config, &skipped, err);

	if (r == 0 && skipped != 0)
		log_warning("the jail is weak: steps 0x%x were skipped", skipped);
	return r;
}

static int start(struct proxy **ret, struct err *err)
{
	int r = proxy_create(FD_LINK, FD_CONTROL, ret);

	return r < 0 ? err_set_errno(err, r, "descriptors %d and %d are not what they must be",
				     FD_LINK, FD_CONTROL)
		     : 0;
}

int main(int argc, char **argv)
{
	const struct log_config log = { .program = "sbx-proxy", .fd = 2, .level = LOG_LEVEL_INFO };
	struct proxy *proxy = NULL;
	struct err err = ERR_INIT;
	bool weak;
	int r;

	log_open(&log);
	r = parse_options(argv + (argc > 0), &weak, &err);
	if (r == 0)
		r = prepare(&err);
	if (r == 0)
		r = enter_jail(weak, &err);
	if (r == 0)
		r = start(&proxy, &err);
	if (r == 0)
		r = loop_run(proxy->loop);
	if (r < 0)
		log_error("%s", err.text);
	proxy_destroy(proxy);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
