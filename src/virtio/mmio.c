#include "virtio/mmio.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "vm/guestmem.h"

/* virtio 1.2 §4.2.2 */
enum {
	REGISTERS_END = 0x100, /* configuration space follows */
	MAGIC_VALUE = 0x000,
	VERSION = 0x004,
	DEVICE_ID = 0x008,
	VENDOR_ID = 0x00c,
	DEVICE_FEATURES = 0x010,
	DEVICE_FEATURES_SELECT = 0x014,
	DRIVER_FEATURES = 0x020,
	DRIVER_FEATURES_SELECT = 0x024,
	QUEUE_SELECT = 0x030,
	QUEUE_SIZE_MAX = 0x034,
	QUEUE_SIZE = 0x038,
	QUEUE_READY = 0x044,
	QUEUE_NOTIFY = VIRTIO_MMIO_QUEUE_NOTIFY,
	INTERRUPT_STATUS = 0x060,
	INTERRUPT_ACK = 0x064,
	STATUS = 0x070,
	QUEUE_DESC_LOW = 0x080,
	QUEUE_DESC_HIGH = 0x084,
	QUEUE_AVAIL_LOW = 0x090,
	QUEUE_AVAIL_HIGH = 0x094,
	QUEUE_USED_LOW = 0x0a0,
	QUEUE_USED_HIGH = 0x0a4,
	SHM_LENGTH_LOW = 0x0b0,
	SHM_LENGTH_HIGH = 0x0b4,
	SHM_BASE_LOW = 0x0b8,
	SHM_BASE_HIGH = 0x0bc,
	CONFIG_GENERATION = 0x0fc,
};

enum {
	MAGIC = 0x74726976,  /* "virt" */
	VENDOR = 0x20584253, /* "SBX " */

	/* virtio 1.2 §2.1 */
	STATUS_DRIVER_OK = 0x04,
	STATUS_FEATURES_OK = 0x08,
	STATUS_NEEDS_RESET = 0x40,
	STATUS_OF_DRIVER = 0x8f, /* all that a driver sets */

	INTERRUPT_USED = 1 << 0,
	INTERRUPT_CONFIG = 1 << 1,

	/* virtio 1.2 §2.7: alignment and size of the three parts of a queue */
	DESC_ALIGN = 16,
	AVAIL_ALIGN = 2,
	USED_ALIGN = 4,
	DESC_BYTES = 16,
	AVAIL_BYTES = 2,
	USED_BYTES = 8,
	RING_EXTRA = 6, /* flags, index, event */
};

static const struct virtio_mmio_event nothing = { .kind = VIRTIO_MMIO_NOTHING };

void virtio_mmio_init(struct virtio_mmio *mmio, const struct virtio_mmio_config *config)
{
	*mmio = (struct virtio_mmio){ .config = *config };
	mmio->config.features |= VIRTIO_F_VERSION_1;
}

void virtio_mmio_reset(struct virtio_mmio *mmio)
{
	memset(mmio->queue, 0, sizeof(mmio->queue));
	mmio->driver_features = 0;
	mmio->features_select = mmio->driver_features_select = mmio->queue_select = 0;
	mmio->status = 0;
	mmio->started = false;
	mmio->config_changed = false;
}

void virtio_mmio_fail(struct virtio_mmio *mmio)
{
	mmio->status |= STATUS_NEEDS_RESET;
	mmio->config_changed = true;
}

void virtio_mmio_set_config(struct virtio_mmio *mmio, const void *from, size_t len)
{
	memcpy(mmio->space, from, len);
	mmio->generation++;
	mmio->config_changed = true;
}

/* Half 0 or 1 of a 64-bit value; there is no other half. */
static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> 32 * select);
}

static void set_half(uint64_t *value, uint32_t select, uint32_t word)
{
	if (select > 1)
		return;
	*value &= ~(0xffffffffull << 32 * select);
	*value |= (uint64_t)word << 32 * select;
}

static uint32_t interrupt_status(const struct virtio_mmio *mmio)
{
	uint32_t status = mmio->config_changed ? INTERRUPT_CONFIG : 0;

	return mmio->started ? status | INTERRUPT_USED : status;
}

