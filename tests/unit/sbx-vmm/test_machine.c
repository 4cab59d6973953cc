/*
 * The whole machine around a scripted hypervisor: what a vCPU does to registers
 * and ports is a list of steps, and its effect is seen in guest memory.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "base/loop.h"
#include "boot/layout.h"
#include "hv/fake/fake.h"
#include "sbx-vmm/machine.h"
#include "sbx-vmm/serial.h"
#include "tests/unit/boot/image.h"
#include "tests/unit/test.h"

enum {
	STEPS_MAX = 128,
	RNG = 0, /* slots: no device is served by a backend here */
	BALLOON = 1,
	DESC = 0x2000000,
	AVAIL = 0x2001000,
	USED = 0x2002000,
	BUFFER = 0x2003000,
};

struct fixture {
	struct hv_fake fake;
	struct hv_fake_step steps[STEPS_MAX];
	size_t count;
	struct options options;
	struct loop *loop;
	struct machine *machine;
	struct err err;
	struct vmm_answer answer;
	const struct hv_impl *hv;
};

static void ended(void *ctx)
{
	loop_stop(((struct fixture *)ctx)->loop);
}

static bool init(struct fixture *f)
{
	struct image image;

	*f = (struct fixture){ .err = ERR_INIT, .hv = &hv_fake_full };
	hv_fake_init(&f->fake);
	image_init(&image);
	f->options = (struct options){ .kvm = -1,
				       .control = -1,
				       .console = -1,
				       .initramfs = -1,
				       .cpus = 1,
				       .memory_bytes = 64 << 20,
				       .cmdline = "quiet" };
	f->options.kernel = memfd_create("kernel", MFD_CLOEXEC);
	return write(f->options.kernel, &image, sizeof(image)) == (ssize_t)sizeof(image) &&
	       loop_create(&f->loop) == 0;
}

static void finish(struct fixture *f)
{
	machine_destroy(f->machine);
	loop_destroy(f->loop);
	hv_fake_finish(&f->fake);
	(void)close(f->options.kernel);
}

static struct hv_fake_step *add(struct fixture *f, struct hv_fake_step step)
{
	f->steps[f->count] = step;
	return &f->steps[f->count++];
}

static struct hv_fake_step *reg(struct fixture *f, unsigned slot, uint32_t offset, bool write,
				uint32_t value)
{
	return add(f, (struct hv_fake_step){ .kind = HV_EXIT_MMIO,
					     .address = LAYOUT_MMIO + 0x1000ull * slot + offset,
					     .width = 4,
					     .write = write,
					     .value = value });
}

static void out(struct fixture *f, uint16_t port, uint8_t value)
{
	(void)add(f, (struct hv_fake_step){ .kind = HV_EXIT_PIO,
					    .address = port,
					    .width = 1,
					    .write = true,
					    .value = value });
}

/* The steps by which a driver brings up one queue of a device. */
static void bring_up(struct fixture *f, unsigned slot, uint32_t queue, uint32_t features)
{
	static const uint32_t places[][2] = { { 0x80, DESC }, { 0x90, AVAIL }, { 0xa0, USED } };

	(void)reg(f, slot, 0x70, true, 1);
	(void)reg(f, slot, 0x70, true, 3);
	(void)reg(f, slot, 0x24, true, 1);
	(void)reg(f, slot, 0x20, true, 1);
	(void)reg(f, slot, 0x24, true, 0);
	(void)reg(f, slot, 0x20, true, features);
	(void)reg(f, slot, 0x70, true, 0xb);
	(void)reg(f, slot, 0x30, true, queue);
	(void)reg(f, slot, 0x38, true, 8);
	for (size_t i = 0; i < countof(places); i++)
		(void)reg(f, slot, places[i][0], true, places[i][1]);
	(void)reg(f, slot, 0x44, true, 1);
	(void)reg(f, slot, 0x70, true, 0xf);
}

static uint8_t *ram(struct fixture *f)
{
	return f->fake.memory[0].host;
}

/* One chain of one buffer is there for the taking. */
static void offer(void *ctx)
{
	struct fixture *f = ctx;
	uint8_t *desc = ram(f) + DESC;

	le64_store(desc, BUFFER);
	le32_store(desc + 8, 64);
	le16_store(desc + 12, 2); /* the device writes */
	le16_store(ram(f) + AVAIL + 4, 0);
	__atomic_store_n((uint16_t *)(ram(f) + AVAIL + 2), 1, __ATOMIC_RELEASE);
}

/* Waits, in the place of the guest, until the chain was used. */
static void await_used(void *ctx)
{
	const uint16_t *index = (const uint16_t *)(ram(ctx) + USED + 2);

	while (__atomic_load_n(index, __ATOMIC_ACQUIRE) != 1)
		(void)usleep(100);
}

