/*
 * The supervisor and sbx-fs: mounts that come and go while the sandbox runs.
 *
 * sbx-fs accepts connections on a listening socket made by sbxd in the
 * sandbox's private run folder; a supervisor that was restarted connects
 * again. Each request is one frame (wire/frame.h) of fields (wire/tlv.h) and is
 * answered in order by FS_OK, or by FS_ERROR with an errno and a sentence.
 * Anything malformed ends the connection.
 *
 * FS_MOUNT brings exactly one descriptor as SCM_RIGHTS on the first byte of
 * its frame: O_PATH or O_RDONLY, of a folder or a regular file. Send one
 * FS_MOUNT at a time and wait for the answer. NAME becomes an entry of the
 * shared device's root, which sbx-init then bind-mounts on its target.
 * FS_UNMOUNT: the entry vanishes and every file below it is dead to the guest,
 * open ones too.
 */
#ifndef WIRE_FS_H
#define WIRE_FS_H

#include <stdint.h>

#include "wire/frame.h"

struct buf;

enum fs_type {
	FS_MOUNT = 1,	/* NAME, FLAGS and a descriptor; EEXIST, ENOSPC, EINVAL */
	FS_UNMOUNT = 2, /* NAME; ENOENT */
	FS_OK = 32,
	FS_ERROR = 33, /* ERRNO, TEXT */
};

enum fs_tag {
	FS_TAG_NAME = 1,  /* string, see fs_name_is_valid() */
	FS_TAG_FLAGS = 2, /* u32, enum fs_flags */
	FS_TAG_ERRNO = 3, /* u32, positive, Linux numbers */
	FS_TAG_TEXT = 4,  /* string, a sentence */
};

enum fs_flags {
	FS_FLAG_READ_ONLY = 1 << 0,
};

enum { FS_NAME_MAX = 64, FS_TEXT_MAX = 1024 };

/* Absent strings are empty, absent numbers 0. */
struct fs_message {
	enum fs_type type;
	char name[FS_NAME_MAX + 1];
	char text[FS_TEXT_MAX + 1];
	uint32_t flags;
	uint32_t error;
};

/* 1 to FS_NAME_MAX of a-z A-Z 0-9 . _ - and no dot in front. */
int fs_name_is_valid(const char *name);

/* -EPROTO when malformed, a limit is passed, or the type is unknown. *ret is written on success. */
int fs_message_decode(const struct frame *frame, struct fs_message *ret);

/* Appends the message as a frame; -EMSGSIZE, or an error of buf_append(). */
int fs_message_append(struct buf *buf, const struct fs_message *message);

#endif
