#include "tests/attack/machine/guest/board.h"

enum {
	CMDLINE_PTR = 0x228, /* in boot_params (Linux: Documentation/arch/x86/zero-page.rst) */

	APIC_SPURIOUS = 0xf0,
	APIC_LINT0 = 0x350,
	APIC_COMMAND_LOW = 0x300,
	APIC_COMMAND_HIGH = 0x310,
	APIC_ON = 0x1ff,
	APIC_MASKED = 0x10000,
	COMMAND_INIT = 0x4500,
	COMMAND_STARTUP = 0x4600,
	IOAPIC_DATA = 0x10,
	IOAPIC_REDIRECTION = 0x10,

	VECTOR = 0x40,
	IDT_GATES = VECTOR + 1,
	GATE_INTERRUPT = 0x8e00,
	CODE_SELECTOR = 0x10,
	LINE_FIRST = 5,
	SLOTS = 19,

	SECOND_PAGE = 0x10000,
	SECOND_ID = 1,
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct gate {
	uint16_t offset_low, selector, flags, offset_middle;
	uint32_t offset_high, zero;
};

static const char *cmdline;
static struct gate idt[IDT_GATES];

static struct {
	bool runs; /* the processor was started */
	void (*volatile fn)(void *ctx);
	void *volatile ctx;
	volatile bool busy;
} second;

extern const uint8_t second_begin[], second_end[], second_gdt[], second_cr3[];
void interrupted(void);
void board_begin(uint64_t boot_params);
void board_second(void);

/* ---- memory */

void write16(uint64_t address, uint16_t value)
{
	*(volatile uint16_t *)at(address) = value;
}

uint16_t read16(uint64_t address)
{
	return *(volatile uint16_t *)at(address);
}

void write32(uint64_t address, uint32_t value)
{
	*(volatile uint32_t *)at(address) = value;
}

uint32_t read32(uint64_t address)
{
	return *(volatile uint32_t *)at(address);
}

void write_wide(uint64_t address, unsigned width, uint64_t value)
{
	if (width == 1)
		*(volatile uint8_t *)at(address) = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)at(address) = (uint16_t)value;
	else if (width == 4)
		*(volatile uint32_t *)at(address) = (uint32_t)value;
	else
		*(volatile uint64_t *)at(address) = value;
}

uint64_t read_wide(uint64_t address, unsigned width)
{
	if (width == 1)
		return *(volatile uint8_t *)at(address);
	if (width == 2)
		return *(volatile uint16_t *)at(address);
	if (width == 4)
		return *(volatile uint32_t *)at(address);
	return *(volatile uint64_t *)at(address);
}

void clear(uint64_t address, uint64_t len)
{
	uint64_t words = len / 8;

	__asm__ volatile("rep stosq" : "+D"(address), "+c"(words) : "a"(0) : "memory");
}

/* What the compiler calls for copies of its own. */
void *memset(void *to, int byte, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile uint8_t *)to)[i] = (uint8_t)byte;
	return to;
}

/* ---- ports */

void port_write(uint16_t port, unsigned width, uint32_t value)
{
	if (width == 1)
		__asm__ volatile("outb %b0, %w1" ::"a"(value), "d"(port));
	else if (width == 2)
		__asm__ volatile("outw %w0, %w1" ::"a"(value), "d"(port));
	else
		__asm__ volatile("outl %0, %w1" ::"a"(value), "d"(port));
}

uint32_t port_read(uint16_t port, unsigned width)
{
	uint32_t value = 0;

	if (width == 1)
		__asm__ volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
	else if (width == 2)
		__asm__ volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
	else
		__asm__ volatile("inl %w1, %0" : "+a"(value) : "d"(port));
	return value;
}

void port_write_string(uint16_t port, unsigned width, const void *from, uint64_t count)
{
	if (width == 1)
		__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else if (width == 2)
		__asm__ volatile("rep outsw" : "+S"(from), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(port) : "memory");
}

void port_read_string(uint16_t port, unsigned width, void *to, uint64_t count)
{
	if (width == 1)
		__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else if (width == 2)
		__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(port) : "memory");
}

/* ---- talking */

void say(const char *text)
{
	for (; *text != '\0'; text++)
		port_write(PORT_SERIAL, 1, (uint8_t)*text);
}