static int build(struct fixture *f)
{
	struct machine_config config = { .hv = f->hv,
					 .fake = &f->fake,
					 .options = &f->options,
					 .loop = f->loop,
					 .ended = ended,
					 .ctx = f };

	f->fake.cpu[0] = (struct hv_fake_script){ .steps = f->steps, .count = f->count };
	return machine_create(&config, &f->machine, &f->err);
}

/* Builds and runs until it ends. */
static enum vmm_state run(struct fixture *f)
{
	if (build(f) < 0) {
		printf("# %s\n", f->err.text);
		return VMM_FAILED;
	}
	machine_go(f->machine);
	(void)loop_run(f->loop);
	machine_report(f->machine, &f->answer);
	return f->answer.state;
}

TEST(the_guest_enters_the_kernel_with_devices_on_its_command_line)
{
	struct fixture f;
	const char *cmdline;

	CHECK(init(&f));
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_SHUTDOWN });
	CHECK_EQ(run(&f), VMM_RESET);
	CHECK_STR(f.answer.text, "the guest ended");
	CHECK_EQ(f.fake.entry.pc, IMAGE_TEXT + 0x10);
	cmdline = (const char *)ram(&f) + LAYOUT_CMDLINE;
	CHECK(strstr(cmdline, "quiet acpi=off") == cmdline);
	CHECK(strstr(cmdline, "virtio_mmio.device=4K@0xd0000000:5") != NULL);
	CHECK(strstr(cmdline, "virtio_mmio.device=4K@0xd0001000:6") != NULL);
	CHECK_EQ(f.fake.doorbell_count, 4); /* one queue of the rng, three of the balloon */
	CHECK(f.fake.line[5].fd >= 0);
	finish(&f);
}

static void rng_script(struct fixture *f)
{
	struct hv_fake_step *ring, *seen;

	bring_up(f, RNG, 0, 0);
	ring = reg(f, RNG, 0x50, true, 0);
	ring->before = offer;
	ring->ctx = f;
	seen = reg(f, RNG, 0x60, false, 0);
	seen->before = await_used;
	seen->ctx = f;
	(void)reg(f, RNG, 0x70, true, 0);
	(void)reg(f, RNG, 0x70, false, 0);
	out(f, 0x64, 0xfe);
}

static void check_rng(struct fixture *f)
{
	static const uint8_t zeroes[64];

	CHECK_EQ(run(f), VMM_RESET);
	CHECK(memcmp(ram(f) + BUFFER, zeroes, sizeof(zeroes)) != 0);
	CHECK_EQ(le32_load(ram(f) + USED + 8), 64);
	CHECK_EQ(f->steps[f->count - 4].value, 1); /* an interrupt for used buffers */
	CHECK_EQ(f->steps[f->count - 2].value, 0); /* the reset was done */
	CHECK_EQ(f->answer.exits_pio, 1);
	CHECK_EQ(f->answer.exits_mmio, f->count - 1);
}

TEST(the_rng_fills_a_buffer)
{
	struct fixture f;

	CHECK(init(&f));
	rng_script(&f);
	check_rng(&f);
	finish(&f);
}

/* A hypervisor without doorbells and irqfds: rings exit, lines are pulsed by us. */
TEST(the_rng_works_without_optional_abilities)
{
	struct fixture f;

	CHECK(init(&f));
	f.hv = &hv_fake_plain;
	rng_script(&f);
	check_rng(&f);
	finish(&f);
}

static void dirty(void *ctx)
{
	struct fixture *f = ctx;

	memset(ram(f) + BUFFER, 0xaa, 0x2000);
	le64_store(ram(f) + DESC, BUFFER);
	le32_store(ram(f) + DESC + 8, 0x2000);
	le16_store(ram(f) + DESC + 12, 2);
	__atomic_store_n((uint16_t *)(ram(f) + AVAIL + 2), 1, __ATOMIC_RELEASE);
}

TEST(reported_pages_go_back_to_the_host)
{
	struct fixture f;
	struct hv_fake_step *ring, *seen;

	CHECK(init(&f));
	bring_up(&f, BALLOON, 2, 0x20);
	ring = reg(&f, BALLOON, 0x50, true, 2);
	ring->before = dirty;
	ring->ctx = &f;
	seen = reg(&f, BALLOON, 0x100, false, 0);
	seen->before = await_used;
	seen->ctx = &f;
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_RESET });
	f.hv = &hv_fake_plain;
	CHECK_EQ(run(&f), VMM_RESET);
	CHECK_EQ(ram(&f)[BUFFER], 0);
	CHECK_EQ(ram(&f)[BUFFER + 0x1fff], 0);
	finish(&f);
}

static void offer_page_numbers(void *ctx)
{
	struct fixture *f = ctx;

	memset(ram(f) + 0x3000000, 0xaa, 0x3000);
	le32_store(ram(f) + BUFFER, 0x3000);
	le32_store(ram(f) + BUFFER + 4, 0x3001);
	le32_store(ram(f) + BUFFER + 8, 0xffffffff); /* is no memory */
	offer(f);
	le32_store(ram(f) + DESC + 8, 12);
	le16_store(ram(f) + DESC + 12, 0);
}

