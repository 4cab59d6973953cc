/*
 * The frontend of vhost-user: what a VMM needs to have a device served by
 * another process. Kicks and calls are eventfds between guest and backend; the
 * frontend only describes memory and queues and reads the configuration space.
 *
 * Every call waits for its answer, at most timeout_ms. A backend that hangs,
 * lies or closes the socket fails that call with a sentence, and every later one
 * with the same code: nothing is retried on a connection that went wrong.
 *
 * Usual order: create, features, set_features (after the driver chose), set_memory,
 * start_queue for each; stop_queue for each when the driver resets the device.
 */
#ifndef VHOST_FRONTEND_H
#define VHOST_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost/message.h"

struct err;
struct vhost_frontend;

enum { VHOST_FRONTEND_TIMEOUT_MS = 5000 };

struct vhost_frontend_config {
	int socket;	  /* connected; the frontend's on success */
	const char *name; /* of the device, for sentences: "disk vda"; copied */
	int timeout_ms;	  /* 0: VHOST_FRONTEND_TIMEOUT_MS */
};

/* Memory that the backend shall map; fd stays the caller's. */
struct vhost_frontend_region {
	uint64_t gpa, size;
	int fd;
	uint64_t offset; /* in fd */
};

struct vhost_frontend_queue {
	uint16_t size;		    /* entries */
	uint16_t last_avail;	    /* where to go on; 0 for a fresh queue */
	uint64_t desc, avail, used; /* guest-physical */
	int kick, call;		    /* eventfds, stay the caller's; call -1: no interrupts */
};

/* Says hello and learns what the backend can do. */
int vhost_frontend_create(const struct vhost_frontend_config *config, struct vhost_frontend **ret,
			  struct err *err);
void vhost_frontend_destroy(struct vhost_frontend *frontend);

/* Virtio features that the backend offers. */
uint64_t vhost_frontend_features(const struct vhost_frontend *frontend);

/* Queues that the backend has; 0: it does not tell. */
unsigned vhost_frontend_queues(const struct vhost_frontend *frontend);

/* Whether it writes down what it has under way, so that another backend can go on with it. */
bool vhost_frontend_tracks(const struct vhost_frontend *frontend);

/* The socket: readable without a call under way, or hung up, means that the backend is gone. */
int vhost_frontend_socket(const struct vhost_frontend *frontend);

/* Tells what the driver accepted; -EINVAL when that was not offered. */
int vhost_frontend_set_features(struct vhost_frontend *frontend, uint64_t features,
				struct err *err);

/* Replaces the memory table; at most VHOST_MEMORY_MAX regions. */
int vhost_frontend_set_memory(struct vhost_frontend *frontend,
			      const struct vhost_frontend_region *regions, size_t count,
			      struct err *err);

int vhost_frontend_start_queue(struct vhost_frontend *frontend, unsigned index,
			       const struct vhost_frontend_queue *queue, struct err *err);

/* After it the backend touches the queue no more; *ret_last_avail is where to go on. */
int vhost_frontend_stop_queue(struct vhost_frontend *frontend, unsigned index,
			      uint16_t *ret_last_avail, struct err *err);

/* What a backend has under way, written down in memory that outlives it. */
struct vhost_frontend_inflight {
	int fd; /* owned by who asked for it */
	struct vhost_area area;
};

/*
 * Has the backend make such a memory for queues of at most queue_size entries;
 * -ENOTSUP: it does not write down what it does. Start no queue between the two
 * calls: what is in use is what was set last.
 */
int vhost_frontend_make_inflight(struct vhost_frontend *frontend, unsigned queues,
				 uint16_t queue_size, struct vhost_frontend_inflight *ret,
				 struct err *err);

/*
 * The backend shall use it. One that another backend was ended with is gone on
 * with: queues started afterwards go on where that one stood, whatever their last_avail.
 */
int vhost_frontend_set_inflight(struct vhost_frontend *frontend,
				const struct vhost_frontend_inflight *inflight, struct err *err);

/* Reads configuration space; -ENOTSUP when the backend has none, -EINVAL outside of it. */
int vhost_frontend_read_config(struct vhost_frontend *frontend, uint32_t offset, void *to,
			       size_t len, struct err *err);

/* Where the backend sends requests of its own; watch it for reading. -1: it has none. */
int vhost_frontend_requests(const struct vhost_frontend *frontend);

/*
 * Takes what waits there; *ret_changed: the configuration space reads differently
 * now. -EPIPE when the backend closed it.
 */
int vhost_frontend_take_requests(struct vhost_frontend *frontend, bool *ret_changed);

#endif
