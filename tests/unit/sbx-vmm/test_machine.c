#include <errno.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/loop.h"
#include "boot/layout.h"
#include "sbx-vmm/serial.h"
#include "tests/unit/boot/image.h"
#include "tests/unit/sbx-vmm/script.h"
#include "tests/unit/test.h"

/* slots: no device is served by a backend here */
enum { RNG = 0, BALLOON = 1 };

TEST(the_guest_enters_the_kernel_with_devices_on_its_command_line)
{
	struct fixture f;
	const char *cmdline;

	CHECK(script_init(&f));
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_RESET });
	CHECK_EQ(script_run(&f), VMM_RESET);
	CHECK_STR(f.answer.text, "the guest reset its machine");
	CHECK_EQ(f.fake.entry.pc, IMAGE_TEXT + 0x10);
	cmdline = (const char *)script_ram(&f) + LAYOUT_CMDLINE;
	CHECK(strstr(cmdline, "quiet acpi=off") == cmdline);
	CHECK(strstr(cmdline, "virtio_mmio.device=4K@0xd0000000:5") != NULL);
	CHECK(strstr(cmdline, "virtio_mmio.device=4K@0xd0001000:6") != NULL);
	CHECK_EQ(f.fake.doorbell_count, 4); /* one queue of the rng, three of the balloon */
	CHECK(f.fake.line[5].fd >= 0);
	script_finish(&f);
}

static void rng_script(struct fixture *f)
{
	struct hv_fake_step *ring, *seen;

	script_bring_up(f, RNG, 0, 0);
	ring = script_register(f, RNG, 0x50, true, 0);
	ring->before = script_offer;
	ring->ctx = f;
	seen = script_register(f, RNG, 0x60, false, 0);
	seen->before = script_await_used;
	seen->ctx = f;
	(void)script_register(f, RNG, 0x70, true, 0);
	(void)script_register(f, RNG, 0x70, false, 0);
	script_out(f, 0x64, 0xfe);
}

static void check_rng(struct fixture *f)
{
	static const uint8_t zeroes[64];

	CHECK_EQ(script_run(f), VMM_RESET);
	CHECK(memcmp(script_ram(f) + BUFFER, zeroes, sizeof(zeroes)) != 0);
	CHECK_EQ(le32_load(script_ram(f) + USED + 8), 64);
	CHECK_EQ(f->steps[f->count - 4].value, 1); /* an interrupt for used buffers */
	CHECK_EQ(f->steps[f->count - 2].value, 0); /* the reset was done */
	CHECK_EQ(f->answer.exits_pio, 1);
	CHECK_EQ(f->answer.exits_mmio, f->count - 1);
}

TEST(the_rng_fills_a_buffer)
{
	struct fixture f;

	CHECK(script_init(&f));
	rng_script(&f);
	check_rng(&f);
	script_finish(&f);
}

/* A hypervisor without doorbells and irqfds: rings exit, lines are pulsed by us. */
TEST(the_rng_works_without_optional_abilities)
{
	struct fixture f;

	CHECK(script_init(&f));
	f.hv = &hv_fake_plain;
	rng_script(&f);
	check_rng(&f);
	script_finish(&f);
}

static void dirty(void *ctx)
{
	struct fixture *f = ctx;

	memset(script_ram(f) + BUFFER, 0xaa, 0x2000);
	le64_store(script_ram(f) + DESC, BUFFER);
	le32_store(script_ram(f) + DESC + 8, 0x2000);
	le16_store(script_ram(f) + DESC + 12, 2);
	__atomic_store_n((uint16_t *)(script_ram(f) + AVAIL + 2), 1, __ATOMIC_RELEASE);
}

TEST(reported_pages_go_back_to_the_host)
{
	struct fixture f;
	struct hv_fake_step *ring, *seen;

	CHECK(script_init(&f));
	script_bring_up(&f, BALLOON, 2, 0x20);
	ring = script_register(&f, BALLOON, 0x50, true, 2);
	ring->before = dirty;
	ring->ctx = &f;
	seen = script_register(&f, BALLOON, 0x100, false, 0);
	seen->before = script_await_used;
	seen->ctx = &f;
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_RESET });
	f.hv = &hv_fake_plain;
	CHECK_EQ(script_run(&f), VMM_RESET);
	CHECK_EQ(script_ram(&f)[BUFFER], 0);
	CHECK_EQ(script_ram(&f)[BUFFER + 0x1fff], 0);
	script_finish(&f);
}

static void offer_page_numbers(void *ctx)
{
	struct fixture *f = ctx;

	memset(script_ram(f) + 0x3000000, 0xaa, 0x3000);
	le32_store(script_ram(f) + BUFFER, 0x3000);
	le32_store(script_ram(f) + BUFFER + 4, 0x3001);
	le32_store(script_ram(f) + BUFFER + 8, 0xffffffff); /* is no memory */
	script_offer(f);
	le32_store(script_ram(f) + DESC + 8, 12);
	le16_store(script_ram(f) + DESC + 12, 0);
}

