/*
 * Prints how fast this host's time stamp counter runs, in kHz. The testbed's
 * host sees the same counter under QEMU and cannot measure it there.
 */
#include <inttypes.h>
#include <stdio.h>

#include "engine/tsc.h"

int main(void)
{
	printf("%" PRIu32 "\n", tsc_measure_khz());
	return 0;
}
