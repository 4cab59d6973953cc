#include "sbx-vmm/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "boot/cmdline.h"
#include "boot/load.h"
#include "hv/hv.h"
#include "sbx-vmm/balloon.h"
#include "sbx-vmm/bus.h"
#include "sbx-vmm/calls.h"
#include "sbx-vmm/console.h"
#include "sbx-vmm/device.h"
#include "sbx-vmm/ram.h"
#include "sbx-vmm/rng.h"
#include "sbx-vmm/serial.h"
#include "sbx-vmm/vcpu.h"

/* See gather(); measured with Linux 6.12. */
enum {
	TOP_BYTES_A_PAGE = 64 + 6, /* struct page, and entries of the file system's hash tables */
	TOP_BYTES = 3 << 20,
	ALLOCATOR_BYTES = 16 << 20,
};

struct machine {
	struct machine_config config;
	struct ram ram;
	struct hv_vm *vm; /* owned */
	struct calls calls;
	struct bus bus;		/* owns its devices */
	struct device *balloon; /* weak: on the bus */
	struct serial serial;
	struct console console;
	struct cmdline cmdline;
	struct hv_entry entry;
	struct vcpus vcpus;
	bool has_vcpus;
	enum vmm_state state;
	char why[VMM_TEXT_MAX]; /* once it has ended */
};

/*
 * What the kernel cannot find out by itself on this board: there is no firmware
 * to tell of the console, no ACPI, no PCI, and the keyboard controller's reset
 * line is the way to end.
 */
static const char board_words[] = "acpi=off pci=off reboot=k console=ttyS0";

static void end(struct machine *machine, enum vmm_state state)
{
	if (machine->state != VMM_RUNNING)
		return;
	machine->state = state;
	machine->config.ended(machine->config.ctx);
}

/* A panic explains more than what became of the machine after it. */
static void vcpus_ended(void *ctx, const struct vcpu_end *how)
{
	struct machine *machine = ctx;

	if (serial_last_words(&machine->serial, machine->why, sizeof(machine->why))) {
		end(machine, VMM_PANICKED);
		return;
	}
	if (how->failed)
		(void)snprintf(machine->why, sizeof(machine->why),
			       "vCPU %u cannot go on: %s (%llu)", how->cpu, how->why,
			       (unsigned long long)how->reason);
	else
		(void)snprintf(machine->why, sizeof(machine->why), "the guest reset its machine");
	end(machine, how->failed ? VMM_FAILED : VMM_RESET);
}

static void backend_lost(void *ctx, const char *name)
{
	struct machine *machine = ctx;

	(void)snprintf(machine->why, sizeof(machine->why), "the backend of %s ended", name);
	end(machine, VMM_FAILED);
}

/* Puts a device into the next slot, and on the command line. The machine owns it from then on. */
static int plug(struct machine *machine, struct device *device, struct err *err)
{
	unsigned slot = (unsigned)machine->bus.devices;
	int r;

	if (slot == LAYOUT_DEVICES_MAX) {
		device_destroy(device);
		return err_set(err, -E2BIG, "there are more than %d devices", LAYOUT_DEVICES_MAX);
	}
	machine->bus.device[machine->bus.devices++] = device;
	r = device_plug(device, machine->vm, machine->config.loop, &machine->calls, slot, err);
	if (r < 0)
		return r;
	return cmdline_add(&machine->cmdline, err, "virtio_mmio.device=4K@0x%llx:%u",
			   LAYOUT_MMIO + (unsigned long long)slot * LAYOUT_MMIO_STRIDE,
			   LAYOUT_IRQ_FIRST + slot);
}

static int add_served(struct machine *machine, const struct option_device *option, struct err *err)
{
	struct device *device = NULL;
	int r = served_create(
		&(struct served_config){
			.kind = option->kind,
			.socket = option->fd,
			.ram = &machine->ram,
			.loop = machine->config.loop,
			.lost = backend_lost,
			.ctx = machine,
		},
		&device, err);

	return r < 0 ? r : plug(machine, device, err);
}

static int add_devices(struct machine *machine, struct err *err)
{
	const struct options *options = machine->config.options;
	struct loop *loop = machine->config.loop;
	struct device *device = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->devices_count; i++)
		r = add_served(machine, &options->device[i], err);
	if (r == 0)
		r = rng_create(&machine->ram.map, loop, &device, err);
	if (r == 0)
		r = plug(machine, device, err);
	if (r == 0)
		r = balloon_create(&machine->ram, loop, &machine->balloon, err);
	if (r == 0)
		r = plug(machine, machine->balloon, err);
	return r;
}

static int make_vm(struct machine *machine, struct err *err)
{
	const struct options *options = machine->config.options;
	struct hv_config config = { .device = options->kvm,
				    .cpus = options->cpus,
				    .irqchip = true,
				    .fake = machine->config.fake };
	int r = hv_vm_create(machine->config.hv, &config, &machine->vm, err);

	return r < 0 ? r : ram_plug(&machine->ram, machine->vm, err);
}

/*
 * Linux touches nearly all of these while it boots: from address 0 to the kernel's end, whose size
 * in memory is about that of its file; where its allocator begins, in the last region; and the top,
 * where it describes its pages and puts what it needs before it has an allocator.
 */
