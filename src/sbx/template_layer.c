#include "sbx/template_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "sbx/client.h"
#include "sbx/sandbox.h"
#include "sbx/transfer.h"
#include "wire/guest.h"

int template_layer_file(struct client *client, int *ret_fd, struct err *err)
{
	autofree char *folder = NULL;
	json_t *info;
	int n, fd, r = client_call(client, "GET", "/daemon/info", NULL, &info, err);

	if (r < 0)
		return r;
	n = asprintf(&folder, "%s/templates/staging", sandbox_text(info, "state_dir"));
	json_decref(info);
	if (n < 0)
		return err_set(err, -ENOMEM, "out of memory");
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, -errno, "cannot make a file in '%s'", folder);
	*ret_fd = fd;
	return 0;
}

static int receive_all(struct transfer *transfer, int fd, struct err *err)
{
	for (;;) {
		const uint8_t *bytes;
		size_t len;
		int r = transfer_receive(transfer, &bytes, &len, err);

		if (r <= 0)
			return r;
		r = fd_write_full(fd, bytes, len);
		if (r < 0)
			return err_set_errno(err, r, "cannot keep the layer");
	}
}

int template_layer_pull(struct client *client, const char *name, uint32_t number, int *ret_fd,
			struct err *err)
{
	const struct guest_message request = { .type = GUEST_LAYER, .count = number };
	autoclose int fd = -1, socket = -1;
	struct transfer transfer;
	int r = template_layer_file(client, &fd, err);

	if (r == 0)
		r = client_attach(client, name, &socket, err);
	if (r < 0)
		return r;
	r = transfer_begin(&transfer, socket, client->progress, &request, err);
	if (r == 0)
		r = receive_all(&transfer, fd, err);
	transfer_finish(&transfer);
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

void template_layer_path(int fd, char ret[TEMPLATE_PROC_SIZE])
{
	(void)snprintf(ret, TEMPLATE_PROC_SIZE, "/proc/%d/fd/%d", (int)getpid(), fd);
}
