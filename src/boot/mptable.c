#include "boot/mptable.h"

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "boot/layout.h"

/* MultiProcessor Specification 1.4, chapter 4: sizes, entry types, flags. */
enum {
	POINTER_SIZE = 16,
	HEADER_SIZE = 44,
	CPU_SIZE = 20,
	ENTRY_SIZE = 8, /* of all but processors */
	REVISION = 4,

	ENTRY_CPU = 0,
	ENTRY_BUS = 1,
	ENTRY_IOAPIC = 2,
	ENTRY_INTERRUPT = 3,
	ENTRY_LOCAL_INTERRUPT = 4,

	CPU_ENABLED = 1,
	CPU_BOOT = 2,
	CPU_SIGNATURE = 0x600,
	CPU_FEATURES = 0x201, /* FPU and APIC */
	LAPIC_VERSION = 0x14,
	IOAPIC_VERSION = 0x11,
	IOAPIC_ENABLED = 1,
	INTERRUPT_NORMAL = 0,
	INTERRUPT_NMI = 1,
	INTERRUPT_EXTERNAL = 3, /* of the old interrupt controller */
	ISA_BUS = 0,
	EVERY_APIC = 0xff,
};

struct writer {
	uint8_t *base; /* the configuration table */
	size_t used;
	uint16_t entries;
};

static uint8_t *add_entry(struct writer *writer, uint8_t type, size_t size)
{
	uint8_t *entry = writer->base + writer->used;

	entry[0] = type;
	writer->used += size;
	writer->entries++;
	return entry;
}

static void add_cpus(struct writer *writer, unsigned cpus)
{
	for (unsigned i = 0; i < cpus; i++) {
		uint8_t *entry = add_entry(writer, ENTRY_CPU, CPU_SIZE);

		entry[1] = (uint8_t)i; /* APIC id */
		entry[2] = LAPIC_VERSION;
		entry[3] = i == 0 ? CPU_ENABLED | CPU_BOOT : CPU_ENABLED;
		le32_store(entry + 4, CPU_SIGNATURE);
		le32_store(entry + 8, CPU_FEATURES);
	}
}

static void add_interrupt(struct writer *writer, uint8_t type, uint8_t kind, uint8_t source,
			  uint8_t apic, uint8_t pin)
{
	uint8_t *entry = add_entry(writer, type, ENTRY_SIZE);

	entry[1] = kind; /* 2 and 3: polarity and trigger as the bus has them: high, edge */
	entry[4] = ISA_BUS;
	entry[5] = source;
	entry[6] = apic;
	entry[7] = pin;
}

static void add_lines(struct writer *writer, uint8_t ioapic)
{
	uint8_t *bus = add_entry(writer, ENTRY_BUS, ENTRY_SIZE);
	uint8_t *chip;

	bus[1] = ISA_BUS;
	memcpy(bus + 2, "ISA   ", 6);
	chip = add_entry(writer, ENTRY_IOAPIC, ENTRY_SIZE);
	chip[1] = ioapic;
	chip[2] = IOAPIC_VERSION;
	chip[3] = IOAPIC_ENABLED;
	le32_store(chip + 4, LAYOUT_IOAPIC);
	for (uint8_t line = 0; line < LAYOUT_IRQ_LINES; line++)
		add_interrupt(writer, ENTRY_INTERRUPT, INTERRUPT_NORMAL, line, ioapic, line);
	add_interrupt(writer, ENTRY_LOCAL_INTERRUPT, INTERRUPT_EXTERNAL, 0, 0, 0);
	add_interrupt(writer, ENTRY_LOCAL_INTERRUPT, INTERRUPT_NMI, 0, EVERY_APIC, 1);
}

/* The byte that makes all of them sum up to zero. */
static uint8_t checksum(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static void finish_header(struct writer *writer)
{
	uint8_t *header = writer->base;

	memcpy(header, "PCMP", 4);
	le16_store(header + 4, (uint16_t)writer->used);
	header[6] = REVISION;
	memcpy(header + 8, "SBX     ", 8);
	memcpy(header + 16, "MICROVM     ", 12);
	le16_store(header + 34, writer->entries);
	le32_store(header + 36, LAYOUT_LAPIC);
	header[7] = checksum(header, writer->used);
}

static void write_pointer(uint8_t *pointer)
{
	memcpy(pointer, "_MP_", 4);
	le32_store(pointer + 4, LAYOUT_MPTABLE + POINTER_SIZE);
	pointer[8] = POINTER_SIZE / 16;
	pointer[9] = REVISION;
	pointer[10] = checksum(pointer, POINTER_SIZE);
}

size_t mptable_write(void *host, unsigned cpus)
{
	struct writer writer = { .base = (uint8_t *)host + POINTER_SIZE, .used = HEADER_SIZE };

	memset(host, 0, MPTABLE_SIZE_MAX);
	add_cpus(&writer, cpus);
	add_lines(&writer, (uint8_t)cpus);
	finish_header(&writer);
	write_pointer(host);
	return POINTER_SIZE + writer.used;
}
