/*
 * A whole vhost-user session for tests: a backend with an echo device on its
 * own thread, guest memory shared by a memfd, a frontend and the driver's side
 * of its two queues on the caller's.
 */
#ifndef TESTS_UNIT_VHOST_SESSION_H
#define TESTS_UNIT_VHOST_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "tests/unit/virtio/driver_ring.h"
#include "vhost/frontend.h"
#include "vm/guestmem.h"

enum {
	SESSION_QUEUES = 2,
	SESSION_MEMORY = 1 << 20,
	SESSION_QUEUE_SIZE = 16,
	SESSION_DATA = 0x10000, /* guest-physical, free for buffers */
	SESSION_CONFIG_SIZE = 16,
};

/* The echo device: copies what is readable of a chain to what is writable. */
struct echo {
	struct loop *loop;
	struct vhost_backend *backend;
	atomic_uint served, started, stopped, broken, closed;
	atomic_uint room;  /* chains it still takes; UINT_MAX: any number */
	atomic_uint keeps; /* chains it takes and never gives back */
	atomic_bool dies;  /* when woken */
	const char *why;   /* of closed; read after session_stop() */
	void (*when_empty)(
		void); /* called once, on the device's thread, after a kick found nothing */
	int wake;      /* owned eventfd: gives the device room and has it resume queue 0 */
	struct loop_watch wake_watch;
};

struct session {
	pthread_t thread;
	struct echo echo;
	int socket; /* the frontend's end when there is no frontend (session_start_raw) */
	struct vhost_frontend *frontend;
	struct guestmem mem;
	int memory_fd;
	uint64_t features;
	struct vhost_frontend_inflight inflight; /* fd -1: chains are not written down */
	struct driver_ring ring[SESSION_QUEUES];
	int kick[SESSION_QUEUES], call[SESSION_QUEUES];
	struct err err;
};

/* Backend alone, its other end in session->socket. */
int session_start_raw(struct session *session);

/* Backend and frontend, memory set, features negotiated, both queues running. */
int session_start(struct session *session, bool event_idx);

/* Has the backend write down what it has under way. */
int session_track(struct session *session);

/* Ends the backend where it stands, and has another one go on. */
int session_replace(struct session *session);

/* Closes the frontend's end and joins the backend's thread. */
void session_stop(struct session *session);

/* Starts the queue of the driver ring as it stands, at last_avail. */
int session_start_queue(struct session *session, unsigned index, uint16_t last_avail);

/* Offers a chain that asks for an echo of `text`, kicks when wanted, without waiting. */
void session_offer(struct session *session, unsigned index, const char *text);

/* Waits for the next answer on the queue and compares it. False: none came in time, or other. */
bool session_answered(struct session *session, unsigned index, const char *text);

/* Waits until *counter is at least `least`; false when it takes too long. */
bool session_reached(const atomic_uint *counter, unsigned least);

#endif
