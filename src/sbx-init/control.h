/*
 * What a session tells pid 1: over one SOCK_SEQPACKET pair whose far end all
 * sessions share, a message a packet. Sessions are our own forks, so this is
 * not an outside interface; it is still checked.
 */
#ifndef SBX_INIT_CONTROL_H
#define SBX_INIT_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

enum control_type {
	CONTROL_KEEP = 1,     /* I am a detached exec from now on; count me until I die */
	CONTROL_WATCH = 2,    /* take this connection and tell it how many there are */
	CONTROL_SHUTDOWN = 3, /* end the machine */
	CONTROL_REBOOT = 4,
};

struct control {
	enum control_type type;
	pid_t pid; /* of the sender */
	int fd;	   /* WATCH: owned by whoever received it; else -1 */
};

int control_pair(int *ret_read, int *ret_write);

/* Sends from this process; fd is borrowed, -1 for none. */
int control_send(int socket, enum control_type type, int fd);

/* 1, 0 when nothing is there, -errno. */
int control_receive(int socket, struct control *ret);

#endif
