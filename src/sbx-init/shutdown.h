/* The end of the machine. */
#ifndef SBX_INIT_SHUTDOWN_H
#define SBX_INIT_SHUTDOWN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Asks every process to end, kills those that do not within a few seconds,
 * writes the disks down and ends the machine. Only pid 1 may.
 */
_Noreturn void shutdown_machine(const int *disks, size_t disks_count, bool reboot);

#endif
