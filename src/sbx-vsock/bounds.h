/* What its jail lets sbx-vsock hold: the program sets these limits, tests/attack/jail finds them
 * set. */
#ifndef SBX_VSOCK_BOUNDS_H
#define SBX_VSOCK_BOUNDS_H

#include "vsock/device.h"

enum {
	VSOCK_FDS_KEPT = 5,
	VSOCK_FDS_BESIDE = 128, /* vhost-user's, listeners, callers */
	VSOCK_FILES_MAX = VSOCK_CONNECTIONS_MAX + VSOCK_FDS_BESIDE,
};

#endif
