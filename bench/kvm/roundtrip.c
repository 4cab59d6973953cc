/*
 * What leaving the guest costs on this machine's /dev/kvm, through hv: an exit
 * for MMIO, one for a port, a doorbell (ioeventfd) and an interrupt with its
 * answer (irqfd there, ioeventfd back); and what the probe costs that chooses
 * the engine. Prints "WHAT MICROSECONDS", a line for each of ROUNDS rounds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "hv/flat.h"
#include "hv/hv.h"
#include "hv/probe.h"

enum {
	RAM = 0x200000,
	TABLES = 0x1000,
	CODE = 0x8000,
	STACK = 0x100000,
	DOORBELL = 0x50, /* above the MMIO page */
	LINE = 5,
	ROUNDS = 9,
	TIMES = 20000, /* a round */
};

#define MMIO 0xd0000000ull
#define PAYLOAD(name) extern const unsigned char payload_##name[], payload_##name##_end[]
PAYLOAD(mmio);
PAYLOAD(port);
PAYLOAD(doorbell);
PAYLOAD(echo);

struct guest {
	struct hv_vm *vm;
	struct hv_vcpu *vcpu;
	struct hv_entry entry;
	unsigned char *ram;
	const unsigned char *code, *end;
	int device, line, doorbell;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "roundtrip: %s\n", what);
	exit(EXIT_FAILURE);
}

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The vCPU belongs to the thread that calls this. */
static void make_vcpu(struct guest *guest)
{
	struct err err = ERR_INIT;

	if (hv_vcpu_create(guest->vm, 0, &guest->vcpu, &err) < 0)
		die(err.text);
	guest->entry.pc = CODE;
	guest->entry.stack = STACK;
	guest->entry.argument = TIMES;
	if (hv_vcpu_enter_at(guest->vcpu, &guest->entry) < 0)
		die("no registers");
}

static void make_vm(struct guest *guest, bool irqchip)
{
	struct err err = ERR_INIT;
	struct hv_config config = { .device = guest->device, .cpus = 1, .irqchip = irqchip };

	if (hv_vm_create(&hv_kvm, &config, &guest->vm, &err) < 0)
		die(err.text);
	guest->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->ram == MAP_FAILED || hv_mem_map(guest->vm, 0, guest->ram, RAM) < 0)
		die("no memory");
	hv_flat_write(guest->ram + TABLES, TABLES, &guest->entry);
	memcpy(guest->ram + CODE, guest->code, (size_t)(guest->end - guest->code));
	guest->line = eventfd(0, EFD_CLOEXEC);
	guest->doorbell = eventfd(0, EFD_CLOEXEC);
	if (hv_doorbell(guest->vm, MMIO + DOORBELL, 0, guest->doorbell) < 0 ||
	    (irqchip && hv_irq_fd(guest->vm, LINE, guest->line) < 0))
		die("no doorbell");
}

static void end_vm(struct guest *guest)
{
	hv_vm_destroy(guest->vm);
	(void)munmap(guest->ram, RAM);
	(void)close(guest->line);
	(void)close(guest->doorbell);
}

/* Exits to us, TIMES of them each round. */
static void measure_exits(struct guest *guest, const char *what, enum hv_exit_kind kind)
{
	struct hv_exit exit;

	make_vm(guest, false);
	make_vcpu(guest);
	for (int round = 0; round < ROUNDS; round++) {
		double begin = now_us();

		for (int i = 0; i < TIMES; i++) {
			hv_vcpu_run(guest->vcpu, &exit);
			if (exit.kind != kind)
				die("another exit than expected");
		}
		printf("%s %.3f\n", what, (now_us() - begin) / TIMES);
	}
	hv_vcpu_destroy(guest->vcpu);
	end_vm(guest);
}

/* Rings that never come to us; the last instruction does. */
static void measure_doorbell(struct guest *guest)
{
	struct hv_exit exit;

	make_vm(guest, false);
	make_vcpu(guest);
	for (int round = 0; round < ROUNDS; round++) {
		double begin;

		if (hv_vcpu_enter_at(guest->vcpu, &guest->entry) < 0)
			die("no registers");
		begin = now_us();
		hv_vcpu_run(guest->vcpu, &exit);
		if (exit.kind != HV_EXIT_PIO)
			die("another exit than expected");
		printf("doorbell %.3f\n", (now_us() - begin) / TIMES);
	}
	hv_vcpu_destroy(guest->vcpu);
	end_vm(guest);
}

static void *run_echo(void *argument)
{
	struct guest *guest = argument;
	struct hv_exit exit;

	make_vcpu(guest);
	hv_vcpu_run(guest->vcpu, &exit);
	hv_vcpu_destroy(guest->vcpu);
	return NULL;
}

static void await(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		die("no answer");
}

/* There and back: this thread, the host's kernel, the guest's handler, this thread. */
static void measure_interrupt(struct guest *guest)
{
	uint64_t one = 1;
	pthread_t thread;

	make_vm(guest, true);
	if (pthread_create(&thread, NULL, run_echo, guest) != 0)
		die("no thread");
	await(guest->doorbell); /* it is up */
	for (int round = 0; round < ROUNDS; round++) {
		double begin = now_us();

		for (int i = 0; i < TIMES / 10; i++) {
			if (write(guest->line, &one, sizeof(one)) != sizeof(one))
				die("no interrupt");
			await(guest->doorbell);
		}
		printf("interrupt-and-doorbell %.3f\n", (now_us() - begin) / (TIMES / 10));
	}
	hv_vcpu_kick(guest->vcpu);
	(void)pthread_join(thread, NULL);
	end_vm(guest);
}

static void measure_probe(void)
{
	struct err why = ERR_INIT;

	for (int round = 0; round < ROUNDS; round++) {
		double begin = now_us();

		(void)hv_probe("/dev/kvm", &why);
		printf("probe %.3f\n", now_us() - begin);
	}
}

int main(void)
{
	int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct guest mmio = { .device = device, .code = payload_mmio, .end = payload_mmio_end };
	struct guest port = { .device = device, .code = payload_port, .end = payload_port_end };
	struct guest bell = { .device = device,
			      .code = payload_doorbell,
			      .end = payload_doorbell_end };
	struct guest echo = { .device = device, .code = payload_echo, .end = payload_echo_end };

	if (device < 0)
		die("/dev/kvm does not open");
	measure_probe();
	measure_exits(&mmio, "mmio", HV_EXIT_MMIO);
	measure_exits(&port, "port", HV_EXIT_PIO);
	measure_doorbell(&bell);
	measure_interrupt(&echo);
	(void)close(device);
	return 0;
}
