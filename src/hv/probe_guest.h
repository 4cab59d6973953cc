/*
 * The probe's guest (probe_guest.S): position-independent code, its memory
 * map, and what it tells through its port.
 */
#ifndef HV_PROBE_GUEST_H
#define HV_PROBE_GUEST_H

#define PROBE_RAM 0x10000
#define PROBE_TABLES 0x1000 /* of hv_flat_write() */
#define PROBE_CODE 0x8000
#define PROBE_IDT 0x9000   /* room for one page */
#define PROBE_XSAVE 0xa000 /* room for one page */
#define PROBE_STACK 0x10000
#define PROBE_PORT 0xe9
#define PROBE_LOOPS 20000

#define PROBE_ENTERED 1
#define PROBE_TRAPPED 2
#define PROBE_RESTORED 3
#define PROBE_LOOPED 4

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t probe_guest[], probe_guest_end[];
#endif

#endif
