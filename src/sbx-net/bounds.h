/* What its jail lets sbx-net hold: the program sets these limits, tests/attack/jail finds them set.
 */
#ifndef SBX_NET_BOUNDS_H
#define SBX_NET_BOUNDS_H

#include "net/stack.h"

enum {
	NET_FDS_KEPT = 6,
	/* vhost-user's, lookups, datagrams, dials, and flows on their way to sbx-proxy */
	NET_FDS_BESIDE = 2600,
	NET_FILES_MAX = NET_FLOWS_MAX + NET_FDS_BESIDE,
};

#endif
