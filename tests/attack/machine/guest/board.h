/*
 * The board below the hostile guest, without any operating system: its console,
 * ports, registers, command line and second processor. Nothing is set up beyond
 * what is said here; a fault ends the machine.
 */
#ifndef TESTS_ATTACK_MACHINE_BOARD_H
#define TESTS_ATTACK_MACHINE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest-physical; below 4 GiB they are addresses, too. The rest of memory is behind 4 GiB. */
#define BOARD_RAM_END 0xc0000000ull
#define BOARD_RAM_ABOVE 0x100000000ull
#define BOARD_RAM_ABOVE_SIZE (64ull << 20)
#define BOARD_HOLE 0xc8000000ull
#define BOARD_IOAPIC 0xfec00000ull
#define BOARD_LAPIC 0xfee00000ull

enum { PORT_SERIAL = 0x3f8, PORT_RESET = 0x64, RESET = 0xfe };

/* The guest, in main.c. */
void guest_main(void);

/* ---- memory */

static inline void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

void write16(uint64_t address, uint16_t value);
uint16_t read16(uint64_t address);
void write32(uint64_t address, uint32_t value);
uint32_t read32(uint64_t address);

/* One access of 1, 2, 4 or 8 bytes. */
void write_wide(uint64_t address, unsigned width, uint64_t value);
uint64_t read_wide(uint64_t address, unsigned width);

void *memcpy(void *to, const void *from, size_t len);

/* Zeroes; len in bytes, a multiple of 8. */
void clear(uint64_t address, uint64_t len);

/* ---- ports */

void port_write(uint16_t port, unsigned width, uint32_t value);
uint32_t port_read(uint16_t port, unsigned width);

/* String instructions: `count` items from or to memory at once. */
void port_write_string(uint16_t port, unsigned width, const void *from, uint64_t count);
void port_read_string(uint16_t port, unsigned width, void *to, uint64_t count);

/* ---- talking to the test; see ../test_machine.c */

void say(const char *text);
void say_number(uint64_t value);

/* The number of the word NAME=NUMBER on the command line. */
uint64_t option(const char *name, uint64_t otherwise);

/* ---- processors */

static inline void relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline uint64_t cycles(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* The next of a sequence that is the same in each run; both processors may ask. */
uint32_t random_next(void);

/* Halts until line 5 + slot is raised, for each slot of the mask. */
void lines_enable(unsigned slots);
void wait_for_line(void);

/* Has the second processor repeat fn(ctx) until second_stop(). Starts it when it does not run. */
void second_start(void (*fn)(void *ctx), void *ctx);
void second_stop(void);

_Noreturn void end_machine(void);
_Noreturn void triple_fault(void);

#endif
