/*
 * Who answers at this address: what a vCPU's access to a device's page or to a
 * port means. Nobody there reads as all ones and takes writes silently, as on
 * a PC.
 */
#ifndef SBX_VMM_BUS_H
#define SBX_VMM_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include "boot/layout.h"

struct device;
struct hv_access;
struct serial;

struct bus {
	struct device *device[LAYOUT_DEVICES_MAX]; /* by slot; weak */
	size_t devices;
	struct serial *serial; /* weak */
};

void bus_mmio(const struct bus *bus, const struct hv_access *access);

/* True when the guest pulled the reset line. */
bool bus_pio(const struct bus *bus, const struct hv_access *access);

#endif
