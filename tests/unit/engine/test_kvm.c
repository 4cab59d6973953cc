/*
 * The engine with the real sbx-vmm in its jail, on the machine's /dev/kvm. The
 * kernel is a few instructions: enough to see it start, speak, end and be
 * killed, on any KVM that opens.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "engine/engine.h"
#include "tests/unit/boot/image.h"
#include "tests/unit/test.h"
#include "wire/vmm.h"

enum { PATIENCE_MS = 60000, CODE_MAX = 1024 };

struct fixture {
	char folder[64], control[96], console_path[96], kernel[64], initramfs[64];
	int kernel_fd, initramfs_fd, console;
	struct engine_config config;
	struct spawned child;
	struct engine_vm vm;
	struct err err;
};

/* Machine code that sends text to the console. */
static size_t say(uint8_t *code, const char *text)
{
	uint8_t *to = code;

	memcpy(to, "\x66\xba\xf8\x03", 4); /* mov dx, 0x3f8 */
	to += 4;
	for (; *text != '\0'; text++) {
		*to++ = 0xb0; /* mov al, c */
		*to++ = (uint8_t)*text;
		*to++ = 0xee; /* out dx, al */
	}
	return (size_t)(to - code);
}

static size_t reset(uint8_t *code)
{
	memcpy(code, "\xb0\xfe\xe6\x64\xeb\xfe", 6); /* mov al, 0xfe; out 0x64, al; jmp . */
	return 6;
}

static size_t spin(uint8_t *code)
{
	memcpy(code, "\xf3\x90\xeb\xfc", 4); /* pause; jmp */
	return 4;
}

static bool init(struct fixture *f, const uint8_t *code, size_t len)
{
	struct image image;

	*f = (struct fixture){ .folder = "/tmp/sbx-engine-XXXXXX",
			       .err = ERR_INIT,
			       .child = { .pidfd = -1, .gate = -1 },
			       .console = -1 };
	image_init(&image);
	memcpy(image.bytes + 0x1010, code, len);
	f->kernel_fd = memfd_create("kernel", MFD_CLOEXEC);
	f->initramfs_fd = memfd_create("initramfs", MFD_CLOEXEC);
	(void)snprintf(f->kernel, sizeof(f->kernel), "/proc/self/fd/%d", f->kernel_fd);
	(void)snprintf(f->initramfs, sizeof(f->initramfs), "/proc/self/fd/%d", f->initramfs_fd);
	if (mkdtemp(f->folder) == NULL ||
	    write(f->kernel_fd, &image, sizeof(image)) != (ssize_t)sizeof(image))
		return false;
	(void)snprintf(f->control, sizeof(f->control), "%s/control", f->folder);
	(void)snprintf(f->console_path, sizeof(f->console_path), "%s/console", f->folder);
	f->config = (struct engine_config){ .kernel = f->kernel,
					    .initramfs = f->initramfs,
					    .vmm = getenv("SBX_VMM"),
					    .cmdline = "quiet",
					    .control_path = f->control,
					    .cpus = 2,
					    .memory_bytes = 64 << 20,
					    .console_fd = -1,
					    .messages_fd = STDERR_FILENO,
					    .fs_fd = -1,
					    .vsock_fd = -1 };
	return f->config.vmm != NULL;
}

static void finish(struct fixture *f)
{
	spawned_finish(&f->child);
	(void)close(f->kernel_fd);
	(void)close(f->initramfs_fd);
	if (f->console >= 0)
		(void)close(f->console);
	(void)file_remove_tree(AT_FDCWD, f->folder);
}

static int start(struct fixture *f)
{
	int r = engine_kvm.start(&f->config, &f->child, &f->err);

	if (r == 0)
		r = jail_spawn_release(&f->child, &f->err);
	f->vm = (struct engine_vm){ .process = f->child.id, .control_path = f->control };
	if (r < 0)
		printf("# %s\n", f->err.text);
	return r;
}

/* Its exit status once it has ended; -1 when it has not, or not by itself. */
static int await_exit(struct fixture *f)
{
	struct pollfd wait = { .fd = f->child.pidfd, .events = POLLIN };
	siginfo_t info = { 0 };

	if (poll(&wait, 1, PATIENCE_MS) != 1 ||
	    waitid(P_PIDFD, (id_t)f->child.pidfd, &info, WEXITED) < 0)
		return -1;
	return info.si_code == CLD_EXITED ? info.si_status : -1;
}

#define NEEDS_KVM()                                             \
	do {                                                    \
		int fd_ = open("/dev/kvm", O_RDWR | O_CLOEXEC); \
		if (fd_ < 0)                                    \
			SKIP("/dev/kvm does not open here");    \
		(void)close(fd_);                               \
	} while (0)

