/*
 * What sbxd gives to each device program beside its vhost-user socket, made of files in one
 * folder; and in it a thing that nobody may touch.
 */
#ifndef TESTS_ATTACK_DEVICES_BACKEND_H
#define TESTS_ATTACK_DEVICES_BACKEND_H

#include <stdbool.h>

enum { BACKEND_WORDS = 8, BACKEND_FDS = 8 };

struct backend {
	const char *name;
	bool network; /* it speaks to the outside */
	/*
	 * Fills words, and descriptors from 3 on but the vhost-user socket, which are the caller's;
	 * how many of these, or -errno.
	 */
	int (*prepare)(const char *folder, char *words[BACKEND_WORDS], int fds[BACKEND_FDS]);
};

extern const struct backend backend_blk, backend_fs, backend_vsock, backend_net;

#endif
