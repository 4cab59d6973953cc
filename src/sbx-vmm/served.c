#include "sbx-vmm/served.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "app/log.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "sbx-vmm/device.h"
#include "sbx-vmm/ram.h"
#include "vhost/frontend.h"

enum { QUEUE_SIZE = 1024, FS_TAG_SIZE = 36, FS_CONFIG_SIZE = 44 };

/*
 * Of the bits above the device's own (virtio 1.2 §6) those that change nothing
 * for the transport: indirect descriptors and event index.
 */
static const uint64_t features_known =
	((1ull << 24) - 1) | 1ull << 28 | 1ull << 29 | VIRTIO_F_VERSION_1;

static const struct kind {
	const char *name;
	uint32_t device_id; /* virtio 1.2 §5 */
	unsigned queues;    /* when the backend does not tell */
	size_t config_size;
} kinds[] = {
	[SERVED_BLK] = { "a disk", 2, 1, 60 },
	[SERVED_FS] = { "the shared folders", 26, 2, FS_CONFIG_SIZE },
	[SERVED_VSOCK] = { "the agent channel", 19, 3, 8 },
	[SERVED_NET] = { "the network", 1, 2, 12 },
};

struct served {
	struct device device;
	const struct kind *kind;
	struct loop *loop;			 /* weak */
	struct vhost_frontend *frontend;	 /* owned; NULL: another backend is waited for */
	struct vhost_frontend_inflight inflight; /* fd owned; -1: nothing is written down */
	const struct ram *ram;			 /* weak */
	struct device_setup setup;		 /* while the device runs */
	size_t config_size;
	bool resumes;	   /* another backend may go on */
	bool knows_memory; /* the backend was shown the guest's memory */
	bool started[VIRTIO_MMIO_QUEUES_MAX];
	struct loop_watch hangup;   /* of the frontend's socket */
	struct loop_watch requests; /* of the backend to us */
	struct loop_timer patience; /* while there is none */
	void (*lost)(void *ctx, const char *name);
	void *ctx;
};

static struct served *served_of(struct device *device)
{
	return container_of(device, struct served, device);
}

static int start_queues(struct served *served, const struct device_setup *setup, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < served->device.mmio.config.queues; i++) {
		const struct virtio_mmio_queue *queue = &setup->queue[i];

		if (!queue->ready)
			continue;
		r = vhost_frontend_start_queue(served->frontend, i,
					       &(struct vhost_frontend_queue){
						       .size = queue->size,
						       .desc = queue->desc,
						       .avail = queue->avail,
						       .used = queue->used,
						       .kick = served->device.kick[i],
						       .call = served->device.call,
					       },
					       err);
		served->started[i] = r == 0;
	}
	return r;
}

/* The memory for what is under way is made at the device's start, and lives as long as it runs. */
static int track(struct served *served, struct err *err)
{
	int r = 0;

	if (!served->resumes)
		return 0;
	if (served->inflight.fd < 0)
		r = vhost_frontend_make_inflight(served->frontend,
						 served->device.mmio.config.queues, QUEUE_SIZE,
						 &served->inflight, err);
	return r < 0 ? r : vhost_frontend_set_inflight(served->frontend, &served->inflight, err);
}

static void forget_inflight(struct served *served)
{
	if (served->inflight.fd >= 0)
		(void)close(take_fd(&served->inflight.fd));
}

/* Tells the backend all that the driver set up. */
static int begin(struct served *served, struct err *err)
{
	int r = vhost_frontend_set_features(served->frontend, served->setup.features, err);

	if (r == 0 && !served->knows_memory) {
		r = vhost_frontend_set_memory(served->frontend, served->ram->region,
					      served->ram->map.count, err);
		served->knows_memory = r == 0;
	}
	if (r == 0)
		r = track(served, err);
	return r < 0 ? r : start_queues(served, &served->setup, err);
}

