/*
 * A guest in memory: requests are built as Linux builds them, given to
 * fs_serve(), and the reply is taken apart. Each client has a folder of its
 * own on the host, shared as mount "m", and notes what it is notified of.
 */
#ifndef TESTS_UNIT_FS_CLIENT_H
#define TESTS_UNIT_FS_CLIENT_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/fs.h"

enum { CLIENT_BODY_MAX = 1 << 20, CLIENT_NOTES = 256 };

struct client {
	struct fs *fs;
	char path[64]; /* the shared folder on the host */
	int folder;    /* the same, open */
	int proc_fd;
	uint64_t root; /* node id of the mount */

	/* the last reply */
	struct fuse_out_header head;
	uint8_t body[CLIENT_BODY_MAX];
	size_t body_len;
	ssize_t served; /* what fs_serve() returned */

	/* notifications and late answers, as they came */
	bool takes_notes;
	unsigned buffers; /* notification buffers left */
	struct {
		int code;
		size_t len;
		uint8_t bytes[FS_NOTIFICATION_MAX];
	} note[CLIENT_NOTES];
	size_t notes;
	uint64_t answered; /* token of the last late answer */
	int32_t answer_error;
};

/* With notes the guest takes notifications, so it may keep what it learns. */
void client_init(struct client *client, bool takes_notes);
void client_finish(struct client *client);

/* The same with given limits; 0: plenty. */
void client_init_limited(struct client *client, bool takes_notes, uint32_t nodes, uint32_t folders,
			 uint32_t handles);

/* One request: arguments, then bytes that follow (a name with its NUL, data). 0 or -errno. */
int client_call(struct client *client, uint32_t opcode, uint64_t node, const void *arg,
		size_t arg_len, const void *more, size_t more_len);

int client_name(struct client *client, uint32_t opcode, uint64_t node, const void *arg,
		size_t arg_len, const char *name);

/* The node id of folder/name, 0 when there is none (client->head.error says why). */
uint64_t client_lookup(struct client *client, uint64_t folder, const char *name);

/* The entry of the last LOOKUP, CREATE, MKDIR, ... */
const struct fuse_entry_out *client_entry(const struct client *client);

int client_getattr(struct client *client, uint64_t node, struct fuse_attr *ret);
int client_open(struct client *client, uint64_t node, uint32_t flags, uint64_t *ret_fh);
int client_create(struct client *client, uint64_t folder, const char *name, uint32_t flags,
		  uint32_t mode, uint64_t *ret_node, uint64_t *ret_fh);
int client_release(struct client *client, uint64_t node, uint64_t fh);
/* Bytes read are in client->body. */
int client_read(struct client *client, uint64_t node, uint64_t fh, uint64_t offset, uint32_t size);
int client_write(struct client *client, uint64_t node, uint64_t fh, uint64_t offset,
		 const void *bytes, uint32_t size);
int client_rename(struct client *client, uint64_t from, const char *from_name, uint64_t to,
		  const char *to_name, uint32_t flags);
void client_forget(struct client *client, uint64_t node, uint64_t count);

/* On the host: makes a file in the shared folder. */
void client_host_file(struct client *client, const char *name, const char *content);

/* Runs `act` in another process, as the host's own programs would. */
void client_as_host(struct client *client, void (*act)(struct client *client));

/* Runs the watch until it is quiet. */
void client_watch(struct client *client);

/* Whether a notification of that code and node (INVAL_INODE: ino, else the folder) came; name may
 * be NULL. */
bool client_was_told(const struct client *client, int code, uint64_t node, const char *name);

#endif
