#include "sbx-vmm/bus.h"

#include <string.h>

#include "hv/hv.h"
#include "sbx-vmm/device.h"
#include "sbx-vmm/serial.h"

/*
 * What of a PC's ports is there. The keyboard controller's command port is how
 * Linux resets (reboot=k), and must read as ready. The clock chip reads as
 * zero: not being updated, or Linux waits a second for it.
 */
enum {
	KEYBOARD_COMMAND = 0x64,
	KEYBOARD_RESET = 0xfe,
	CLOCK_INDEX = 0x70,
	CLOCK_DATA = 0x71,
	RESET_CONTROL = 0xcf9,
	RESET_CPU = 1 << 2,
};

void bus_mmio(const struct bus *bus, const struct hv_access *access)
{
	uint64_t offset = access->address - LAYOUT_MMIO;
	uint64_t slot = offset / LAYOUT_MMIO_STRIDE;

	if (access->address >= LAYOUT_MMIO && slot < bus->devices)
		device_access(bus->device[slot], offset % LAYOUT_MMIO_STRIDE, access);
	else if (!access->write)
		memset(access->data, 0xff, (size_t)access->width * access->count);
}

static bool is_serial(uint64_t port)
{
	return port >= SERIAL_PORT && port < SERIAL_PORT + SERIAL_PORTS;
}

static uint8_t read_port(const struct bus *bus, uint64_t port)
{
	if (is_serial(port))
		return serial_read(bus->serial, (unsigned)(port - SERIAL_PORT));
	if (port == KEYBOARD_COMMAND || port == CLOCK_INDEX || port == CLOCK_DATA)
		return 0;
	return 0xff;
}

/* True: reset. */
static bool write_port(const struct bus *bus, uint64_t port, uint8_t value)
{
	if (is_serial(port))
		serial_write(bus->serial, (unsigned)(port - SERIAL_PORT), value);
	return (port == KEYBOARD_COMMAND && value == KEYBOARD_RESET) ||
	       (port == RESET_CONTROL && (value & RESET_CPU) != 0);
}

/* All devices at ports are a byte wide; of a wider item they see the first byte. */
bool bus_pio(const struct bus *bus, const struct hv_access *access)
{
	bool reset = false;

	for (uint32_t i = 0; i < access->count; i++) {
		uint8_t *item = access->data + (size_t)i * access->width;

		if (access->write) {
			reset |= write_port(bus, access->address, *item);
			continue;
		}
		memset(item, 0xff, access->width);
		*item = read_port(bus, access->address);
	}
	return reset;
}
