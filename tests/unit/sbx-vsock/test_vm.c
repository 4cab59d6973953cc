/*
 * sbx-vsock with QEMU in front and Linux behind it: its driver is the judge of
 * our device. The VM is started once for all cases. Figures come as comments.
 *
 * Environment: SBX_VSOCK, VM_KERNEL (missing: skipped), VM_INITRAMFS.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "engine/engine.h"
#include "jail/spawn.h"
#include "tests/unit/sbx-vsock/vm_ports.h"
#include "tests/unit/test.h"
#include "wire/vsock.h"

enum {
	WAIT_MS = 120000,
	MEMORY_MEGABYTES = 192,
	ROUNDS = 200,
	TOGETHER = 20,
	MEGABYTE = 1 << 20,
	STREAM_MEGABYTES = 32
};

/* The VM and its sbx-vsock. */
static struct vm {
	struct spawned qemu, vsock;
	char folder[64];
	int events;
} vm = { .qemu = { .pidfd = -1, .gate = -1 }, .vsock = { .pidfd = -1, .gate = -1 }, .events = -1 };

static int start_vsock(int socket)
{
	char *argv[] = { (char *)"sbx-vsock", (char *)"3", NULL };
	autoclose int listener = -1;
	struct err err = ERR_INIT;
	char path[128];
	int fds[2], r;

	(void)snprintf(path, sizeof(path), "%s/socket", vm.folder);
	r = fd_listen_unix(path, &listener);
	if (r < 0)
		return r;
	fds[0] = socket;
	fds[1] = listener;
	r = jail_spawn(&(struct spawn_config){ .program = getenv("SBX_VSOCK"),
					       .argv = argv,
					       .fds = fds,
					       .fds_count = countof(fds),
					       .stdout_fd = STDERR_FILENO },
		       &vm.vsock, &err);
	if (r == 0)
		r = jail_spawn_release(&vm.vsock, &err);
	if (r < 0)
		printf("# %s\n", err.text);
	return r;
}

static int start_qemu(int socket)
{
	struct err err = ERR_INIT;
	char path[128];
	const struct engine_config config = {
		.kernel = getenv("VM_KERNEL"),
		.initramfs = getenv("VM_INITRAMFS"),
		.cmdline = "panic=-1 random.trust_cpu=on",
		.control_path = path,
		.cpus = 2,
		.memory_bytes = (uint64_t)MEMORY_MEGABYTES * MEGABYTE,
		.cid = 3,
		.console_fd = -1,
		.messages_fd = STDERR_FILENO,
		.fs_fd = -1,
		.vsock_fd = socket,
	};
	int r;

	(void)snprintf(path, sizeof(path), "%s/control", vm.folder);
	r = engine_qemu.start(&config, &vm.qemu, &err);
	if (r == 0)
		r = jail_spawn_release(&vm.qemu, &err);
	if (r < 0)
		printf("# %s\n", err.text);
	return r;
}

static int ask(const struct vsock_ask_message *message)
{
	uint8_t bytes[VSOCK_ASK_SIZE];
	char path[128];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/socket", vm.folder);
	vsock_ask_encode(message, bytes);
	r = fd_connect_unix(path, &fd);
	if (r == 0)
		r = fd_write_full(fd, bytes, sizeof(bytes));
	return r < 0 ? r : fd;
}

/* Exactly len bytes; false when they do not come in time. */
static bool read_all(int fd, void *to, size_t len)
{
	uint8_t *at = to;

	while (len > 0) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&poll_fd, 1, WAIT_MS) != 1)
			return false;
		n = read(fd, at, len);
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool wait_event(enum vsock_event wanted, uint32_t wanted_value)
{
	uint8_t bytes[VSOCK_EVENT_SIZE];
	enum vsock_event event;
	uint32_t value;

	while (read_all(vm.events, bytes, sizeof(bytes)) &&
	       vsock_event_decode(bytes, &event, &value) == 0) {
		if (event == wanted && value == wanted_value)
			return true;
	}
	return false;
}