static void gather(struct ram *ram, uint64_t kernel_bytes)
{
	const struct guestmem_region *last = &ram->map.region[ram->map.count - 1];
	uint64_t top = ram->size / RAM_PAGE * TOP_BYTES_A_PAGE + TOP_BYTES;

	ram_gather(ram, 0, LAYOUT_KERNEL + kernel_bytes);
	if (last->gpa > 0)
		ram_gather(ram, last->gpa, ALLOCATOR_BYTES);
	ram_gather(ram, last->gpa + last->size - min_of(top, last->size), top);
}

static int load(struct machine *machine, struct err *err)
{
	const struct options *options = machine->config.options;
	struct boot_config config = { .kernel = options->kernel,
				      .initramfs = options->initramfs,
				      .cmdline = machine->cmdline.text,
				      .cpus = options->cpus };
	struct stat kernel;

	if (fstat(options->kernel, &kernel) == 0)
		gather(&machine->ram, (uint64_t)kernel.st_size);
	return boot_load(&config, &machine->ram.map, &machine->entry, err);
}

static int start_vcpus(struct machine *machine, struct err *err)
{
	struct vcpus_config config = {
		.vm = machine->vm,
		.bus = &machine->bus,
		.count = machine->config.options->cpus,
		.entry = machine->entry,
		.filter = machine->config.vcpu_filter,
		.filter_len = machine->config.vcpu_filter_len,
		.loop = machine->config.loop,
		.ended = vcpus_ended,
		.ctx = machine,
	};
	int r = vcpus_start(&machine->vcpus, &config, err);

	machine->has_vcpus = r == 0;
	return r;
}

static int build(struct machine *machine, struct err *err)
{
	const struct options *options = machine->config.options;
	int r;

	r = calls_init(&machine->calls, machine->config.loop);
	if (r < 0)
		return err_set_errno(err, r, "cannot listen to vCPUs");
	cmdline_init(&machine->cmdline);
	r = cmdline_add(&machine->cmdline, err, "%s %s", options->cmdline, board_words);
	if (r < 0)
		return r;
	r = ram_init(&machine->ram, options->memory_bytes, err);
	if (r == 0)
		r = make_vm(machine, err);
	if (r < 0)
		return r;
	serial_init(&machine->serial, machine->vm);
	r = console_init(&machine->console, machine->config.loop, options->console,
			 &machine->serial);
	if (r < 0)
		return err_set_errno(err, r, "cannot listen to who reads the console");
	r = add_devices(machine, err);
	if (r == 0)
		r = load(machine, err);
	return r < 0 ? r : start_vcpus(machine, err);
}

int machine_create(const struct machine_config *config, struct machine **ret, struct err *err)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int r;

	if (machine == NULL)
		return err_set_errno(err, -ENOMEM, "no memory for a machine");
	machine->config = *config;
	machine->state = VMM_RUNNING;
	machine->ram.fd = machine->calls.wake = machine->calls.watch.fd = -1;
	machine->console.listen.fd = machine->console.reader.fd = -1;
	machine->bus.serial = &machine->serial;
	serial_init(&machine->serial, NULL);
	r = build(machine, err);
	if (r < 0) {
		machine_destroy(machine);
		return r;
	}
	*ret = machine;
	return 0;
}

void machine_go(struct machine *machine)
{
	vcpus_go(&machine->vcpus);
}

void machine_report(struct machine *machine, struct vmm_answer *ret)
{
	struct vcpu_counts exits;

	vcpus_count(&machine->vcpus, &exits);
	*ret = (struct vmm_answer){
		.state = machine->state,
		.exits_mmio = exits.mmio,
		.exits_pio = exits.pio,
		.exits_other = exits.other,
		.balloon_bytes = balloon_bytes(machine->balloon),
	};
	if (machine->state != VMM_RUNNING)
		memcpy(ret->text, machine->why, sizeof(ret->text));
}

void machine_balloon(struct machine *machine, uint64_t bytes)
{
	balloon_set_target(machine->balloon, bytes);
}

/* Served devices have the first slots. */
int machine_replace(struct machine *machine, uint64_t index, int socket, struct err *err)
{
	if (index < machine->config.options->devices_count)
		return served_replace(machine->bus.device[index], socket, err);
	(void)close(socket);
	return err_set(err, -ENODEV, "no device has the number %llu", (unsigned long long)index);
}

/*
 * First the threads, which use all the rest; last what all the rest uses. All devices stop
 * before the first goes: one backend may serve several, and ends with any of them.
 */
void machine_destroy(struct machine *machine)
{
	if (machine == NULL)
		return;
	calls_close(&machine->calls);
	if (machine->has_vcpus)
		vcpus_stop(&machine->vcpus);
	for (size_t i = 0; i < machine->bus.devices; i++)
		device_stop(machine->bus.device[i]);
	for (size_t i = 0; i < machine->bus.devices; i++)
		device_destroy(machine->bus.device[i]);
	hv_vm_destroy(machine->vm);
	console_finish(&machine->console);
	serial_finish(&machine->serial);
	calls_finish(&machine->calls);
	ram_finish(&machine->ram);
	free(machine);
}
