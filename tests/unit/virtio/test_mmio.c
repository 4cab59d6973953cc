
#include "base/bytes.h"
#include "tests/unit/test.h"
#include "virtio/mmio.h"
#include "vm/guestmem.h"

enum { RAM = 0x10000, QUEUES = 2, SIZE = 256, CONFIG_SIZE = 24, WRITABLE = 8, WRITABLE_SIZE = 4 };

static uint8_t ram[RAM];

struct fixture {
	struct guestmem mem;
	struct virtio_mmio mmio;
};

static void init(struct fixture *f)
{
	struct virtio_mmio_config config = {
		.device_id = 2,
		.features = 0x200000005,
		.queues = QUEUES,
		.queue_size = SIZE,
		.config_size = CONFIG_SIZE,
		.writable = WRITABLE,
		.writable_size = WRITABLE_SIZE,
		.mem = &f->mem,
	};

	f->mem = (struct guestmem){ 0 };
	(void)guestmem_add(&f->mem, 0, RAM, ram);
	virtio_mmio_init(&f->mmio, &config);
}

static uint32_t get(struct fixture *f, uint64_t offset)
{
	uint8_t bytes[8];

	virtio_mmio_read(&f->mmio, offset, 4, bytes);
	return le32_load(bytes);
}

static struct virtio_mmio_event set(struct fixture *f, uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	le32_store(bytes, value);
	return virtio_mmio_write(&f->mmio, offset, 4, bytes);
}

/* Accepts features as Linux does; the status it reads back. */
static uint32_t negotiate(struct fixture *f, uint64_t features)
{
	(void)set(f, 0x70, 1);
	(void)set(f, 0x70, 3);
	for (uint32_t i = 0; i < 2; i++) {
		(void)set(f, 0x24, i);
		(void)set(f, 0x20, (uint32_t)(features >> 32 * i));
	}
	(void)set(f, 0x70, 0xb);
	return get(f, 0x70);
}

static bool set_queue(struct fixture *f, uint32_t queue, uint32_t size, uint32_t at)
{
	(void)set(f, 0x30, queue);
	(void)set(f, 0x38, size);
	(void)set(f, 0x80, at);
	(void)set(f, 0x90, at + 0x1000);
	(void)set(f, 0xa0, at + 0x2000);
	(void)set(f, 0x44, 1);
	return get(f, 0x44) == 1;
}

TEST(identity_is_that_of_a_version_2_device)
{
	struct fixture f;

	init(&f);
	CHECK_EQ(get(&f, 0x00), 0x74726976);
	CHECK_EQ(get(&f, 0x04), 2);
	CHECK_EQ(get(&f, 0x08), 2);
	CHECK_EQ(get(&f, 0x10), 5);
	(void)set(&f, 0x14, 1);
	CHECK_EQ(get(&f, 0x10), 3); /* bit 33, and VERSION_1 added */
	(void)set(&f, 0x14, 2);
	CHECK_EQ(get(&f, 0x10), 0);
	CHECK_EQ(get(&f, 0xb0), 0xffffffff); /* no shared memory */
}

TEST(a_driver_comes_up_and_goes)
{
	struct fixture f;

	init(&f);
	CHECK_EQ(negotiate(&f, 0x100000004), 0xb);
	CHECK_EQ(get(&f, 0x60), 0);
	CHECK(set_queue(&f, 0, 128, 0x1000));
	CHECK_EQ(set(&f, 0x50, 0).kind, VIRTIO_MMIO_NOTHING); /* not yet */
	CHECK_EQ(set(&f, 0x70, 0xf).kind, VIRTIO_MMIO_START);
	CHECK_EQ(f.mmio.driver_features, 0x100000004);
	CHECK_EQ(f.mmio.queue[0].used, 0x3000);
	CHECK(!f.mmio.queue[1].ready);
	CHECK_EQ(get(&f, 0x60), 1);
	CHECK_EQ(set(&f, 0x70, 0xf).kind, VIRTIO_MMIO_NOTHING); /* once only */
	CHECK_EQ(set(&f, 0x70, 0).kind, VIRTIO_MMIO_STOP);
	CHECK_EQ(get(&f, 0x70), 0xf); /* until the device has stopped */
	virtio_mmio_reset(&f.mmio);
	CHECK_EQ(get(&f, 0x70), 0);
	CHECK(!f.mmio.queue[0].ready);
	CHECK_EQ(set(&f, 0x70, 0).kind, VIRTIO_MMIO_NOTHING);
}

TEST(features_not_offered_are_not_ok)
{
	struct fixture f;

	init(&f);
	CHECK_EQ(negotiate(&f, 0x100000002), 3);
	CHECK_EQ(negotiate(&f, 0x5), 3); /* no legacy drivers */
	CHECK_EQ(negotiate(&f, 0x100000001), 0xb);
	(void)set(&f, 0x24, 0);
	(void)set(&f, 0x20, 5); /* too late */
	CHECK_EQ(f.mmio.driver_features, 0x100000001);
}

