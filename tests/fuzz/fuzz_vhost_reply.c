/*
 * A backend that answers anything: all its bytes wait in the socket before the
 * frontend asks. Every call ends with success or a sentence, and after the first
 * failure none succeeds.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "tests/fuzz/fuzz.h"
#include "vhost/frontend.h"

enum { INPUT_MAX = 8192, CONFIG = 60 };

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* One call: success only if nothing failed before; a failure has words. */
static void judge(int r, bool *failed, const struct err *err)
{
	REQUIRE(r == 0 || r == -ENOTSUP || err->text[0] != '\0');
	REQUIRE(r != 0 || !*failed);
	*failed |= r < 0 && r != -ENOTSUP && r != -EINVAL;
}

static void use(struct vhost_frontend *frontend)
{
	struct err err = ERR_INIT;
	struct vhost_frontend_region region = { .size = 4096,
						.fd = memfd_create("fuzz", MFD_CLOEXEC) };
	struct vhost_frontend_queue queue = { .size = 16, .call = -1 };
	struct vhost_frontend_inflight inflight = { .fd = -1 };
	uint8_t config[CONFIG];
	uint16_t last = 0;
	bool failed = false, changed;

	queue.kick = eventfd(0, EFD_CLOEXEC);
	judge(vhost_frontend_read_config(frontend, 0, config, CONFIG, &err), &failed, &err);
	judge(vhost_frontend_set_features(frontend, vhost_frontend_features(frontend), &err),
	      &failed, &err);
	judge(vhost_frontend_set_memory(frontend, &region, 1, &err), &failed, &err);
	judge(vhost_frontend_make_inflight(frontend, 1, queue.size, &inflight, &err), &failed,
	      &err);
	if (inflight.fd >= 0) {
		judge(vhost_frontend_set_inflight(frontend, &inflight, &err), &failed, &err);
		(void)close(inflight.fd);
	}
	judge(vhost_frontend_start_queue(frontend, 0, &queue, &err), &failed, &err);
	judge(vhost_frontend_stop_queue(frontend, 0, &last, &err), &failed, &err);
	if (vhost_frontend_requests(frontend) >= 0)
		(void)vhost_frontend_take_requests(frontend, &changed);
	(void)close(queue.kick);
	(void)close(region.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vhost_frontend *frontend = NULL;
	struct err err = ERR_INIT;
	struct vhost_frontend_config config = { .name = "fuzz", .timeout_ms = 1000 };
	int pair[2];

	if (size > INPUT_MAX || fd_socketpair(pair) < 0)
		return 0;
	REQUIRE(fd_write_full(pair[1], data, size) == 0);
	REQUIRE(shutdown(pair[1], SHUT_WR) == 0);
	config.socket = pair[0];
	if (vhost_frontend_create(&config, &frontend, &err) == 0) {
		REQUIRE(vhost_frontend_queues(frontend) <= 255);
		use(frontend);
		vhost_frontend_destroy(frontend);
	} else {
		REQUIRE(err.text[0] != '\0');
		(void)close(pair[0]);
	}
	(void)close(pair[1]);
	return 0;
}
