/*
 * Talking to a running sbx-fs: mounts beyond those it was started with.
 */
#ifndef SBXD_SHARE_H
#define SBXD_SHARE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct mount;

enum { SHARE_NAME_SIZE = 8 };

/* The name a mount has in the shared device: its number. */
void share_name(size_t index, char ret[SHARE_NAME_SIZE]);

/* Gives sbx-fs the mount, opened by mount_open(); fd stays the caller's. socket: its control
 * socket. */
int share_add(const char *socket, const struct mount *mount, int fd, size_t index,
	      uint64_t deadline_ms, struct err *err);
int share_remove(const char *socket, size_t index, uint64_t deadline_ms, struct err *err);

#endif
