/* What a guest may say to one kind of device, in queues that are as they should be. */
#ifndef TESTS_ATTACK_DEVICES_LIARS_H
#define TESTS_ATTACK_DEVICES_LIARS_H

#include <stdbool.h>
#include <stddef.h>

struct victim;

struct lie {
	const char *id;
	const char *name;
	/* False: the device did what it must not; said in a line of its own. */
	bool (*run)(struct victim *victim);
};

extern const struct lie lies_blk[], lies_fs[], lies_vsock[], lies_net[];
extern const size_t lies_blk_count, lies_fs_count, lies_vsock_count, lies_net_count;

#endif
