/*
 * LAYER: a layer of the root, streamed to the host as it comes; the connection ends
 * with it. The session is root here, as it must be to read what belongs to all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "sbx-init/layer.h"
#include "sbx-init/machine.h"
#include "sbx-init/session.h"
#include "wire/guest.h"

enum { MOUNTS_MAX = 1 << 20 };

static int send_chunk(void *context, const void *bytes, size_t len, struct err *err)
{
	int r = session_send_data(context, GUEST_DATA, bytes, len);

	return r < 0 ? err_set_errno(err, r, "the host stopped reading") : 0;
}

int export_layer(struct session *session, const struct guest_message *request,
		 struct guest_message *answer, struct err *err)
{
	const struct guest_message eof = { .type = GUEST_EOF };
	autocall(buf_finish) struct buf mounts = { 0 };
	autofree struct tar_writer *writer = malloc(sizeof(*writer));
	autoclose int root = session->machine->open_layer(request->count, err);
	struct layer_config config = { .root = root, .is_own = request->count == 0 };
	int r;

	(void)answer;
	if (root < 0)
		return root;
	buf_init(&mounts, MOUNTS_MAX);
	r = file_read(AT_FDCWD, "/proc/self/mountinfo", &mounts);
	config.mounts = buf_str(&mounts);
	if (r < 0 || writer == NULL || config.mounts == NULL)
		return err_set_errno(err, r < 0 ? r : -ENOMEM, "cannot read the layer");
	tar_writer_init(writer, send_chunk, session);
	r = layer_pack(&config, writer, err);
	if (r < 0)
		return r;
	(void)session_send(session, &eof);
	return SESSION_END;
}
