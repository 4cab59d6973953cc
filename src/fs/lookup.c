/*
 * Ids come and go: a lookup gives one out, a forget takes it back.
 */
#include <errno.h>

#include "fs/attr.h"
#include "fs/request.h"
#include "fs/serve.h"
#include "fs/session.h"

int serve_lookup(struct fs *fs, struct request *request)
{
	struct fuse_entry_out none = { 0 };
	request_name name;
	int r = request_file_name(request, name);

	if (r < 0)
		return r;
	r = attr_reply_lookup(fs, request, request->node, name);
	if (r != -ENOENT)
		return r;
	/* An entry without an id says for how long the name is known not to be. */
	none.entry_valid = attr_keep_name_s(fs, request->node);
	if (none.entry_valid == 0)
		return r;
	request->node->flags |= NODE_ABSENT;
	return request_put(request, &none, sizeof(none));
}

static void forget(struct fs *fs, uint64_t id, uint64_t count)
{
	struct node *node = node_at(fs, (uint32_t)id);

	/* Not node_of(): the dead are forgotten, too. */
	if (node != NULL && node->id == id)
		node_forget(fs, node, count);
}

int serve_forget(struct fs *fs, struct request *request)
{
	forget(fs, request->head.nodeid, request->arg.forget.nlookup);
	return REPLY_NONE;
}

int serve_batch_forget(struct fs *fs, struct request *request)
{
	struct fuse_forget_one one;

	for (uint32_t i = 0; i < request->arg.batch_forget.count; i++) {
		if (iov_read(&request->in, &one, sizeof(one)) < 0)
			break;
		forget(fs, one.nodeid, one.nlookup);
	}
	return REPLY_NONE;
}
