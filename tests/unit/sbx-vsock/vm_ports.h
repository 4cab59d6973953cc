/* What vm_init.c serves in the guest. */
#ifndef TESTS_UNIT_SBX_VSOCK_VM_PORTS_H
#define TESTS_UNIT_SBX_VSOCK_VM_PORTS_H

enum {
	VM_PORT_FIRST = 1000,
	VM_PORT_ECHO = 1000,   /* everything back, until the end of it */
	VM_PORT_SINK = 1001,   /* reads to the end, answers the count as a u64 */
	VM_PORT_SOURCE = 1002, /* reads a u64 count, answers as many bytes */
	VM_PORT_BYTE = 1003,   /* one byte back, then closes */
	VM_PORT_LAST = 1003,
};

#endif
