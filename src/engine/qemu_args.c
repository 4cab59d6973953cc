#include "engine/qemu_args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/format.h"
#include "net/link.h"

enum {
	MMIO_SLOTS = 24, /* with ACPI */
	/*
	 * CONFIG_HZ of our kernel, for loops per jiffy: each processor would measure them for
	 * seconds on a busy host. A kernel with a higher HZ waits longer in delays than it must.
	 */
	GUEST_HZ = 100,
};

/* One argument; the first failure sticks in *r and later calls do nothing. */
__attribute__((format(printf, 3, 4))) static void add(struct qemu_args *args, int *r,
						      const char *format, ...)
{
	va_list list;
	char *text;

	if (*r < 0)
		return;
	if (args->argc == QEMU_ARGS_MAX) {
		*r = -E2BIG;
		return;
	}
	va_start(list, format);
	text = format_text(format, list);
	va_end(list);
	if (text == NULL)
		*r = -ENOMEM;
	else
		args->argv[args->argc++] = text;
}

/* Numbers a descriptor as the child will see it. */
static int pass(struct qemu_args *args, int fd)
{
	args->fds[args->fds_count++] = fd;
	return 3 + (int)args->fds_count - 1;
}

/* The parts every VM has, one row each. */
static const char *const fixed[] = {
	"qemu-system-x86_64",
	"-no-user-config",
	"-nodefaults",
	"-display",
	"none",
	"-no-reboot",
	"-msg",
	"timestamp=off",
	"-sandbox",
	"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
	/*
	 * Without the RTC the kernel waits two seconds for a clock. ACPI announces 24 virtio-mmio
	 * slots; without it there are eight.
	 */
	"-machine",
	"microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,x-option-roms=off,"
	"memory-backend=memory,dump-guest-core=off,mem-merge=off",
	"-global",
	"virtio-mmio.force-legacy=false",
	"-accel",
	"tcg,thread=multi,tb-size=256",
	/* TCG runs "rep movsb" a byte at a time: Linux must not copy pages with it. */
	"-cpu",
	"max,erms=off,fsrm=off",
};

static void add_machine(struct qemu_args *args, int *r, const struct engine_config *config,
			uint32_t tsc_khz)
{
	char timing[64] = "";

	for (size_t i = 0; i < countof(fixed); i++)
		add(args, r, "%s", fixed[i]);
	add(args, r, "-smp");
	add(args, r, "%u", config->cpus);
	add(args, r, "-m");
	add(args, r, "size=%" PRIu64 "M", config->memory_bytes >> 20);
	add(args, r, "-object");
	add(args, r, "memory-backend-memfd,id=memory,size=%" PRIu64 "M,share=on",
	    config->memory_bytes >> 20);
	add(args, r, "-kernel");
	add(args, r, QEMU_KERNEL_PATH);
	add(args, r, "-initrd");
	add(args, r, QEMU_INITRAMFS_PATH);
	add(args, r, "-append");
	if (tsc_khz != 0)
		(void)snprintf(timing, sizeof(timing),
			       " tsc=reliable tsc_early_khz=%" PRIu32 " lpj=%" PRIu64, tsc_khz,
			       (uint64_t)tsc_khz * 1000 / GUEST_HZ);
	/* Code at a new address is translated anew, so processes share theirs:
	 * guest/kernel/README.md. */
	add(args, r, "%s iommu=off no_timer_check randmaps=boot%s", config->cmdline, timing);
}

static void add_chardev(struct qemu_args *args, int *r, const char *id, int fd, const char *more)
{
	add(args, r, "-chardev");
	add(args, r, "socket,id=%s,fd=%d%s", id, pass(args, fd), more);
}

/*
 * MTU, offloads and rings are what the backend offers; the address it serves is the one here. One
 * pair of queues.
 */