static uint32_t read_register(const struct virtio_mmio *mmio, uint64_t offset)
{
	bool selected = mmio->queue_select < mmio->config.queues;

	switch (offset) {
	case MAGIC_VALUE:
		return MAGIC;
	case VERSION:
		return 2;
	case DEVICE_ID:
		return mmio->config.device_id;
	case VENDOR_ID:
		return VENDOR;
	case DEVICE_FEATURES:
		return half(mmio->config.features, mmio->features_select);
	case QUEUE_SIZE_MAX:
		return selected ? mmio->config.queue_size : 0;
	case QUEUE_READY:
		return selected && mmio->queue[mmio->queue_select].ready;
	case INTERRUPT_STATUS:
		return interrupt_status(mmio);
	case STATUS:
		return mmio->status;
	case SHM_LENGTH_LOW: /* all ones: there is no shared memory, whatever was selected */
	case SHM_LENGTH_HIGH:
	case SHM_BASE_LOW:
	case SHM_BASE_HIGH:
		return 0xffffffff;
	case CONFIG_GENERATION:
		return mmio->generation;
	default:
		return 0;
	}
}

/* Configuration space is read in any natural width (virtio 1.2 §4.2.2.2). */
static bool in_config(const struct virtio_mmio *mmio, uint64_t offset, uint32_t width)
{
	return (width == 1 || width == 2 || width == 4 || width == 8) && offset % width == 0 &&
	       range_within(offset, width, mmio->config.config_size);
}

static bool is_register(uint64_t offset, uint32_t width)
{
	return width == 4 && offset % 4 == 0 && offset < REGISTERS_END;
}

void virtio_mmio_read(const struct virtio_mmio *mmio, uint64_t offset, uint32_t width, void *ret)
{
	memset(ret, 0, min_of(width, 8u));
	if (is_register(offset, width))
		le32_store(ret, read_register(mmio, offset));
	else if (offset >= REGISTERS_END && in_config(mmio, offset - REGISTERS_END, width))
		memcpy(ret, &mmio->space[offset - REGISTERS_END], width);
}

static bool rings_are_memory(const struct virtio_mmio *mmio, const struct virtio_mmio_queue *queue)
{
	const struct guestmem *mem = mmio->config.mem;
	uint64_t size = queue->size;

	return queue->desc % DESC_ALIGN == 0 && queue->avail % AVAIL_ALIGN == 0 &&
	       queue->used % USED_ALIGN == 0 &&
	       guestmem_at(mem, queue->desc, size * DESC_BYTES) != NULL &&
	       guestmem_at(mem, queue->avail, size * AVAIL_BYTES + RING_EXTRA) != NULL &&
	       guestmem_at(mem, queue->used, size * USED_BYTES + RING_EXTRA) != NULL;
}

static void write_queue_ready(struct virtio_mmio *mmio, struct virtio_mmio_queue *queue,
			      uint32_t value)
{
	bool size_is_right = queue->size > 0 && queue->size <= mmio->config.queue_size &&
			     (queue->size & (queue->size - 1)) == 0;

	if (value == 0 || mmio->started)
		return; /* a queue goes with the whole device, by a reset */
	if (size_is_right && rings_are_memory(mmio, queue))
		queue->ready = true;
	else
		virtio_mmio_fail(mmio);
}

/* What describes a queue is fixed once it is ready. */
static void write_queue(struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	struct virtio_mmio_queue *queue;

	if (mmio->queue_select >= mmio->config.queues)
		return;
	queue = &mmio->queue[mmio->queue_select];
	if (queue->ready)
		return;
	if (offset == QUEUE_SIZE)
		queue->size = value > UINT16_MAX ? 0 : (uint16_t)value;
	else if (offset == QUEUE_READY)
		write_queue_ready(mmio, queue, value);
	else if (offset == QUEUE_DESC_LOW || offset == QUEUE_DESC_HIGH)
		set_half(&queue->desc, offset == QUEUE_DESC_HIGH, value);
	else if (offset == QUEUE_AVAIL_LOW || offset == QUEUE_AVAIL_HIGH)
		set_half(&queue->avail, offset == QUEUE_AVAIL_HIGH, value);
	else
		set_half(&queue->used, offset == QUEUE_USED_HIGH, value);
}