static int served_start(struct device *device, const struct device_setup *setup, struct err *err)
{
	struct served *served = served_of(device);

	int r;

	served->setup = *setup;
	if (served->frontend == NULL)
		return 0;
	r = begin(served, err);
	/* Its end is told on the loop, and another one begins. */
	return r == -EPIPE && served->resumes ? 0 : r;
}

static void served_stop(struct device *device)
{
	struct served *served = served_of(device);
	struct err err = ERR_INIT;
	uint16_t last_avail;

	for (unsigned i = 0; i < VIRTIO_MMIO_QUEUES_MAX; i++) {
		if (served->started[i] && served->frontend != NULL &&
		    vhost_frontend_stop_queue(served->frontend, i, &last_avail, &err) < 0)
			log_error("%s does not stop: %s", device->name, err.text);
		served->started[i] = false;
	}
	forget_inflight(served);
}

/* No backend is there any more. */
static void let_go(struct served *served)
{
	loop_remove(&served->requests);
	loop_remove(&served->hangup);
	vhost_frontend_destroy(served->frontend);
	served->frontend = NULL;
	served->knows_memory = false;
}

static void served_destroy(struct device *device)
{
	struct served *served = served_of(device);

	let_go(served);
	loop_disarm(&served->patience);
	forget_inflight(served);
	device_finish(device);
	free(served);
}

static const struct device_impl served_impl = {
	.start = served_start,
	.stop = served_stop,
	.destroy = served_destroy,
};

static void lost_for_good(struct loop_timer *timer)
{
	struct served *served = container_of(timer, struct served, patience);

	served->lost(served->ctx, served->device.name);
}

static void await_another(struct served *served)
{
	let_go(served);
	if (served->patience.loop == NULL)
		loop_arm(served->loop, &served->patience, clock_now_ms() + SERVED_PATIENCE_MS,
			 lost_for_good);
}

/* Calls wait for their answers, so whatever comes now is the end of the backend. */
static void backend_lost(struct loop_watch *watch, uint32_t events)
{
	struct served *served = container_of(watch, struct served, hangup);

	(void)events;
	if (served->resumes) {
		log_warning("the backend of %s ended; waiting for another one",
			    served->device.name);
		await_another(served);
		return;
	}
	let_go(served);
	served->lost(served->ctx, served->device.name);
}

/*
 * A backend without a configuration space (virtiofsd) leaves it to us: a tag
 * and one queue for requests.
 */
static int own_config(const struct kind *kind, uint8_t *space, struct err *err)
{
	if (kind != &kinds[SERVED_FS])
		return err_set(err, -ENOTSUP, "the backend of %s tells nothing of the device",
			       kind->name);
	memcpy(space, "sbx", 3);
	le32_store(space + FS_TAG_SIZE, 1);
	return 0;
}

static int read_config(struct vhost_frontend *frontend, const struct kind *kind, uint8_t *space,
		       size_t *ret_size, struct err *err)
{
	int r = vhost_frontend_read_config(frontend, 0, space, kind->config_size, err);

	*ret_size = kind->config_size;
	return r == -ENOTSUP ? own_config(kind, space, err) : r;
}

static void backend_asks(struct loop_watch *watch, uint32_t events)
{
	struct served *served = container_of(watch, struct served, requests);
	uint8_t space[VIRTIO_MMIO_CONFIG_MAX] = { 0 };
	struct err err = ERR_INIT;
	bool changed = false;

	(void)events;
	if (vhost_frontend_take_requests(served->frontend, &changed) < 0)
		loop_remove(&served->requests);
	if (changed &&
	    vhost_frontend_read_config(served->frontend, 0, space, served->config_size, &err) == 0)
		device_set_config(&served->device, space, served->config_size);
}

static int watch_backend(struct served *served, struct err *err)
{
	int requests = vhost_frontend_requests(served->frontend);
	int r = loop_add(served->loop, &served->hangup, vhost_frontend_socket(served->frontend),
			 EPOLLIN | EPOLLRDHUP, backend_lost);

	if (r == 0 && requests >= 0)
		r = loop_add(served->loop, &served->requests, requests, EPOLLIN, backend_asks);
	if (r < 0)
		return err_set_errno(err, r, "cannot watch the backend of %s", served->kind->name);
	return 0;
}