void say_number(uint64_t value)
{
	char digits[24];
	size_t at_digit = sizeof(digits) - 1;

	digits[at_digit] = '\0';
	do {
		digits[--at_digit] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	say(digits + at_digit);
}

static bool begins_with(const char *text, const char *word)
{
	while (*word != '\0')
		if (*text++ != *word++)
			return false;
	return true;
}

uint64_t option(const char *name, uint64_t otherwise)
{
	for (const char *word = cmdline; *word != '\0'; word++) {
		uint64_t value = 0;
		const char *digit;

		if (!begins_with(word, name))
			continue;
		for (digit = word; *digit != '='; digit++)
			;
		for (digit++; *digit >= '0' && *digit <= '9'; digit++)
			value = value * 10 + (uint64_t)(*digit - '0');
		return value;
	}
	return otherwise;
}

/* ---- processors */

uint32_t random_next(void)
{
	static volatile uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static void set_redirection(unsigned line, uint32_t low, uint32_t high)
{
	write32(BOARD_IOAPIC, IOAPIC_REDIRECTION + 2 * line + 1);
	write32(BOARD_IOAPIC + IOAPIC_DATA, high);
	write32(BOARD_IOAPIC, IOAPIC_REDIRECTION + 2 * line);
	write32(BOARD_IOAPIC + IOAPIC_DATA, low);
}

void lines_enable(unsigned slots)
{
	const uint64_t handler = (uint64_t)(uintptr_t)interrupted;
	const struct table_pointer pointer = { sizeof(idt) - 1, (uint64_t)(uintptr_t)idt };

	idt[VECTOR] = (struct gate){ .offset_low = (uint16_t)handler,
				     .selector = CODE_SELECTOR,
				     .flags = GATE_INTERRUPT,
				     .offset_middle = (uint16_t)(handler >> 16) };
	__asm__ volatile("lidt %0" ::"m"(pointer));
	write32(BOARD_LAPIC + APIC_SPURIOUS, APIC_ON);
	write32(BOARD_LAPIC + APIC_LINT0, APIC_MASKED);
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if ((slots & 1U << slot) != 0)
			set_redirection(LINE_FIRST + slot, VECTOR, 0);
}

/* No interrupt comes between STI and HLT: one that was raised before ends the halt. */
void wait_for_line(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
}

void board_second(void)
{
	for (;;) {
		void (*fn)(void *ctx) = second.fn;

		second.busy = fn != NULL;
		if (fn != NULL)
			fn(second.ctx);
		else
			relax();
	}
}

static void start_processor(void)
{
	const uint64_t page = SECOND_PAGE;
	struct table_pointer gdt;
	uint64_t cr3;

	memcpy(at(page), second_begin, (size_t)(second_end - second_begin));
	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	write16(page + (uint64_t)(second_gdt - second_begin), gdt.limit);
	write_wide(page + (uint64_t)(second_gdt - second_begin) + 2, 4, gdt.base);
	write32(page + (uint64_t)(second_cr3 - second_begin), (uint32_t)cr3);
	write32(BOARD_LAPIC + APIC_SPURIOUS, APIC_ON);
	write32(BOARD_LAPIC + APIC_COMMAND_HIGH, (uint32_t)SECOND_ID << 24);
	write32(BOARD_LAPIC + APIC_COMMAND_LOW, COMMAND_INIT);
	write32(BOARD_LAPIC + APIC_COMMAND_HIGH, (uint32_t)SECOND_ID << 24);
	write32(BOARD_LAPIC + APIC_COMMAND_LOW, COMMAND_STARTUP | SECOND_PAGE >> 12);
	second.runs = true;
}

void second_start(void (*fn)(void *ctx), void *ctx)
{
	if (!second.runs)
		start_processor();
	second.ctx = ctx;
	second.fn = fn;
	while (!second.busy)
		relax();
}

void second_stop(void)
{
	second.fn = NULL;
	while (second.busy)
		relax();
}

_Noreturn void end_machine(void)
{
	port_write(PORT_RESET, 1, RESET);
	for (;;)
		relax();
}

_Noreturn void triple_fault(void)
{
	const struct table_pointer none = { 0, 0 };

	__asm__ volatile("lidt %0\n\tud2" ::"m"(none));
	__builtin_unreachable();
}

void board_begin(uint64_t boot_params)
{
	cmdline = at(read32(boot_params + CMDLINE_PTR));
	guest_main();
	end_machine();
}