static bool vm_start(void)
{
	autoclose int ours = -1, theirs = -1;
	int pair[2];

	(void)snprintf(vm.folder, sizeof(vm.folder), "/tmp/sbx-vm-XXXXXX");
	if (mkdtemp(vm.folder) == NULL || fd_socketpair(pair) < 0)
		return false;
	ours = pair[0];
	theirs = pair[1];
	if (start_vsock(ours) < 0 || start_qemu(theirs) < 0)
		return false;
	vm.events = ask(&(struct vsock_ask_message){ .ask = VSOCK_EVENTS });
	return vm.events >= 0;
}

static int connect_guest(uint32_t port)
{
	uint8_t code = 255;
	int fd = ask(&(struct vsock_ask_message){
		.ask = VSOCK_CONNECT, .flags = VSOCK_FLAG_SESSION, .port = port });

	if (fd < 0)
		return fd;
	if (read_all(fd, &code, 1) && code == 0)
		return fd;
	(void)close(fd);
	return code == 255 ? -EIO : -(int)code;
}

static bool ends(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&poll_fd, 1, WAIT_MS) == 1 && read(fd, &byte, 1) == 0;
}

TEST(linux_boots_and_knocks)
{
	struct err why = ERR_INIT;
	uint64_t start_ms = clock_now_ms();

	if (getenv("VM_KERNEL") == NULL || access(getenv("VM_KERNEL"), R_OK) < 0)
		SKIP("no guest kernel was built");
	if (engine_qemu.probe(&why) < 0)
		SKIP("no QEMU here");
	CHECK(vm_start());
	CHECK(wait_event(VSOCK_EVENT_READY, 0));
	printf("# knock after %" PRIu64 " ms\n", clock_now_ms() - start_ms);
}

#define NEED_VM()                               \
	do {                                    \
		if (vm.events < 0)              \
			SKIP("there is no VM"); \
	} while (0)

TEST(a_port_that_nobody_serves_is_refused)
{
	NEED_VM();
	CHECK_EQ(connect_guest(4242), -ECONNREFUSED);
}

/* What an exec costs of the channel: connect, a byte each way, close. */
TEST(short_exchanges)
{
	uint64_t start_ms, took_ms;

	NEED_VM();
	start_ms = clock_now_ms();
	for (int i = 0; i < ROUNDS; i++) {
		autoclose int fd = connect_guest(VM_PORT_BYTE);
		char byte = (char)i;

		CHECK(fd >= 0);
		CHECK_EQ(write(fd, &byte, 1), 1);
		CHECK(read_all(fd, &byte, 1));
		CHECK_EQ(byte, (char)i);
		CHECK(ends(fd));
	}
	took_ms = clock_now_ms() - start_ms;
	printf("# connect, byte each way, close: %.3f ms\n", (double)took_ms / ROUNDS);
}

TEST(a_byte_to_and_fro_on_one_connection)
{
	autoclose int fd = -1;
	uint64_t start_ms;

	NEED_VM();
	fd = connect_guest(VM_PORT_ECHO);
	CHECK(fd >= 0);
	start_ms = clock_now_ms();
	for (int i = 0; i < ROUNDS; i++) {
		char byte = (char)i;

		CHECK_EQ(write(fd, &byte, 1), 1);
		CHECK(read_all(fd, &byte, 1));
	}
	printf("# round trip: %.3f ms\n", (double)(clock_now_ms() - start_ms) / ROUNDS);
}

TEST(a_half_close_waits_for_the_rest)
{
	static uint8_t bytes[200000], back[200000];
	autoclose int fd = -1;

	NEED_VM();
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 13 >> 2);
	fd = connect_guest(VM_PORT_ECHO);
	CHECK(fd >= 0);
	/* The guest reads on while it sends, so all of it fits on the way. */
	CHECK_EQ(fd_write_full(fd, bytes, sizeof(bytes)), 0);
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK(read_all(fd, back, sizeof(back)));
	CHECK_EQ(memcmp(bytes, back, sizeof(bytes)), 0);
	CHECK(ends(fd));
}