TEST(driver_ok_without_features_ok_needs_a_reset)
{
	struct fixture f;

	init(&f);
	CHECK_EQ(set(&f, 0x70, 7).kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(get(&f, 0x70) & 0x40, 0x40);
	CHECK_EQ(get(&f, 0x60), 2);
	CHECK_EQ(set(&f, 0x70, 0).kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(get(&f, 0x70), 0);
}

TEST(queues_must_lie_in_memory_and_be_of_a_right_size)
{
	static const struct {
		uint32_t size, at;
	} wrong[] = {
		{ 0, 0x1000 },	 { 3, 0x1000 },	  { 512, 0x1000 },     { 0x10080, 0x1000 },
		{ 256, 0x1008 }, { 256, 0xf000 }, { 128, 0x10000000 }, { 2, 0xffffff00 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fixture f;

		init(&f);
		CHECK_EQ(negotiate(&f, 0x100000000), 0xb);
		CHECK(!set_queue(&f, 0, wrong[i].size, wrong[i].at));
		CHECK_EQ(get(&f, 0x70) & 0x40, 0x40);
		CHECK_EQ(set(&f, 0x70, 0xf).kind, VIRTIO_MMIO_NOTHING);
		CHECK(!f.mmio.started);
	}
}

TEST(a_ready_queue_is_fixed)
{
	struct fixture f;

	init(&f);
	(void)negotiate(&f, 0x100000000);
	CHECK(set_queue(&f, 1, 16, 0x1000));
	(void)set(&f, 0x80, 0xdead0000);
	(void)set(&f, 0x38, 1024);
	(void)set(&f, 0x44, 0);
	CHECK_EQ(f.mmio.queue[1].desc, 0x1000);
	CHECK_EQ(f.mmio.queue[1].size, 16);
	CHECK_EQ(get(&f, 0x44), 1);
}

TEST(no_queue_beyond_the_last)
{
	struct fixture f;

	init(&f);
	(void)negotiate(&f, 0x100000000);
	(void)set(&f, 0x30, QUEUES);
	CHECK_EQ(get(&f, 0x34), 0);
	CHECK(!set_queue(&f, QUEUES, 16, 0x1000));
	CHECK(!set_queue(&f, UINT32_MAX, 16, 0x1000));
	CHECK_EQ(get(&f, 0x70) & 0x40, 0);
	CHECK_EQ(set(&f, 0x70, 0xf).kind, VIRTIO_MMIO_START);
	CHECK_EQ(set(&f, 0x50, 1).kind, VIRTIO_MMIO_NOTHING); /* is not ready */
	CHECK_EQ(set(&f, 0x50, QUEUES).kind, VIRTIO_MMIO_NOTHING);
}

TEST(queues_are_rung_by_their_number)
{
	struct fixture f;
	struct virtio_mmio_event event;

	init(&f);
	(void)negotiate(&f, 0x100000000);
	CHECK(set_queue(&f, 1, 16, 0x1000));
	CHECK_EQ(set(&f, 0x70, 0xf).kind, VIRTIO_MMIO_START);
	event = set(&f, 0x50, 1);
	CHECK_EQ(event.kind, VIRTIO_MMIO_NOTIFY);
	CHECK_EQ(event.queue, 1);
}

TEST(widths_are_strict)
{
	struct fixture f;
	uint8_t bytes[8];

	init(&f);
	memset(bytes, 0xee, sizeof(bytes));
	virtio_mmio_read(&f.mmio, 0x00, 2, bytes);
	CHECK_EQ(le16_load(bytes), 0);
	CHECK_EQ(bytes[2], 0xee);
	virtio_mmio_read(&f.mmio, 0x02, 4, bytes);
	CHECK_EQ(le32_load(bytes), 0);
	virtio_mmio_read(&f.mmio, 0x00, 8, bytes);
	CHECK_EQ(le64_load(bytes), 0);
	CHECK_EQ(virtio_mmio_write(&f.mmio, 0x70, 1, "\1").kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(get(&f, 0x70), 0);
}

TEST(configuration_space_has_an_end_and_a_writable_part)
{
	struct fixture f;
	uint8_t space[CONFIG_SIZE], bytes[8];

	init(&f);
	for (uint8_t i = 0; i < CONFIG_SIZE; i++)
		space[i] = i;
	virtio_mmio_set_config(&f.mmio, space, sizeof(space));
	CHECK_EQ(get(&f, 0xfc), 1);
	CHECK_EQ(get(&f, 0x60), 2);
	(void)set(&f, 0x64, 3);
	CHECK_EQ(get(&f, 0x60), 0);
	virtio_mmio_read(&f.mmio, 0x110, 8, bytes);
	CHECK_MEM(bytes, space + 0x10, 8);
	virtio_mmio_read(&f.mmio, 0x117, 1, bytes);
	CHECK_EQ(bytes[0], 0x17);
	virtio_mmio_read(&f.mmio, 0x118, 1, bytes);
	CHECK_EQ(bytes[0], 0);
	virtio_mmio_read(&f.mmio, 0x101, 2, bytes); /* not aligned */
	CHECK_EQ(le16_load(bytes), 0);
	CHECK_EQ(set(&f, 0x108, 0x11223344).kind, VIRTIO_MMIO_CONFIG);
	CHECK_EQ(get(&f, 0x108), 0x11223344);
	CHECK_EQ(set(&f, 0x104, 0).kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(set(&f, 0x10c, 0).kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(virtio_mmio_write(&f.mmio, 0x108, 8, bytes).kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(virtio_mmio_write(&f.mmio, UINT64_MAX - 3, 4, bytes).kind, VIRTIO_MMIO_NOTHING);
	CHECK_EQ(get(&f, 0x104), 0x07060504);
}

TEST_MAIN()
