/* What its jail lets sbx-vmm hold: the program sets these limits, tests/attack/jail finds them set.
 */
#ifndef SBX_VMM_BOUNDS_H
#define SBX_VMM_BOUNDS_H

enum {
	VMM_FILES_MAX = 512, /* 19 devices with up to 9 eventfds each, vCPUs, sockets */
};

#endif
