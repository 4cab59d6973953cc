/* The rest of the board: ports, the console, addresses of nobody, and ends that a guest can make.
 */
#include "tests/attack/machine/guest/attack.h"
#include "tests/attack/machine/guest/board.h"
#include "tests/attack/machine/guest/driver.h"

#define countof(array) (sizeof(array) / sizeof((array)[0]))

enum {
	PORT_RESET_CONTROL = 0xcf9,
	PORTS = 0x10000,
	FLOOD_BYTES = 16 << 10,
	DEVICES_END = 0x13000, /* behind the last slot */
};

static const unsigned widths[] = { 1, 2, 4 };

/* But the two whose value ends the machine, and those that a wide access reaches them from. */
static bool is_harmless(uint32_t port)
{
	return !(port >= PORT_RESET - 3 && port <= PORT_RESET) &&
	       !(port >= PORT_RESET_CONTROL - 3 && port <= PORT_RESET_CONTROL) &&
	       !(port >= PORT_SERIAL - 3 && port < PORT_SERIAL + 8);
}

static void ports_of_nobody(struct driver *driver, unsigned queue)
{
	(void)driver;
	(void)queue;
	for (uint32_t port = 0; port < PORTS; port += 1 + random_next() % 61)
		for (size_t i = 0; i < countof(widths); i++) {
			(void)port_read((uint16_t)port, widths[i]);
			if (is_harmless(port))
				port_write((uint16_t)port, widths[i], random_next());
		}
}

static void strings_to_and_from_ports(struct driver *driver, unsigned queue)
{
	void *bytes = at(DRIVER_SCRATCH);

	(void)driver;
	(void)queue;
	for (size_t i = 0; i < countof(widths); i++) {
		port_read_string(PORT_SERIAL + 5, widths[i], bytes, 3000);
		port_read_string(0x80, widths[i], bytes, 3000);
		port_write_string(0x80, widths[i], bytes, 3000);
		port_write_string(PORT_SERIAL + 7, widths[i], bytes, 3000);
	}
}

/* All bits of all registers of the console, then as it was. */
static void registers_of_the_console(struct driver *driver, unsigned queue)
{
	(void)driver;
	(void)queue;
	for (unsigned i = 0; i < 2000; i++) {
		port_write((uint16_t)(PORT_SERIAL + 1 + random_next() % 7), 1, random_next());
		(void)port_read((uint16_t)(PORT_SERIAL + random_next() % 8), 1);
	}
	for (uint16_t reg = 1; reg < 8; reg++)
		port_write((uint16_t)(PORT_SERIAL + reg), 1, 0);
}

/* No line ends in it, but the last. */
static void a_flood_on_the_console(struct driver *driver, unsigned queue)
{
	(void)driver;
	(void)queue;
	for (unsigned i = 0; i < FLOOD_BYTES; i++)
		port_write(PORT_SERIAL, 1, i % 26 == 10 ? 0x1b : 0x80 + i % 128);
	port_write(PORT_SERIAL, 1, '\n');
}

static void addresses_of_nobody(struct driver *driver, unsigned queue)
{
	const uint64_t places[] = { BOARD_RAM_END, BOARD_HOLE, 0xd0000000 + DEVICES_END,
				    0xe0000000,	   0xfec00800, 0xfed00000,
				    0xfffff000,	   0xfffffff8 };

	(void)driver;
	(void)queue;
	for (size_t i = 0; i < countof(places); i++)
		for (unsigned width = 1; width <= 8; width *= 2) {
			write_wide(places[i], width, ~0ull);
			(void)read_wide(places[i], width);
		}
}

/* The machine's own tables, code and stack, by a device that writes or takes what it is told. */
static void give_away(struct driver *driver, unsigned queue, uint64_t address, uint32_t len)
{
	driver_put(driver, queue, 0, (struct raw){ address, len, VRING_DESC_F_WRITE, 0 });
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
	let_it_see(driver, queue);
}

static void entropy_over_everything(struct driver *driver, unsigned queue)
{
	struct driver entropy;

	(void)queue;
	for (unsigned slot = 0; slot < 4; slot++)
		if (driver_find(slot, &entropy) && entropy.id == 4 && driver_restart(&entropy))
			for (uint32_t page = 0; page < 0x100; page++)
				give_away(&entropy, 0, page << 12, 4096);
	(void)driver;
	triple_fault();
}

static void all_memory_is_free(struct driver *driver, unsigned queue)
{
	struct driver balloon;

	(void)queue;
	for (unsigned slot = 0; slot < 4; slot++)
		if (driver_find(slot, &balloon) && balloon.id == 5 && driver_restart(&balloon))
			give_away(&balloon, 2, 0, DRIVER_SCRATCH);
	(void)driver;
	triple_fault();
}

static void a_reset_by_a_wide_write(struct driver *driver, unsigned queue)
{
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
	port_write(PORT_RESET, 4, RESET);
}

static void a_reset_by_the_other_port(struct driver *driver, unsigned queue)
{
	(void)driver;
	(void)queue;
	port_write(PORT_RESET_CONTROL, 1, 6);
}

static void fault_thrice(struct driver *driver, unsigned queue)
{
	driver_offer(driver, queue, 0);
	driver_kick(driver, queue);
	triple_fault();
}

static void run_in_registers(struct driver *driver, unsigned queue)
{
	(void)queue;
	((void (*)(void))(uintptr_t)driver->base)();
}

static void reset_by_port(void *ctx)
{
	(void)ctx;
	port_write(PORT_RESET, 1, RESET);
}

static void one_ends_what_the_other_uses(struct driver *driver, unsigned queue)
{
	second_start(reset_by_port, NULL);
	for (;;) {
		(void)driver_restart(driver);
		driver_offer(driver, queue, 0);
		driver_kick(driver, queue);
	}
}

const struct attack board_attacks[] = {
	{ "V07", "ports of nobody", ports_of_nobody, UNTOLD },
	{ "V07", "strings to and from ports", strings_to_and_from_ports, UNTOLD },
	{ "V07", "addresses of nobody", addresses_of_nobody, UNTOLD },
	{ "V11", "all registers of the console", registers_of_the_console, UNTOLD },
	{ "V11", "a flood on the console", a_flood_on_the_console, UNTOLD },
	{ "V07", "a triple fault", fault_thrice, UNTOLD },
	{ "V07", "code in registers", run_in_registers, UNTOLD },
	{ "V07", "a reset by a wide write", a_reset_by_a_wide_write, UNTOLD },
	{ "V07", "a reset by the other port", a_reset_by_the_other_port, UNTOLD },
	{ "V07", "one ends what the other uses", one_ends_what_the_other_uses, UNTOLD },
	{ "V12", "entropy over the guest itself", entropy_over_everything, UNTOLD },
	{ "V12", "all memory is reported free", all_memory_is_free, UNTOLD },
};

const size_t board_attacks_count = countof(board_attacks);
