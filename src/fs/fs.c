#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/session.h"

int fs_create(const struct fs_config *config, struct fs **ret)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	int r;

	if (fs == NULL)
		return -ENOMEM;
	fs->config = *config;
	watch_init(&fs->watch);
	handle_table_init(&fs->handles, config->max_handles);
	dir_table_init(&fs->dirs);
	r = node_table_init(&fs->nodes, config->max_nodes);
	if (r == 0)
		r = mount_init(fs);
	if (r < 0) {
		fs_destroy(fs);
		return r;
	}
	*ret = fs;
	return 0;
}

void fs_reset(struct fs *fs)
{
	lock_table_clear(&fs->locks);
	node_table_clear(fs);
	fs->notify.count = 0;
	fs->coherent = false;
}

void fs_destroy(struct fs *fs)
{
	if (fs == NULL)
		return;
	lock_table_clear(&fs->locks);
	node_table_finish(fs);
	handle_table_finish(&fs->handles);
	dir_table_finish(&fs->dirs);
	watch_finish(fs);
	mount_finish(fs);
	free(fs);
}