static bool features_are_right(const struct virtio_mmio *mmio)
{
	return (mmio->driver_features & ~mmio->config.features) == 0 &&
	       (mmio->driver_features & VIRTIO_F_VERSION_1) != 0;
}

/* The driver adds bits step by step (virtio 1.2 §3.1.1); zero is a reset. */
static struct virtio_mmio_event write_status(struct virtio_mmio *mmio, uint32_t value)
{
	uint32_t added = value & STATUS_OF_DRIVER & ~mmio->status;

	if (value == 0 && mmio->started)
		return (struct virtio_mmio_event){ .kind = VIRTIO_MMIO_STOP };
	if (value == 0) {
		virtio_mmio_reset(mmio);
		return nothing;
	}
	if ((added & STATUS_FEATURES_OK) != 0 && !features_are_right(mmio))
		added &= ~(uint32_t)STATUS_FEATURES_OK; /* that is how a driver is told */
	mmio->status |= added;
	if ((added & STATUS_DRIVER_OK) == 0)
		return nothing;
	if ((mmio->status & STATUS_FEATURES_OK) == 0 || (mmio->status & STATUS_NEEDS_RESET) != 0) {
		virtio_mmio_fail(mmio);
		return nothing;
	}
	mmio->started = true;
	return (struct virtio_mmio_event){ .kind = VIRTIO_MMIO_START };
}

static struct virtio_mmio_event notify(const struct virtio_mmio *mmio, uint32_t queue)
{
	if (!mmio->started || queue >= mmio->config.queues || !mmio->queue[queue].ready)
		return nothing;
	return (struct virtio_mmio_event){ .kind = VIRTIO_MMIO_NOTIFY, .queue = queue };
}

static struct virtio_mmio_event write_register(struct virtio_mmio *mmio, uint64_t offset,
					       uint32_t value)
{
	switch (offset) {
	case DEVICE_FEATURES_SELECT:
		mmio->features_select = value;
		break;
	case DRIVER_FEATURES:
		if ((mmio->status & STATUS_FEATURES_OK) == 0)
			set_half(&mmio->driver_features, mmio->driver_features_select, value);
		break;
	case DRIVER_FEATURES_SELECT:
		mmio->driver_features_select = value;
		break;
	case QUEUE_SELECT:
		mmio->queue_select = value;
		break;
	case QUEUE_SIZE:
	case QUEUE_READY:
	case QUEUE_DESC_LOW:
	case QUEUE_DESC_HIGH:
	case QUEUE_AVAIL_LOW:
	case QUEUE_AVAIL_HIGH:
	case QUEUE_USED_LOW:
	case QUEUE_USED_HIGH:
		write_queue(mmio, offset, value);
		break;
	case QUEUE_NOTIFY:
		return notify(mmio, value);
	case INTERRUPT_ACK:
		if ((value & INTERRUPT_CONFIG) != 0)
			mmio->config_changed = false;
		break;
	case STATUS:
		return write_status(mmio, value);
	default:
		break;
	}
	return nothing;
}

static struct virtio_mmio_event write_config(struct virtio_mmio *mmio, uint64_t offset,
					     uint32_t width, const void *from)
{
	const struct virtio_mmio_config *config = &mmio->config;

	if (!in_config(mmio, offset, width) || offset < config->writable ||
	    !range_within(offset - config->writable, width, config->writable_size))
		return nothing;
	memcpy(mmio->space + offset, from, width);
	return (struct virtio_mmio_event){ .kind = VIRTIO_MMIO_CONFIG };
}

struct virtio_mmio_event virtio_mmio_write(struct virtio_mmio *mmio, uint64_t offset,
					   uint32_t width, const void *from)
{
	if (is_register(offset, width))
		return write_register(mmio, offset, le32_load(from));
	if (offset >= REGISTERS_END)
		return write_config(mmio, offset - REGISTERS_END, width, from);
	return nothing;
}
