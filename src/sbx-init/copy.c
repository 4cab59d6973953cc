/*
 * PUSH and PULL: tar streams into and out of the guest. The session becomes
 * the user for good before it touches a path, so that the kernel decides
 * what may be read and written and who owns what is made; hence the
 * connection ends with the copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbx-init/machine.h"
#include "sbx-init/session.h"
#include "sbx-init/user.h"
#include "tar/pack.h"
#include "tar/unpack.h"
#include "wire/guest.h"

static const char default_user[] = "agent";

/* The disk is the real limit; these keep numbers sane. */
static const struct tar_limits push_limits = { .bytes_max = 1ULL << 42, .entries_max = 10000000 };

static int become(const struct session *session, const struct guest_message *request,
		  struct err *err)
{
	const char *spec = request->user == NULL ? default_user : request->user;
	struct user user;
	int r;

	if ((request->flags & GUEST_FLAG_PRIVILEGED) != 0)
		spec = "0";
	r = user_find(session->places, spec, err, &user);
	if (r < 0)
		return r;
	r = user_become(&user);
	if (r < 0)
		return err_set_errno(err, r, "cannot become the user '%s'", user.name);
	(void)umask(022);
	return 0;
}

/* A path cut into its folder and its last part; trailing slashes do not count. */
struct split {
	char *folder; /* owned */
	char *base;   /* owned; "." when the path is "/" or ends in "." or ".." */
};

static void split_finish(struct split *split)
{
	free(split->folder);
	free(split->base);
}

static int split_path(const char *path, struct err *err, struct split *ret)
{
	size_t end = path == NULL ? 0 : strlen(path), start;

	if (path == NULL || path[0] != '/')
		return err_set(err, -EINVAL, "'%.256s' is not an absolute path",
			       path == NULL ? "" : path);
	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	ret->folder = strndup(path, start == 0 ? end : start);
	ret->base = strndup(path + start, end - start);
	if (ret->folder == NULL || ret->base == NULL)
		return err_set_errno(err, -ENOMEM, "cannot copy '%.256s'", path);
	if (strcmp(ret->base, "") == 0 || strcmp(ret->base, ".") == 0 ||
	    strcmp(ret->base, "..") == 0) {
		free(ret->folder);
		free(ret->base);
		ret->folder = strndup(path, end);
		ret->base = strdup(".");
	}
	return ret->folder == NULL || ret->base == NULL
		       ? err_set_errno(err, -ENOMEM, "cannot copy '%.256s'", path)
		       : 0;
}

/* Feeds the archive from DATA frames until EOF; *ended when nothing more comes. */
static int receive(struct session *session, struct tar_unpack *unpack, bool *ended, struct err *err)
{
	for (;;) {
		struct frame frame;
		int r = stream_read(&session->stream, STREAM_NEVER, &frame);

		*ended = r <= 0 || frame.type == GUEST_EOF;
		if (r <= 0)
			return err_set_errno(err, r == 0 ? -EPIPE : r, "the host stopped sending");
		if (frame.type == GUEST_EOF)
			return tar_unpack_finish(unpack, err);
		if (frame.type != GUEST_DATA)
			return err_set(err, -EPROTO, "the host sent no data");
		r = tar_unpack_feed(unpack, frame.payload, frame.len, err);
		if (r < 0)
			return r;
	}
}

/* After a failure: the host reads our answer only when it has sent everything. */
static void swallow(struct session *session)
{
	struct frame frame;

	while (stream_read(&session->stream, STREAM_NEVER, &frame) == 1 && frame.type == GUEST_DATA)
		;
}

static int unpack_into(struct session *session, const char *folder, const char *top, bool *ended,
		       struct err *err)
{
	autoclose int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct tar_unpack_config config = { .root = root, .top = top, .limits = push_limits };
	struct tar_unpack *unpack;
	int r;

	if (root < 0)
		return err_set_errno(err, -errno, "cannot copy into '%.256s'", folder);
	r = tar_unpack_create(&config, &unpack);
	if (r < 0)
		return err_set_errno(err, r, "cannot copy into '%.256s'", folder);
	r = receive(session, unpack, ended, err);
	tar_unpack_destroy(unpack);
	return r;
}

static int push(struct session *session, const struct guest_message *request, bool *ended,
		struct err *err)
{
	autocall(split_finish) struct split target = { 0 };
	bool into = (request->flags & GUEST_FLAG_INTO) != 0;
	int r = split_path(request->target, err, &target);

	if (r == 0)
		r = become(session, request, err);
	if (r < 0)
		return r;
	if (into || strcmp(target.base, ".") == 0)
		return unpack_into(session, request->target, NULL, ended, err);
	return unpack_into(session, target.folder, target.base, ended, err);
}

int copy_push(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err)
{
	const struct guest_message ok = { .type = GUEST_OK };
	bool ended = false;
	int r = push(session, request, &ended, err);

	(void)answer;
	if (!ended)
		swallow(session);
	if (r < 0)
		return r;
	(void)session_send(session, &ok);
	return SESSION_END;
}

static int send_chunk(void *context, const void *bytes, size_t len, struct err *err)
{
	int r = session_send_data(context, GUEST_DATA, bytes, len);

	return r < 0 ? err_set_errno(err, r, "the host stopped reading") : 0;
}

int copy_pull(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err)
{
	autocall(split_finish) struct split source = { 0 };
	const struct guest_message eof = { .type = GUEST_EOF };
	struct tar_pack_config config = { .dir = -1 };
	autofree struct tar_writer *writer = malloc(sizeof(*writer));
	autoclose int dir = -1;
	int r = split_path(request->source, err, &source);

	(void)answer;
	if (r == 0)
		r = become(session, request, err);
	if (r < 0)
		return r;
	dir = open(source.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || writer == NULL)
		return err_set_errno(err, dir < 0 ? -errno : -ENOMEM, "cannot copy '%.256s'",
				     request->source);
	config.dir = dir;
	config.name = source.base;
	config.top = strcmp(source.base, ".") == 0 ? "" : source.base;
	config.follow_top = (request->flags & GUEST_FLAG_FOLLOW_LINKS) != 0;
	tar_writer_init(writer, send_chunk, session);
	r = tar_pack(&config, writer, err);
	if (r == 0)
		r = tar_writer_end(writer, err);
	if (r < 0)
		return r;
	(void)session_send(session, &eof);
	return SESSION_END;
}
