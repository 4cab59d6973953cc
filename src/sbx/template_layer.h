/*
 * Layers of a running sandbox's root, brought here as archives (LAYER of
 * wire/guest.h), in files without a name: nothing is left of them when this
 * process ends, however it ends.
 */
#ifndef SBX_TEMPLATE_LAYER_H
#define SBX_TEMPLATE_LAYER_H

#include <stdint.h>

struct client;
struct err;

enum { TEMPLATE_PROC_SIZE = 64 };

/* An empty file without a name, beside the store; owned by the caller. */
int template_layer_file(struct client *client, int *ret_fd, struct err *err);

/*
 * Layer `number` of sandbox `name`, 1 the lowest, 0 its own; *ret_fd is a file of
 * template_layer_file(), owned by the caller.
 */
int template_layer_pull(struct client *client, const char *name, uint32_t number, int *ret_fd,
			struct err *err);

/* The path by which the daemon opens such a file while this process holds it. */
void template_layer_path(int fd, char ret[TEMPLATE_PROC_SIZE]);

#endif
