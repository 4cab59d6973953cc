/*
 * The console: the transmitting half of a 16550 UART. It keeps the last lines
 * of what the guest's kernel said, for the day it panics, and sends all to a
 * reader when there is one. What a reader does not take in time is lost to it:
 * no vCPU waits for a reader.
 *
 * Any thread may come; there is a lock inside.
 */
#ifndef SBX_VMM_SERIAL_H
#define SBX_VMM_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hv_vm;

enum {
	SERIAL_PORT = 0x3f8,
	SERIAL_PORTS = 8,
	SERIAL_LINE = 4,    /* interrupt */
	SERIAL_KEPT = 2048, /* bytes of the past */
	SERIAL_LINE_MAX = 256,
};

struct serial {
	pthread_mutex_t lock;
	struct hv_vm *vm; /* weak */
	int output;	  /* weak socket of the reader; -1: none */
	uint8_t enable, line_control, modem_control, scratch;
	bool fifo;		    /* the guest may write 16 bytes for one interrupt */
	bool sent;		    /* the guest has not yet seen that its byte is gone */
	char line[SERIAL_LINE_MAX]; /* not yet passed on */
	size_t line_len;
	char kept[SERIAL_KEPT]; /* a ring */
	size_t kept_next;	/* bytes ever put into it */
};

void serial_init(struct serial *serial, struct hv_vm *vm);
void serial_finish(struct serial *serial);

/* A connected socket, the caller's; -1: nobody reads. Afterwards the old one is not used any more.
 */
void serial_set_output(struct serial *serial, int output);

uint8_t serial_read(struct serial *serial, unsigned reg);
void serial_write(struct serial *serial, unsigned reg, uint8_t value);

/*
 * The last lines, oldest first, as text of at most size bytes with the NUL;
 * what is not printable becomes '?'. True when the kernel said that it panics;
 * then the text begins there.
 */
bool serial_last_words(struct serial *serial, char *to, size_t size);

#endif
