/*
 * Detached execs: what they print is kept in the guest, each in a folder of
 * its own named by its id:
 *
 *	item		a GUEST_ITEM frame: id, command line, start, and how it ended
 *	process		"PID START" of the command, see base/process.h
 *	output.N	frames DATA and DATA_ERR as they came, N counting up
 *
 * A full segment begins the next one, and only the last two are kept: the
 * newest KEEP_SEGMENT_MAX to twice that many bytes survive. While its keeper
 * lives, the folder is locked (flock); an item without an end in an unlocked
 * folder was cut off with the machine.
 */
#ifndef SBX_INIT_KEEP_H
#define SBX_INIT_KEEP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct guest_message;
struct keep;

enum {
	KEEP_SEGMENT_MAX = 8 << 20, /* bytes */
	KEEP_EXECS_MAX = 64,	    /* folders; the oldest that ended makes room */
	KEEP_NAME_MAX = 64,	    /* bytes of an id */
};

/* Makes the folder for an EXEC request; its NAME or, without one, the next number is the id. */
int keep_create(const char *folder, const struct guest_message *request, struct err *err,
		struct keep **ret);
void keep_destroy(struct keep *keep);

const char *keep_name(const struct keep *keep);

/* The command runs: writes down which process it is. */
int keep_started(struct keep *keep, pid_t pid, struct err *err);

/* Adds output. What the disk does not take is lost; the command goes on. */
void keep_output(struct keep *keep, uint16_t type, const uint8_t *bytes, size_t len);

/* The command ended with this EXIT message. */
void keep_end(struct keep *keep, const struct guest_message *exit);

/* Removes the folder, because the command never ran. */
void keep_forget(struct keep *keep);

#endif
