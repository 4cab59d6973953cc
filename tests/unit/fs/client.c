#include "tests/unit/fs/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

enum { PLENTY = 1000 };

static bool can_notify(void *host)
{
	const struct client *client = host;

	return client->takes_notes;
}

static int notify(void *host, const void *bytes, size_t len)
{
	struct client *client = host;
	struct fuse_out_header head;

	if (client->buffers == 0)
		return -EAGAIN;
	client->buffers--;
	memcpy(&head, bytes, sizeof(head));
	assert(head.len == len && head.unique == 0);
	if (client->notes < CLIENT_NOTES) {
		client->note[client->notes].code = head.error;
		client->note[client->notes].len = len - sizeof(head);
		memcpy(client->note[client->notes].bytes, (const char *)bytes + sizeof(head),
		       len - sizeof(head));
		client->notes++;
	}
	return 0;
}

static void answer(void *host, uint64_t token, const void *bytes, size_t len)
{
	struct client *client = host;
	struct fuse_out_header head;

	assert(len == sizeof(head));
	memcpy(&head, bytes, sizeof(head));
	client->answered = token;
	client->answer_error = head.error;
}

static const struct fs_host_impl impl = {
	.can_notify = can_notify,
	.notify = notify,
	.answer = answer,
};

static void start_session(struct client *client)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 38,
		.max_readahead = 1 << 20,
		.flags = ~0U,
	};

	assert(client_call(client, FUSE_INIT, 0, &in, sizeof(in), NULL, 0) == 0);
	client->root = client_lookup(client, FUSE_ROOT_ID, "m");
	assert(client->root != 0);
}

void client_init_limited(struct client *client, bool takes_notes, uint32_t nodes, uint32_t folders,
			 uint32_t handles)
{
	struct fs_config config = {
		.impl = &impl,
		.host = client,
		.uid = 1000,
		.gid = 1000,
		.max_nodes = nodes != 0 ? nodes : PLENTY,
		.max_folders = folders != 0 ? folders : PLENTY,
		.max_handles = handles != 0 ? handles : PLENTY,
	};

	memset(client, 0, sizeof(*client));
	(void)umask(0);
	client->takes_notes = takes_notes;
	client->buffers = UINT32_MAX;
	(void)snprintf(client->path, sizeof(client->path), "%s", "/tmp/sbx-fs-XXXXXX");
	assert(mkdtemp(client->path) != NULL);
	client->folder = open(client->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	client->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	config.proc_fd = client->proc_fd;
	assert(client->folder >= 0 && client->proc_fd >= 0);
	assert(fs_create(&config, &client->fs) == 0);
	assert(fs_mount(client->fs, "m", fcntl(client->folder, F_DUPFD_CLOEXEC, 0), false) == 0);
	start_session(client);
}

void client_init(struct client *client, bool takes_notes)
{
	client_init_limited(client, takes_notes, 0, 0, 0);
}

void client_finish(struct client *client)
{
	fs_destroy(client->fs);
	(void)close(client->folder);
	(void)close(client->proc_fd);
	(void)file_remove_tree(AT_FDCWD, client->path);
}

int client_call(struct client *client, uint32_t opcode, uint64_t node, const void *arg,
		size_t arg_len, const void *more, size_t more_len)
{
	static uint64_t unique;
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + arg_len + more_len),
		.opcode = opcode,
		.unique = unique += 2,
		.nodeid = node,
	};
	struct iovec from[] = {
		{ &in, sizeof(in) },
		{ (void *)(uintptr_t)arg, arg_len },
		{ (void *)(uintptr_t)more, more_len },
	};
	struct iovec to[] = {
		{ &client->head, sizeof(client->head) },
		{ client->body, sizeof(client->body) },
	};

	client->served = fs_serve(client->fs, from, 3, to, 2, unique);
	if (client->served <= 0)
		return (int)client->served;
	assert(client->head.unique == unique);
	assert(client->head.len == (size_t)client->served);
	client->body_len = client->head.len - sizeof(client->head);
	return client->head.error;
}

int client_name(struct client *client, uint32_t opcode, uint64_t node, const void *arg,
		size_t arg_len, const char *name)
{
	return client_call(client, opcode, node, arg, arg_len, name, strlen(name) + 1);
}

