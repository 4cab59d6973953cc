#include "engine/qemu_args.h"

#include <errno.h>

#include "base/check.h"
#include "tests/unit/test.h"

static struct engine_config plain(void)
{
	return (struct engine_config){
		.kernel = "/host/vmlinux",
		.initramfs = "/host/initramfs",
		.cmdline = "console=ttyS0",
		.cpus = 2,
		.memory_bytes = 1024ull << 20,
		.console_fd = 40,
		.disk_fds = { 20, 21, 22 },
		.disks_count = 3,
		.fs_fd = 30,
		.vsock_fd = 31,
		.net_path = "/run/link.sock",
	};
}

/* The argument after the n-th (from 0) `name`. */
static const char *value_of(const struct qemu_args *args, const char *name, unsigned n)
{
	for (size_t i = 0; i + 1 < args->argc; i++)
		if (strcmp(args->argv[i], name) == 0 && n-- == 0)
			return args->argv[i + 1];
	return NULL;
}

static bool has(const struct qemu_args *args, const char *argument)
{
	for (size_t i = 0; i < args->argc; i++)
		if (strcmp(args->argv[i], argument) == 0)
			return true;
	return false;
}

TEST(a_whole_machine)
{
	struct engine_config config = plain();
	struct qemu_args args;

	CHECK_EQ(qemu_args_init(&args, &config, 50, 2600000), 0);
	CHECK_STR(args.argv[0], "qemu-system-x86_64");
	CHECK(args.argv[args.argc] == NULL);
	CHECK_STR(value_of(&args, "-smp", 0), "2");
	CHECK_STR(value_of(&args, "-cpu", 0), "max,erms=off,fsrm=off");
	CHECK_STR(value_of(&args, "-m", 0), "size=1024M");
	CHECK_STR(value_of(&args, "-object", 0),
		  "memory-backend-memfd,id=memory,size=1024M,share=on");
	CHECK_STR(value_of(&args, "-append", 0),
		  "console=ttyS0 iommu=off no_timer_check randmaps=boot tsc=reliable "
		  "tsc_early_khz=2600000 lpj=26000000");
	CHECK_STR(value_of(&args, "-kernel", 0), "/kernel");
	CHECK_STR(value_of(&args, "-initrd", 0), "/initramfs");
	qemu_args_finish(&args);
}

TEST(descriptors_are_numbered_as_the_child_sees_them)
{
	static const int want[] = { 20, 21, 22, 30, 31, 40, 50 };
	struct engine_config config = plain();
	struct qemu_args args;

	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), 0);
	CHECK_EQ(args.fds_count, countof(want));
	CHECK_MEM(args.fds, want, sizeof(want));
	CHECK_STR(value_of(&args, "-chardev", 0), "socket,id=disk0,fd=3");
	CHECK_STR(value_of(&args, "-chardev", 3), "socket,id=fs,fd=6");
	CHECK_STR(value_of(&args, "-chardev", 4), "socket,id=vsock,fd=7");
	CHECK_STR(value_of(&args, "-chardev", 5), "socket,id=net,path=/net.sock");
	CHECK_STR(value_of(&args, "-chardev", 6), "socket,id=console,fd=8,server=on,wait=off");
	CHECK_STR(value_of(&args, "-chardev", 7), "socket,id=control,fd=9,server=on,wait=off");
	CHECK_STR(value_of(&args, "-append", 0),
		  "console=ttyS0 iommu=off no_timer_check randmaps=boot");
	qemu_args_finish(&args);
}

TEST(disks_come_in_order_and_every_device_has_its_slot)
{
	struct engine_config config = plain();
	struct qemu_args args;

	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), 0);
	CHECK_STR(
		value_of(&args, "-device", 0),
		"vhost-user-blk,chardev=disk0,num-queues=1,queue-size=1024,bus=virtio-mmio-bus.23");
	CHECK_STR(
		value_of(&args, "-device", 2),
		"vhost-user-blk,chardev=disk2,num-queues=1,queue-size=1024,bus=virtio-mmio-bus.21");
	CHECK_STR(value_of(&args, "-device", 4),
		  "vhost-user-vsock-device,chardev=vsock,bus=virtio-mmio-bus.19");
	CHECK(has(&args,
		  "virtio-balloon-device,id=balloon,free-page-reporting=on,"
		  "bus=virtio-mmio-bus.16"));
	qemu_args_finish(&args);
}

TEST(the_network_is_what_its_backend_serves)
{
	struct engine_config config = plain();
	struct qemu_args args;

	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), 0);
	CHECK_STR(value_of(&args, "-netdev", 0), "vhost-user,id=net,chardev=net,queues=1");
	CHECK(value_of(&args, "-netdev", 1) == NULL);
	CHECK(strstr(value_of(&args, "-device", 5),
		     "virtio-net-device,netdev=net,"
		     "mac=02:73:62:78:00:02,host_mtu=65520,") != NULL);
	CHECK(strstr(value_of(&args, "-device", 5), "bus=virtio-mmio-bus.18") != NULL);
	qemu_args_finish(&args);
}

TEST(nothing_is_there_by_default)
{
	struct engine_config config = plain();
	struct qemu_args args;

	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), 0);
	CHECK(has(&args, "-nodefaults") && has(&args, "-no-user-config"));
	CHECK(has(&args,
		  "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
	CHECK_STR(value_of(&args, "-display", 0), "none");
	/* the monitor is on the control socket and nowhere else */
	CHECK_STR(value_of(&args, "-mon", 0), "chardev=control,mode=control");
	CHECK(value_of(&args, "-monitor", 0) == NULL);
	qemu_args_finish(&args);
}

TEST(parts_that_are_not_wanted_are_left_out)
{
	struct engine_config config = plain();
	struct qemu_args args;

	config.fs_fd = config.vsock_fd = config.console_fd = -1;
	config.net_path = NULL;
	config.disks_count = 0;
	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), 0);
	CHECK_EQ(args.fds_count, 1);
	CHECK(value_of(&args, "-netdev", 0) == NULL);
	CHECK_STR(value_of(&args, "-serial", 0), "none");
	CHECK_STR(value_of(&args, "-chardev", 0), "socket,id=control,fd=3,server=on,wait=off");
	qemu_args_finish(&args);
}

TEST(too_many_disks_are_refused)
{
	struct engine_config config = plain();
	struct qemu_args args;

	config.disks_count = ENGINE_DISKS_MAX + 1;
	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), -E2BIG);
	qemu_args_finish(&args);
	config.disks_count = ENGINE_DISKS_MAX;
	CHECK_EQ(qemu_args_init(&args, &config, 50, 0), 0);
	CHECK(args.fds_count <= SPAWN_FDS_MAX);
	qemu_args_finish(&args);
}

TEST_MAIN()