TEST(the_balloon_takes_pages_and_tells_its_size)
{
	struct fixture f;
	struct hv_fake_step *ring, *seen, *target;

	CHECK(script_init(&f));
	script_bring_up(&f, BALLOON, 0, 0);
	target = script_register(&f, BALLOON, 0x100, false, 0);
	ring = script_register(&f, BALLOON, 0x50, true, 0);
	ring->before = offer_page_numbers;
	ring->ctx = &f;
	seen = script_register(&f, BALLOON, 0x104, true, 2);
	seen->before = script_await_used;
	seen->ctx = &f;
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_RESET });
	f.hv = &hv_fake_plain;
	CHECK_EQ(script_build(&f), 0);
	machine_balloon(f.machine, 48 << 20);
	machine_go(f.machine);
	(void)loop_run(f.loop);
	machine_report(f.machine, &f.answer);
	CHECK_EQ(target->value, 4096); /* of 16384 pages */
	CHECK_EQ(f.answer.balloon_bytes, 8192);
	CHECK_EQ(script_ram(&f)[0x3000000], 0);
	CHECK_EQ(script_ram(&f)[0x3001fff], 0);
	CHECK_EQ(script_ram(&f)[0x3002000], 0xaa);
	script_finish(&f);
}

TEST(a_panic_is_reported_with_its_lines)
{
	struct fixture f;
	const char *line = "Kernel panic - not syncing: no init\n";

	CHECK(script_init(&f));
	for (; *line != '\0'; line++)
		script_out(&f, SERIAL_PORT, (uint8_t)*line);
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_SHUTDOWN });
	CHECK_EQ(script_run(&f), VMM_PANICKED);
	CHECK_STR(f.answer.text, "Kernel panic - not syncing: no init\n");
	script_finish(&f);
}

TEST(a_vcpu_that_fails_says_why)
{
	struct fixture f;

	CHECK(script_init(&f));
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_FAIL, .reason = 4711 });
	CHECK_EQ(script_run(&f), VMM_FAILED);
	CHECK_STR(f.answer.text, "vCPU 0 cannot go on: the script says so (4711)");
	script_finish(&f);
}

TEST(a_triple_fault_is_a_failure)
{
	struct fixture f;

	CHECK(script_init(&f));
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_SHUTDOWN });
	CHECK_EQ(script_run(&f), VMM_FAILED);
	CHECK_STR(f.answer.text, "vCPU 0 cannot go on: the guest ran into a triple fault (0)");
	script_finish(&f);
}

TEST(a_halt_for_good_is_a_failure)
{
	struct fixture f;

	CHECK(script_init(&f));
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_HLT });
	CHECK_EQ(script_run(&f), VMM_FAILED);
	CHECK(strstr(f.answer.text, "nothing can wake it") != NULL);
	script_finish(&f);
}

TEST(nobody_at_an_address_reads_as_ones)
{
	struct fixture f;
	struct hv_fake_step *mmio, *port, *clock;

	CHECK(script_init(&f));
	mmio = script_register(&f, 2, 0, false, 0); /* behind the last slot */
	port = script_add(
		&f, (struct hv_fake_step){ .kind = HV_EXIT_PIO, .address = 0xcfc, .width = 4 });
	clock = script_add(
		&f, (struct hv_fake_step){ .kind = HV_EXIT_PIO, .address = 0x71, .width = 1 });
	(void)script_register(&f, 4000, 0, true, 1);
	script_out(&f, 0xcf9, 0x0e);
	CHECK_EQ(script_run(&f), VMM_RESET);
	CHECK_EQ(mmio->value, 0xffffffff);
	CHECK_EQ(port->value, 0xffffffff);
	CHECK_EQ(clock->value, 0);
	script_finish(&f);
}

TEST(all_vcpus_end_together)
{
	struct fixture f;

	CHECK(script_init(&f));
	f.options.cpus = HV_FAKE_CPUS; /* all but the first wait for a kick */
	(void)script_add(&f, (struct hv_fake_step){ .kind = HV_EXIT_SYSTEM_EVENT });
	CHECK_EQ(script_run(&f), VMM_RESET);
	script_finish(&f);
}

TEST(what_cannot_be_built_is_taken_down_again)
{
	struct fixture f;

	CHECK(script_init(&f));
	f.fake.fail_vm = -ENODEV;
	CHECK_EQ(script_build(&f), -ENODEV);
	f.fake.fail_vm = 0;
	f.fake.fail_vcpu = -ENOMEM;
	CHECK_EQ(script_build(&f), -ENOMEM);
	f.fake.fail_vcpu = 0;
	f.options.cpus = HV_FAKE_CPUS + 1;
	CHECK_EQ(script_build(&f), -EINVAL);
	f.options.cpus = 1;
	f.options.cmdline = "a\tb";
	CHECK_EQ(script_build(&f), -EINVAL);
	f.options.cmdline = "";
	CHECK_EQ(ftruncate(f.options.kernel, 100), 0);
	CHECK_EQ(script_build(&f), -ENOEXEC);
	CHECK(f.machine == NULL);
	script_finish(&f);
}

/* It was built, and is not wanted any more before it ran. */
TEST(a_machine_that_never_ran_can_go)
{
	struct fixture f;

	CHECK(script_init(&f));
	CHECK_EQ(script_build(&f), 0);
	script_finish(&f);
}

TEST_MAIN()