TEST(a_guest_that_resets_ends_its_process)
{
	uint8_t code[CODE_MAX];
	struct fixture f;

	NEEDS_KVM();
	CHECK(init(&f, code, reset(code)));
	CHECK_EQ(start(&f), 0);
	CHECK_EQ(await_exit(&f), EXIT_SUCCESS);
	CHECK_EQ(engine_kvm.kill(&f.vm, &f.err), 0); /* it is gone already */
	finish(&f);
}

TEST(a_weak_jail_is_told)
{
	uint8_t code[CODE_MAX];
	struct fixture f;

	NEEDS_KVM();
	CHECK(init(&f, code, reset(code)));
	f.config.weak_jail = true;
	CHECK_EQ(start(&f), 0);
	CHECK_EQ(await_exit(&f), EXIT_SUCCESS);
	finish(&f);
}

TEST(a_running_guest_is_waited_for_ballooned_and_killed)
{
	uint8_t code[CODE_MAX];
	struct fixture f;
	uint64_t deadline = clock_now_ms() + PATIENCE_MS;

	NEEDS_KVM();
	CHECK(init(&f, code, spin(code)));
	CHECK_EQ(start(&f), 0);
	CHECK_EQ(engine_kvm.wait(&f.vm, deadline, &f.err), 0);
	CHECK_EQ(engine_kvm.balloon(&f.vm, 48 << 20, deadline, &f.err), 0);
	CHECK_EQ(engine_kvm.kill(&f.vm, &f.err), 0);
	CHECK_EQ(await_exit(&f), -1);
	finish(&f);
}

TEST(vcpus_are_made_up_to_the_limit)
{
	static const unsigned counts[] = { 1, 9, 64 };
	uint8_t code[CODE_MAX];
	struct fixture f;

	NEEDS_KVM();
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		CHECK(init(&f, code, reset(code)));
		f.config.cpus = counts[i];
		CHECK_EQ(start(&f), 0);
		CHECK_EQ(await_exit(&f), EXIT_SUCCESS);
		finish(&f);
	}
}

TEST(a_panic_is_a_failure)
{
	uint8_t code[CODE_MAX];
	struct fixture f;
	size_t len = say(code, "Kernel panic - not syncing: no init\n");
	char got[4096] = "";
	int messages[2];

	len += reset(code + len);
	NEEDS_KVM();
	CHECK(init(&f, code, len));
	CHECK_EQ(fd_listen_unix(f.console_path, &f.console), 0);
	CHECK_EQ(fd_socketpair(messages), 0);
	f.config.console_fd = f.console;
	f.config.messages_fd = messages[1];
	CHECK_EQ(start(&f), 0);
	CHECK_EQ(await_exit(&f), EXIT_FAILURE);
	CHECK(read(messages[0], got, sizeof(got) - 1) > 0);
	CHECK(strstr(got, "Kernel panic - not syncing: no init") != NULL);
	(void)close(messages[0]);
	(void)close(messages[1]);
	finish(&f);
}

TEST(what_is_no_kernel_is_said_to_who_waits)
{
	uint8_t code[CODE_MAX];
	struct fixture f;

	NEEDS_KVM();
	CHECK(init(&f, code, reset(code)));
	CHECK_EQ(ftruncate(f.kernel_fd, 16), 0);
	CHECK_EQ(start(&f), 0);
	CHECK_EQ(engine_kvm.wait(&f.vm, clock_now_ms() + PATIENCE_MS, &f.err), -EIO);
	CHECK(strstr(f.err.text, "cannot load the kernel") != NULL);
	CHECK_EQ(await_exit(&f), EXIT_FAILURE);
	finish(&f);
}

TEST(a_lost_guest_says_what_happened)
{
	uint8_t code[CODE_MAX] = "\xb8\x00\x00\x00\xd0\xff\xe0"; /* mov eax, 0xd0000000; jmp rax */
	struct fixture f;

	NEEDS_KVM();
	CHECK(init(&f, code, 7));
	CHECK_EQ(start(&f), 0);
	CHECK_EQ(await_exit(&f), EXIT_FAILURE);
	finish(&f);
}

TEST(what_is_missing_is_a_sentence)
{
	uint8_t code[CODE_MAX];
	struct fixture f;

	NEEDS_KVM();
	CHECK(init(&f, code, reset(code)));
	f.config.kernel = "/nonexistent/vmlinux";
	CHECK_EQ(engine_kvm.start(&f.config, &f.child, &f.err), -ENOENT);
	CHECK(strstr(f.err.text, "cannot open '/nonexistent/vmlinux'") != NULL);
	f.config.vmm = NULL;
	CHECK_EQ(engine_kvm.start(&f.config, &f.child, &f.err), -ENOENT);
	CHECK(strstr(f.err.text, "sbx-vmm") != NULL);
	f.vm.control_path = f.control;
	CHECK(engine_kvm.wait(&f.vm, clock_now_ms() + PATIENCE_MS, &f.err) < 0);
	finish(&f);
}

TEST_MAIN()
