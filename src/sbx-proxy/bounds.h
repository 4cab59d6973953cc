/* What its jail lets sbx-proxy hold: the program sets these limits, tests/attack/jail finds them
 * set. */
#ifndef SBX_PROXY_BOUNDS_H
#define SBX_PROXY_BOUNDS_H

#include "sbx-proxy/proxy.h"

enum {
	PROXY_FDS_KEPT = 5,
	PROXY_FDS_BESIDE = 64, /* the loop, sbxd, descriptors on their way */
	PROXY_FILES_MAX = 2 * PROXY_FLOWS_MAX + PROXY_FDS_BESIDE,
	PROXY_LOCKED_MAX = 64 << 20, /* bytes; what the host grants of it */
};

#endif
