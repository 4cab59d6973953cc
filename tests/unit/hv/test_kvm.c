/*
 * Payload guests on the machine's /dev/kvm: every kind of exit, lines and
 * doorbells, as the hypervisor really delivers them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "hv/flat.h"
#include "hv/hv.h"
#include "tests/unit/test.h"

enum { RAM = 0x200000, TABLES = 0x1000, CODE = 0x8000, STACK = 0x100000, PATIENCE_MS = 60000 };

#define PAYLOAD(name) extern const uint8_t payload_##name[], payload_##name##_end[]
PAYLOAD(ports);
PAYLOAD(mmio);
PAYLOAD(triple_fault);
PAYLOAD(reset);
PAYLOAD(lost);
PAYLOAD(spin);
PAYLOAD(interrupts);
PAYLOAD(producer);

struct guest {
	int device;
	struct hv_vm *vm;
	uint8_t *ram;
	struct hv_entry entry;
	struct hv_vcpu *vcpu; /* of the test's own thread */
	struct hv_exit exit;
};

static int open_kvm(void)
{
	return open("/dev/kvm", O_RDWR | O_CLOEXEC);
}

static bool guest_start(struct guest *guest, unsigned cpus, bool irqchip, const uint8_t *code,
			const uint8_t *end)
{
	struct err err = ERR_INIT;
	struct hv_config config = { .cpus = cpus, .irqchip = irqchip };

	*guest = (struct guest){ .device = open_kvm() };
	config.device = guest->device;
	guest->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->ram == MAP_FAILED || hv_vm_create(&hv_kvm, &config, &guest->vm, &err) < 0 ||
	    hv_mem_map(guest->vm, 0, guest->ram, RAM) < 0 ||
	    hv_vcpu_create(guest->vm, 0, &guest->vcpu, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	hv_flat_write(guest->ram + TABLES, TABLES, &guest->entry);
	memcpy(guest->ram + CODE, code, (size_t)(end - code));
	guest->entry.pc = CODE;
	guest->entry.stack = STACK;
	return hv_vcpu_enter_at(guest->vcpu, &guest->entry) == 0;
}

static void guest_finish(struct guest *guest)
{
	hv_vcpu_destroy(guest->vcpu);
	hv_vm_destroy(guest->vm);
	(void)munmap(guest->ram, RAM);
	(void)close(guest->device);
}

/* Runs to the next exit and shows it when a check fails. */
static const struct hv_exit *run(struct guest *guest)
{
	hv_vcpu_run(guest->vcpu, &guest->exit);
	if (guest->exit.kind == HV_EXIT_FAIL)
		printf("# failed: %s (%" PRIu64 ")\n", guest->exit.why, guest->exit.reason);
	return &guest->exit;
}

static bool is_port_write(const struct hv_exit *exit, uint32_t width, const void *bytes)
{
	return exit->kind == HV_EXIT_PIO && exit->access.write && exit->access.address == 0xe9 &&
	       exit->access.width == width &&
	       memcmp(exit->access.data, bytes, (size_t)width * exit->access.count) == 0;
}

static bool is_mmio_write(const struct hv_exit *exit, uint64_t address, uint32_t width,
			  uint64_t value)
{
	return exit->kind == HV_EXIT_MMIO && exit->access.write &&
	       exit->access.address == address && exit->access.width == width &&
	       memcmp(exit->access.data, &value, width) == 0;
}

#define NEEDS_KVM()                                          \
	do {                                                 \
		int fd_ = open_kvm();                        \
		if (fd_ < 0)                                 \
			SKIP("/dev/kvm does not open here"); \
		(void)close(fd_);                            \
	} while (0)

#define START(guest, cpus, irqchip, name) \
	CHECK(guest_start(&(guest), (cpus), (irqchip), payload_##name, payload_##name##_end))

TEST(ports_are_seen_and_answered)
{
	struct guest guest;
	const struct hv_exit *exit;

	NEEDS_KVM();
	START(guest, 1, false, ports);
	CHECK(is_port_write(run(&guest), 1, "\x5a"));
	exit = run(&guest);
	CHECK_EQ(exit->kind, HV_EXIT_PIO);
	CHECK(!exit->access.write);
	CHECK_EQ(exit->access.address, 0x3f8);
	CHECK_EQ(exit->access.width, 2);
	memcpy(exit->access.data, "\x10\x20", 2);
	CHECK(is_port_write(run(&guest), 2, "\x11\x20"));
	for (const char *text = "abc"; *text != '\0'; text += guest.exit.access.count)
		CHECK(is_port_write(run(&guest), 1, text)); /* whole or byte by byte */
	CHECK_EQ(run(&guest)->kind, HV_EXIT_HLT);
	guest_finish(&guest);
}

TEST(mmio_is_seen_and_answered)
{
	struct guest guest;
	const struct hv_exit *exit;

	NEEDS_KVM();
	START(guest, 1, false, mmio);
	CHECK(is_mmio_write(run(&guest), 0xd0000000, 1, 0x11));
	CHECK(is_mmio_write(run(&guest), 0xd0000002, 2, 0x2222));
	CHECK(is_mmio_write(run(&guest), 0xd0000004, 4, 0x33333333));
	CHECK(is_mmio_write(run(&guest), 0xd0000008, 8, 0x4444444455555555));
	exit = run(&guest);
	CHECK_EQ(exit->kind, HV_EXIT_MMIO);
	CHECK(!exit->access.write);
	CHECK_EQ(exit->access.address, 0xd0000100);
	CHECK_EQ(exit->access.width, 4);
	memcpy(exit->access.data, "virt", 4);
	CHECK(is_port_write(run(&guest), 4, "virt"));
	CHECK_EQ(run(&guest)->kind, HV_EXIT_HLT);
	guest_finish(&guest);
}

TEST(triple_fault_is_a_shutdown)
{
	struct guest guest;

	NEEDS_KVM();
	START(guest, 1, false, triple_fault);
	CHECK_EQ(run(&guest)->kind, HV_EXIT_SHUTDOWN);
	guest_finish(&guest);
}

TEST(reset_port_is_seen)
{
	struct guest guest;
	const struct hv_exit *exit;

	NEEDS_KVM();
	START(guest, 1, false, reset);
	exit = run(&guest);
	CHECK_EQ(exit->kind, HV_EXIT_PIO);
	CHECK_EQ(exit->access.address, 0x64);
	CHECK_EQ(exit->access.data[0], 0xfe);
	guest_finish(&guest);
}

TEST(guest_that_lost_its_way_is_a_failure_with_words)
{
	struct guest guest;

	NEEDS_KVM();
	START(guest, 1, false, lost);
	CHECK_EQ(run(&guest)->kind, HV_EXIT_FAIL);
	CHECK(strlen(guest.exit.why) > 0);
	guest_finish(&guest);
}

TEST(kick_before_the_run_is_kept)
{
	struct guest guest;

	NEEDS_KVM();
	START(guest, 1, false, spin);
	hv_vcpu_kick(guest.vcpu);
	CHECK_EQ(run(&guest)->kind, HV_EXIT_INTERRUPTED);
	guest_finish(&guest);
}

struct kicker {
	struct hv_vcpu *vcpu;
	int when; /* readable: now */
};

static void *kick_on_signal(void *argument)
{
	struct kicker *kicker = argument;
	uint64_t value;

	if (read(kicker->when, &value, sizeof(value)) == sizeof(value))
		hv_vcpu_kick(kicker->vcpu);
	return NULL;
}

/* The guest halts with interrupts on; from then on only a line or a kick ends its run. */
TEST(lines_wake_a_halted_guest_and_kicks_end_its_run)
{
	struct guest guest;
	struct kicker kicker;
	pthread_t thread;
	uint64_t one = 1;
	int line = eventfd(0, EFD_CLOEXEC);

	NEEDS_KVM();
	START(guest, 1, true, interrupts);
	CHECK_EQ(hv_irq_fd(guest.vm, 5, line), 0);
	CHECK(is_port_write(run(&guest), 1, "R"));
	CHECK_EQ(write(line, &one, sizeof(one)), sizeof(one));
	CHECK(is_port_write(run(&guest), 1, "I"));
	CHECK_EQ(hv_irq_set(guest.vm, 5, true), 0);
	CHECK_EQ(hv_irq_set(guest.vm, 5, false), 0);
	CHECK(is_port_write(run(&guest), 1, "I"));

	kicker = (struct kicker){ .vcpu = guest.vcpu, .when = eventfd(0, EFD_CLOEXEC) };
	CHECK_EQ(pthread_create(&thread, NULL, kick_on_signal, &kicker), 0);
	CHECK_EQ(write(kicker.when, &one, sizeof(one)), sizeof(one));
	CHECK_EQ(run(&guest)->kind, HV_EXIT_INTERRUPTED);
	(void)pthread_join(thread, NULL);
	(void)close(kicker.when);
	(void)close(line);
	guest_finish(&guest);
}

enum { RING_ITEMS = 1000, RING_STRIDE = 64, RING_AT = 0x10000 };

struct producer {
	struct guest *guest;
	uint32_t id;
	struct hv_exit last;
};

static void *run_producer(void *argument)
{
	struct producer *producer = argument;
	struct hv_entry entry = producer->guest->entry;
	struct hv_vcpu *vcpu = NULL;
	struct err err = ERR_INIT;

	producer->last.kind = HV_EXIT_FAIL;
	if (hv_vcpu_create(producer->guest->vm, producer->id, &vcpu, &err) < 0)
		return NULL;
	entry.argument = producer->id - 1;
	entry.stack = STACK - 0x1000 * producer->id;
	if (hv_vcpu_enter_at(vcpu, &entry) == 0)
		hv_vcpu_run(vcpu, &producer->last);
	hv_vcpu_destroy(vcpu);
	return NULL;
}

/* Takes every item of both rings in order; false when one is wrong or too late. */
static bool consume(struct guest *guest, const int doorbell[2])
{
	struct pollfd wait[2] = { { .fd = doorbell[0], .events = POLLIN },
				  { .fd = doorbell[1], .events = POLLIN } };
	uint32_t taken[2] = { 0, 0 };
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;

	while (taken[0] < RING_ITEMS || taken[1] < RING_ITEMS) {
		if (poll(wait, 2, clock_left_ms(deadline)) <= 0)
			return false;
		for (int i = 0; i < 2; i++) {
			uint32_t *slot = (uint32_t *)(guest->ram + RING_AT + RING_STRIDE * i);
			uint64_t rings;

			if (wait[i].revents == 0)
				continue;
			if (read(doorbell[i], &rings, sizeof(rings)) != sizeof(rings) ||
			    rings != 1 || __atomic_load_n(slot, __ATOMIC_ACQUIRE) != ++taken[i])
				return false;
			__atomic_store_n(slot, 0, __ATOMIC_RELEASE);
		}
	}
	return true;
}

/* No exit reaches us: every ring is a signalled descriptor, and each by its own value. */
TEST(two_vcpus_ring_their_doorbells)
{
	struct guest guest;
	struct producer producer[2] = { { .guest = &guest, .id = 1 },
					{ .guest = &guest, .id = 2 } };
	int doorbell[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };
	pthread_t thread[2];
	bool consumed;

	NEEDS_KVM();
	START(guest, 3, false, producer);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK_EQ(hv_doorbell(guest.vm, 0xd0000050, i, doorbell[i]), 0);
		CHECK_EQ(pthread_create(&thread[i], NULL, run_producer, &producer[i]), 0);
	}
	consumed = consume(&guest, doorbell);
	CHECK(consumed);
	for (int i = 0; i < 2; i++) {
		(void)pthread_join(thread[i], NULL);
		CHECK_EQ(producer[i].last.kind, HV_EXIT_HLT);
		(void)close(doorbell[i]);
	}
	guest_finish(&guest);
}

TEST(more_vcpus_than_kvm_allows_is_a_sentence)
{
	struct hv_vm *vm = NULL;
	struct err err = ERR_INIT;
	struct hv_config config = { .cpus = 1000000 };

	NEEDS_KVM();
	config.device = open_kvm();
	CHECK_EQ(hv_vm_create(&hv_kvm, &config, &vm, &err), -EINVAL);
	CHECK(strstr(err.text, "1000000 vCPUs are more than this host's KVM allows") != NULL);
	(void)close(config.device);
}

TEST(what_is_no_kvm_is_a_sentence)
{
	struct hv_vm *vm = NULL;
	struct err err = ERR_INIT;
	struct hv_config config = { .cpus = 1, .device = open("/dev/null", O_RDWR | O_CLOEXEC) };

	CHECK(hv_vm_create(&hv_kvm, &config, &vm, &err) < 0);
	CHECK(strstr(err.text, "/dev/kvm does not answer as KVM") != NULL);
	(void)close(config.device);
}

TEST(memory_slots_are_bounded)
{
	struct guest guest;
	int r = 0;

	NEEDS_KVM();
	START(guest, 1, false, spin);
	for (uint64_t i = 1; r == 0 && i < 100; i++)
		r = hv_mem_map(guest.vm, i * RAM, guest.ram, 4096);
	CHECK_EQ(r, -ENOSPC);
	CHECK_EQ(hv_mem_map(guest.vm, 0, guest.ram, 0), -EINVAL);
	guest_finish(&guest);
}

TEST_MAIN()
