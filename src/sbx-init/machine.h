/*
 * What the agent may do to the machine it runs in, as a table, so that the
 * agent is tested as an ordinary process with a machine of its own. Every
 * function is mandatory, returns 0 or -errno with a sentence, and is called in a
 * process of its own: what it keeps in memory is gone afterwards.
 */
#ifndef SBX_INIT_MACHINE_H
#define SBX_INIT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct guest_message;

struct machine {
	/* SETUP and CLOCK: what the message names, nothing else. */
	int (*setup)(const struct guest_message *request, struct err *err);
	int (*mount)(const struct guest_message *request, struct err *err);
	int (*mount_fast)(const struct guest_message *request, struct err *err);
	int (*unmount)(const struct guest_message *request, struct err *err);
	int (*trim)(uint64_t *ret_bytes, struct err *err);
	int (*grow)(struct err *err);
	/* A descriptor of a layer's folder: 1 is the lowest, 0 the sandbox's own. */
	int (*open_layer)(uint32_t number, struct err *err);
};

/* Where the agent finds and keeps things; all absolute paths, weak. */
struct places {
	const char *run;    /* forgotten at power-off, root only */
	const char *keep;   /* of detached execs, survives */
	const char *passwd; /* the guest's users and groups */
	const char *group;
};

#endif