TEST(the_balloon_takes_pages_and_tells_its_size)
{
	struct fixture f;
	struct hv_fake_step *ring, *seen, *target;

	CHECK(init(&f));
	bring_up(&f, BALLOON, 0, 0);
	target = reg(&f, BALLOON, 0x100, false, 0);
	ring = reg(&f, BALLOON, 0x50, true, 0);
	ring->before = offer_page_numbers;
	ring->ctx = &f;
	seen = reg(&f, BALLOON, 0x104, true, 2);
	seen->before = await_used;
	seen->ctx = &f;
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_RESET });
	f.hv = &hv_fake_plain;
	CHECK_EQ(build(&f), 0);
	machine_balloon(f.machine, 48 << 20);
	machine_go(f.machine);
	(void)loop_run(f.loop);
	machine_report(f.machine, &f.answer);
	CHECK_EQ(target->value, 4096); /* of 16384 pages */
	CHECK_EQ(f.answer.balloon_bytes, 8192);
	CHECK_EQ(ram(&f)[0x3000000], 0);
	CHECK_EQ(ram(&f)[0x3001fff], 0);
	CHECK_EQ(ram(&f)[0x3002000], 0xaa);
	finish(&f);
}

TEST(a_panic_is_reported_with_its_lines)
{
	struct fixture f;
	const char *line = "Kernel panic - not syncing: no init\n";

	CHECK(init(&f));
	for (; *line != '\0'; line++)
		out(&f, SERIAL_PORT, (uint8_t)*line);
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_SHUTDOWN });
	CHECK_EQ(run(&f), VMM_PANICKED);
	CHECK_STR(f.answer.text, "Kernel panic - not syncing: no init\n");
	finish(&f);
}

TEST(a_vcpu_that_fails_says_why)
{
	struct fixture f;

	CHECK(init(&f));
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_FAIL, .reason = 4711 });
	CHECK_EQ(run(&f), VMM_FAILED);
	CHECK_STR(f.answer.text, "vCPU 0 cannot go on: the script says so (4711)");
	finish(&f);
}

TEST(a_halt_for_good_is_a_failure)
{
	struct fixture f;

	CHECK(init(&f));
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_HLT });
	CHECK_EQ(run(&f), VMM_FAILED);
	CHECK(strstr(f.answer.text, "nothing can wake it") != NULL);
	finish(&f);
}

TEST(nobody_at_an_address_reads_as_ones)
{
	struct fixture f;
	struct hv_fake_step *mmio, *port, *clock;

	CHECK(init(&f));
	mmio = reg(&f, 2, 0, false, 0); /* behind the last slot */
	port = add(&f, (struct hv_fake_step){ .kind = HV_EXIT_PIO, .address = 0xcfc, .width = 4 });
	clock = add(&f, (struct hv_fake_step){ .kind = HV_EXIT_PIO, .address = 0x71, .width = 1 });
	(void)reg(&f, 4000, 0, true, 1);
	out(&f, 0xcf9, 0x0e);
	CHECK_EQ(run(&f), VMM_RESET);
	CHECK_EQ(mmio->value, 0xffffffff);
	CHECK_EQ(port->value, 0xffffffff);
	CHECK_EQ(clock->value, 0);
	finish(&f);
}

TEST(all_vcpus_end_together)
{
	struct fixture f;

	CHECK(init(&f));
	f.options.cpus = HV_FAKE_CPUS; /* all but the first wait for a kick */
	(void)add(&f, (struct hv_fake_step){ .kind = HV_EXIT_SHUTDOWN });
	CHECK_EQ(run(&f), VMM_RESET);
	finish(&f);
}

TEST(what_cannot_be_built_is_taken_down_again)
{
	struct fixture f;

	CHECK(init(&f));
	f.fake.fail_vm = -ENODEV;
	CHECK_EQ(build(&f), -ENODEV);
	f.fake.fail_vm = 0;
	f.fake.fail_vcpu = -ENOMEM;
	CHECK_EQ(build(&f), -ENOMEM);
	f.fake.fail_vcpu = 0;
	f.options.cpus = HV_FAKE_CPUS + 1;
	CHECK_EQ(build(&f), -EINVAL);
	f.options.cpus = 1;
	f.options.cmdline = "a\tb";
	CHECK_EQ(build(&f), -EINVAL);
	f.options.cmdline = "";
	CHECK_EQ(ftruncate(f.options.kernel, 100), 0);
	CHECK_EQ(build(&f), -ENOEXEC);
	CHECK(f.machine == NULL);
	finish(&f);
}

/* It was built, and is not wanted any more before it ran. */
TEST(a_machine_that_never_ran_can_go)
{
	struct fixture f;

	CHECK(init(&f));
	CHECK_EQ(build(&f), 0);
	finish(&f);
}

TEST_MAIN()