static int init_device(struct served *served, struct err *err)
{
	const struct kind *kind = served->kind;
	uint8_t space[VIRTIO_MMIO_CONFIG_MAX] = { 0 };
	unsigned queues = vhost_frontend_queues(served->frontend);
	int r = read_config(served->frontend, kind, space, &served->config_size, err);
	struct virtio_mmio_config config = {
		.device_id = kind->device_id,
		.features = vhost_frontend_features(served->frontend) & features_known,
		.queues = min_of(queues > 0 ? queues : kind->queues,
				 (unsigned)VIRTIO_MMIO_QUEUES_MAX),
		.queue_size = QUEUE_SIZE,
		.config_size = served->config_size,
		.mem = &served->ram->map,
	};

	if (r == 0)
		r = device_init(&served->device, &served_impl, kind->name, &config, err);
	if (r == 0)
		memcpy(served->device.mmio.space, space, served->config_size);
	return r;
}

/* On success the socket is the frontend's. */
static int connect_backend(struct served *served, int socket, struct err *err)
{
	const struct vhost_frontend_config config = { .socket = socket,
						      .name = served->kind->name };

	return vhost_frontend_create(&config, &served->frontend, err);
}

int served_create(const struct served_config *config, struct device **ret, struct err *err)
{
	const struct kind *kind = &kinds[config->kind];
	struct served *served = calloc(1, sizeof(*served));
	int r;

	if (served == NULL)
		return err_set_errno(err, -ENOMEM, "no memory for %s", kind->name);
	*served = (struct served){ .kind = kind,
				   .loop = config->loop,
				   .ram = config->ram,
				   .lost = config->lost,
				   .ctx = config->ctx,
				   .inflight.fd = -1,
				   .hangup.fd = -1,
				   .requests.fd = -1 };
	r = connect_backend(served, config->socket, err);
	if (r < 0)
		goto free_served;
	served->resumes = vhost_frontend_tracks(served->frontend);
	r = init_device(served, err);
	if (r < 0)
		goto destroy_frontend;
	r = watch_backend(served, err);
	if (r < 0) {
		served_destroy(&served->device);
		return r;
	}
	*ret = &served->device;
	return 0;

destroy_frontend:
	vhost_frontend_destroy(served->frontend);
free_served:
	free(served);
	return r;
}

/* What the configuration space says may have changed while nobody could tell us. */
static int compare_config(struct served *served, struct err *err)
{
	uint8_t space[VIRTIO_MMIO_CONFIG_MAX] = { 0 };
	size_t size;
	int r = read_config(served->frontend, served->kind, space, &size, err);

	if (r == 0 && memcmp(space, served->device.mmio.space, size) != 0)
		device_set_config(&served->device, space, size);
	return r;
}

/* The new backend may not know what the old one has not signalled: the driver looks itself. */
static int go_on(struct served *served, struct err *err)
{
	int r = vhost_frontend_tracks(served->frontend)
			? 0
			: err_set(err, -ENOTSUP, "the new backend of %s cannot go on",
				  served->device.name);

	if (r == 0 && served->device.running)
		r = begin(served, err);
	if (r == 0)
		r = compare_config(served, err);
	if (r == 0)
		r = watch_backend(served, err);
	if (r == 0)
		device_interrupt(&served->device);
	return r;
}

int served_replace(struct device *device, int socket, struct err *err)
{
	struct served *served = served_of(device);
	int r = 0;

	if (!served->resumes)
		r = err_set(err, -ENOTSUP, "what the backend of %s knew ended with it",
			    device->name);
	if (r == 0) {
		let_go(served);
		r = connect_backend(served, socket, err);
	}
	if (r < 0) {
		(void)close(socket);
		return r;
	}
	r = go_on(served, err);
	if (r < 0) {
		await_another(served);
		return r;
	}
	loop_disarm(&served->patience);
	log_info("another backend serves %s", device->name);
	return 0;
}