TEST(a_stream_to_the_guest)
{
	static uint8_t block[MEGABYTE];
	autoclose int fd = -1;
	uint64_t start_ms, sum = 0;

	NEED_VM();
	fd = connect_guest(VM_PORT_SINK);
	CHECK(fd >= 0);
	start_ms = clock_now_ms();
	for (int i = 0; i < STREAM_MEGABYTES; i++)
		CHECK_EQ(fd_write_full(fd, block, sizeof(block)), 0);
	CHECK_EQ(shutdown(fd, SHUT_WR), 0);
	CHECK(read_all(fd, &sum, sizeof(sum)));
	CHECK_EQ(sum, (uint64_t)STREAM_MEGABYTES * MEGABYTE);
	printf("# to the guest: %.0f MiB/s\n",
	       STREAM_MEGABYTES * 1000.0 / (double)(clock_now_ms() - start_ms));
}

TEST(a_stream_from_the_guest)
{
	static uint8_t block[MEGABYTE];
	const uint64_t count = (uint64_t)STREAM_MEGABYTES * MEGABYTE;
	autoclose int fd = -1;
	uint64_t start_ms;

	NEED_VM();
	fd = connect_guest(VM_PORT_SOURCE);
	CHECK(fd >= 0);
	start_ms = clock_now_ms();
	CHECK_EQ(fd_write_full(fd, &count, sizeof(count)), 0);
	for (int i = 0; i < STREAM_MEGABYTES; i++)
		CHECK(read_all(fd, block, sizeof(block)));
	CHECK(ends(fd));
	printf("# from the guest: %.0f MiB/s\n",
	       STREAM_MEGABYTES * 1000.0 / (double)(clock_now_ms() - start_ms));
}

TEST(twenty_at_once)
{
	int fd[TOGETHER];

	NEED_VM();
	for (int i = 0; i < TOGETHER; i++) {
		fd[i] = connect_guest(VM_PORT_ECHO);
		CHECK(fd[i] >= 0);
	}
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < TOGETHER; i++) {
			char text[16];

			(void)snprintf(text, sizeof(text), "%d of %d", round, i);
			CHECK_EQ(fd_write_full(fd[i], text, sizeof(text)), 0);
		}
		for (int i = 0; i < TOGETHER; i++) {
			char text[16], back[16];

			(void)snprintf(text, sizeof(text), "%d of %d", round, i);
			CHECK(read_all(fd[i], back, sizeof(back)));
			CHECK_STR(back, text);
		}
	}
	/* The listener so far did not read all that time, and may have been dropped. */
	(void)close(vm.events);
	vm.events = ask(&(struct vsock_ask_message){ .ask = VSOCK_EVENTS });
	CHECK(wait_event(VSOCK_EVENT_SESSIONS, TOGETHER));
	for (int i = 0; i < TOGETHER; i++)
		(void)close(fd[i]);
	CHECK(wait_event(VSOCK_EVENT_SESSIONS, 0));
}

/* The VM's end is the program's end. */
TEST(it_ends_with_the_vm)
{
	struct pollfd ended = { .events = POLLIN };
	siginfo_t info = { 0 };

	NEED_VM();
	CHECK_EQ(syscall(SYS_pidfd_send_signal, vm.qemu.pidfd, SIGKILL, NULL, 0), 0);
	ended.fd = vm.vsock.pidfd;
	CHECK_EQ(poll(&ended, 1, WAIT_MS), 1);
	CHECK_EQ(waitid(P_PIDFD, (id_t)vm.vsock.pidfd, &info, WEXITED), 0);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 0);
	CHECK_EQ(waitid(P_PIDFD, (id_t)vm.qemu.pidfd, &info, WEXITED), 0);
	spawned_finish(&vm.vsock);
	spawned_finish(&vm.qemu);
	(void)close(take_fd(&vm.events));
	CHECK_EQ(file_remove_tree(AT_FDCWD, vm.folder), 0);
}

TEST_MAIN()