const struct fuse_entry_out *client_entry(const struct client *client)
{
	return (const void *)client->body;
}

uint64_t client_lookup(struct client *client, uint64_t folder, const char *name)
{
	int r = client_name(client, FUSE_LOOKUP, folder, NULL, 0, name);

	return r == 0 ? client_entry(client)->nodeid : 0;
}

int client_getattr(struct client *client, uint64_t node, struct fuse_attr *ret)
{
	struct fuse_getattr_in in = { 0 };
	int r = client_call(client, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0);

	if (r == 0)
		*ret = ((const struct fuse_attr_out *)(const void *)client->body)->attr;
	return r;
}

int client_open(struct client *client, uint64_t node, uint32_t flags, uint64_t *ret_fh)
{
	struct fuse_open_in in = { .flags = flags };
	int r = client_call(client, FUSE_OPEN, node, &in, sizeof(in), NULL, 0);

	if (r == 0)
		*ret_fh = ((const struct fuse_open_out *)(const void *)client->body)->fh;
	return r;
}

int client_create(struct client *client, uint64_t folder, const char *name, uint32_t flags,
		  uint32_t mode, uint64_t *ret_node, uint64_t *ret_fh)
{
	struct fuse_create_in in = { .flags = flags, .mode = S_IFREG | mode, .umask = 022 };
	int r = client_name(client, FUSE_CREATE, folder, &in, sizeof(in), name);

	if (r == 0) {
		*ret_node = client_entry(client)->nodeid;
		*ret_fh = ((const struct fuse_open_out *)(const void *)(client_entry(client) + 1))
				  ->fh;
	}
	return r;
}

int client_release(struct client *client, uint64_t node, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	return client_call(client, FUSE_RELEASE, node, &in, sizeof(in), NULL, 0);
}

int client_read(struct client *client, uint64_t node, uint64_t fh, uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };

	return client_call(client, FUSE_READ, node, &in, sizeof(in), NULL, 0);
}

int client_write(struct client *client, uint64_t node, uint64_t fh, uint64_t offset,
		 const void *bytes, uint32_t size)
{
	struct fuse_write_in in = { .fh = fh, .offset = offset, .size = size };

	return client_call(client, FUSE_WRITE, node, &in, sizeof(in), bytes, size);
}

int client_rename(struct client *client, uint64_t from, const char *from_name, uint64_t to,
		  const char *to_name, uint32_t flags)
{
	struct fuse_rename2_in in = { .newdir = to, .flags = flags };
	char names[1024];
	size_t first = strlen(from_name) + 1, second = strlen(to_name) + 1;

	assert(first + second <= sizeof(names));
	memcpy(names, from_name, first);
	memcpy(names + first, to_name, second);
	return client_call(client, FUSE_RENAME2, from, &in, sizeof(in), names, first + second);
}

void client_forget(struct client *client, uint64_t node, uint64_t count)
{
	struct fuse_forget_in in = { .nlookup = count };

	assert(client_call(client, FUSE_FORGET, node, &in, sizeof(in), NULL, 0) == 0);
}

void client_host_file(struct client *client, const char *name, const char *content)
{
	int fd = openat(client->folder, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	assert(fd >= 0);
	assert(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	assert(close(fd) == 0);
}

void client_as_host(struct client *client, void (*act)(struct client *client))
{
	pid_t child = fork();
	int status;

	assert(child >= 0);
	if (child == 0) {
		act(client);
		_exit(0);
	}
	assert(waitpid(child, &status, 0) == child && status == 0);
}

void client_watch(struct client *client)
{
	client->notes = 0;
	(void)fs_watch_run(client->fs);
}

bool client_was_told(const struct client *client, int code, uint64_t node, const char *name)
{
	size_t head = code == FUSE_NOTIFY_INVAL_ENTRY ? sizeof(struct fuse_notify_inval_entry_out)
		      : code == FUSE_NOTIFY_DELETE    ? sizeof(struct fuse_notify_delete_out)
						      : 32;

	for (size_t i = 0; i < client->notes; i++) {
		uint64_t id;

		memcpy(&id, client->note[i].bytes, sizeof(id));
		if (client->note[i].code != code || id != node)
			continue;
		if (name == NULL || strcmp((const char *)client->note[i].bytes + head, name) == 0)
			return true;
	}
	return false;
}
