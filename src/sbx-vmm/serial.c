#include "sbx-vmm/serial.h"

#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "hv/hv.h"

/* Registers and bits of the 16550. */
enum {
	DATA = 0,
	ENABLE = 1, /* interrupts */
	IDENTIFY = 2,
	FIFO_CONTROL = 2, /* the same, written */
	LINE_CONTROL = 3,
	MODEM_CONTROL = 4,
	LINE_STATUS = 5,
	MODEM_STATUS = 6,
	SCRATCH = 7,

	ENABLE_SENT = 1 << 1,
	ENABLE_BITS = 0x0f,
	IDENTIFY_NONE = 1,
	IDENTIFY_SENT = 2,
	IDENTIFY_FIFO = 0xc0,
	FIFO_ENABLE = 1,
	DIVISOR_ACCESS = 1 << 7,
	LOOPBACK = 1 << 4,
	STATUS_EMPTY = 0x60, /* ready to take the next byte */
	MODEM_READY = 0xb0,  /* carrier, data set ready, clear to send */
};

void serial_init(struct serial *serial, struct hv_vm *vm)
{
	*serial = (struct serial){ .lock = PTHREAD_MUTEX_INITIALIZER, .vm = vm, .output = -1 };
}

static void flush_line(struct serial *serial)
{
	if (serial->output >= 0)
		(void)!send(serial->output, serial->line, serial->line_len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	serial->line_len = 0;
}

void serial_finish(struct serial *serial)
{
	(void)pthread_mutex_destroy(&serial->lock);
}

void serial_set_output(struct serial *serial, int output)
{
	(void)pthread_mutex_lock(&serial->lock);
	flush_line(serial);
	serial->output = output;
	(void)pthread_mutex_unlock(&serial->lock);
}

static void take_byte(struct serial *serial, uint8_t byte)
{
	serial->kept[serial->kept_next++ % SERIAL_KEPT] = (char)byte;
	serial->line[serial->line_len++] = (char)byte;
	if (byte == '\n' || serial->line_len == SERIAL_LINE_MAX)
		flush_line(serial);
}

static bool is_pending(const struct serial *serial)
{
	return serial->sent && (serial->enable & ENABLE_SENT) != 0;
}

/* The line is edge-triggered: it says once that there is something to hear. */
static void tell_if_new(struct serial *serial, bool was_pending)
{
	if (was_pending || !is_pending(serial))
		return;
	(void)hv_irq_set(serial->vm, SERIAL_LINE, true);
	(void)hv_irq_set(serial->vm, SERIAL_LINE, false);
}

static uint8_t identify(struct serial *serial)
{
	uint8_t value = is_pending(serial) ? IDENTIFY_SENT : IDENTIFY_NONE;

	serial->sent = false;
	return serial->fifo ? value | IDENTIFY_FIFO : value;
}

/* In loopback the outputs of the modem lines are their inputs; Linux looks for that. */
static uint8_t modem_status(const struct serial *serial)
{
	unsigned out = serial->modem_control;

	if ((out & LOOPBACK) == 0)
		return MODEM_READY;
	return (uint8_t)((out & 1) << 5 | (out & 2) << 3 | (out & 4) << 4 | (out & 8) << 4);
}

static uint8_t read_register(struct serial *serial, unsigned reg)
{
	bool divisor = (serial->line_control & DIVISOR_ACCESS) != 0;

	switch (reg) {
	case ENABLE:
		return divisor ? 0 : serial->enable;
	case IDENTIFY:
		return identify(serial);
	case LINE_CONTROL:
		return serial->line_control;
	case MODEM_CONTROL:
		return serial->modem_control;
	case LINE_STATUS:
		return STATUS_EMPTY;
	case MODEM_STATUS:
		return modem_status(serial);
	case SCRATCH:
		return serial->scratch;
	default:
		return 0;
	}
}

static void write_register(struct serial *serial, unsigned reg, uint8_t value)
{
	bool divisor = (serial->line_control & DIVISOR_ACCESS) != 0;
	bool was_pending = is_pending(serial);

	switch (reg) {
	case DATA:
		if (divisor || (serial->modem_control & LOOPBACK) != 0)
			break;
		take_byte(serial, value);
		serial->sent = true;
		break;
	case ENABLE:
		if (divisor)
			break;
		serial->enable = value & ENABLE_BITS;
		serial->sent = true; /* there is always room */
		break;
	case FIFO_CONTROL:
		serial->fifo = (value & FIFO_ENABLE) != 0;
		break;
	case LINE_CONTROL:
		serial->line_control = value;
		break;
	case MODEM_CONTROL:
		serial->modem_control = value & 0x1f;
		break;
	case SCRATCH:
		serial->scratch = value;
		break;
	default:
		break;
	}
	tell_if_new(serial, was_pending);
}

uint8_t serial_read(struct serial *serial, unsigned reg)
{
	uint8_t value;

	(void)pthread_mutex_lock(&serial->lock);
	value = read_register(serial, reg);
	(void)pthread_mutex_unlock(&serial->lock);
	return value;
}

void serial_write(struct serial *serial, unsigned reg, uint8_t value)
{
	(void)pthread_mutex_lock(&serial->lock);
	write_register(serial, reg, value);
	(void)pthread_mutex_unlock(&serial->lock);
}

/* What was kept, oldest first. */
static size_t unroll(struct serial *serial, char to[SERIAL_KEPT + 1])
{
	size_t len, from;

	(void)pthread_mutex_lock(&serial->lock);
	len = min_of(serial->kept_next, (size_t)SERIAL_KEPT);
	from = serial->kept_next - len;
	for (size_t i = 0; i < len; i++) {
		char c = serial->kept[(from + i) % SERIAL_KEPT];

		to[i] = (c >= ' ' && c < 0x7f) || c == '\n' ? c : '?';
	}
	(void)pthread_mutex_unlock(&serial->lock);
	to[len] = '\0';
	return len;
}

bool serial_last_words(struct serial *serial, char *to, size_t size)
{
	char text[SERIAL_KEPT + 1];
	size_t len = unroll(serial, text);
	const char *panic = strstr(text, "Kernel panic");
	const char *from = text;

	if (panic != NULL)
		from = panic;
	else if (len >= size)
		from = text + len - (size - 1);
	len = min_of(strlen(from), size - 1);
	memcpy(to, from, len);
	to[len] = '\0';
	return panic != NULL;
}