static void add_net(struct qemu_args *args, int *r, unsigned slot)
{
	const uint8_t *mac = (const uint8_t *)LINK_GUEST_MAC;

	add(args, r, "-chardev");
	add(args, r, "socket,id=net,path=%s", QEMU_NET_PATH);
	add(args, r, "-netdev");
	add(args, r, "vhost-user,id=net,chardev=net,queues=1");
	add(args, r, "-device");
	add(args, r,
	    "virtio-net-device,netdev=net,mac=%02x:%02x:%02x:%02x:%02x:%02x,host_mtu=%d,"
	    "mrg_rxbuf=on,csum=on,guest_csum=on,host_tso4=on,host_tso6=on,guest_tso4=on,"
	    "guest_tso6=on,ctrl_vq=off,ctrl_rx=off,ctrl_vlan=off,ctrl_rx_extra=off,"
	    "ctrl_mac_addr=off,ctrl_guest_offloads=off,guest_announce=off,rx_queue_size=1024,tx_"
	    "queue_size=1024,"
	    "bus=virtio-mmio-bus.%u",
	    mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], LINK_MTU, slot);
}

/*
 * Slots are given by hand, from the last one down: the guest meets devices in
 * that order and names its disks by it. Slot 0 must stay empty: QEMU's I/O APIC
 * takes the interrupt of its pin 0 for pin 2, on the second one too, where slots are.
 */
static void add_devices(struct qemu_args *args, int *r, const struct engine_config *config)
{
	unsigned slot = MMIO_SLOTS;

	for (size_t i = 0; i < config->disks_count; i++) {
		char id[32];

		(void)snprintf(id, sizeof(id), "disk%zu", i);
		add_chardev(args, r, id, config->disk_fds[i], "");
		add(args, r, "-device");
		/* The ring is as long as the transport lets the guest make it, whatever is said
		 * here; what is told to the backend of requests under way is for this length. */
		add(args, r,
		    "vhost-user-blk,chardev=%s,num-queues=1,queue-size=1024,"
		    "bus=virtio-mmio-bus.%u",
		    id, --slot);
	}
	if (config->fs_fd >= 0) {
		add_chardev(args, r, "fs", config->fs_fd, "");
		add(args, r, "-device");
		add(args, r,
		    "vhost-user-fs-device,chardev=fs,tag=sbx,num-request-queues=2,"
		    "queue-size=1024,bus=virtio-mmio-bus.%u",
		    --slot);
	}
	if (config->vsock_fd >= 0) {
		add_chardev(args, r, "vsock", config->vsock_fd, "");
		add(args, r, "-device");
		add(args, r, "vhost-user-vsock-device,chardev=vsock,bus=virtio-mmio-bus.%u",
		    --slot);
	}
	if (config->net_path != NULL)
		add_net(args, r, --slot);
	add(args, r, "-device");
	add(args, r, "virtio-rng-device,bus=virtio-mmio-bus.%u", --slot);
	add(args, r, "-device");
	add(args, r,
	    "virtio-balloon-device,id=balloon,free-page-reporting=on,bus=virtio-mmio-bus.%u",
	    --slot);
}

static void add_sockets(struct qemu_args *args, int *r, const struct engine_config *config,
			int control_fd)
{
	add(args, r, "-serial");
	if (config->console_fd >= 0) {
		add(args, r, "chardev:console");
		add_chardev(args, r, "console", config->console_fd, ",server=on,wait=off");
	} else {
		add(args, r, "none");
	}
	add_chardev(args, r, "control", control_fd, ",server=on,wait=off");
	add(args, r, "-mon");
	add(args, r, "chardev=control,mode=control");
}

int qemu_args_init(struct qemu_args *args, const struct engine_config *config, int control_fd,
		   uint32_t tsc_khz)
{
	int r = 0;

	*args = (struct qemu_args){ .argc = 0 };
	if (config->disks_count > ENGINE_DISKS_MAX)
		return -E2BIG;
	add_machine(args, &r, config, tsc_khz);
	add_devices(args, &r, config);
	add_sockets(args, &r, config, control_fd);
	return r;
}

void qemu_args_finish(struct qemu_args *args)
{
	for (size_t i = 0; i < args->argc; i++)
		free(args->argv[i]);
	*args = (struct qemu_args){ .argc = 0 };
}
