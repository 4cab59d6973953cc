/*
 * The engine for hosts whose KVM runs an unmodified kernel: our own sbx-vmm.
 * It opens nothing itself: /dev/kvm, kernel and initramfs go to it as
 * descriptors, and it is jailed like a backend.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "engine/end.h"
#include "engine/engine.h"
#include "hv/probe.h"
#include "wire/vmm.h"

#define KVM_DEVICE "/dev/kvm"

/* kvm, kernel, initramfs, control and console; vmm's words for them and for cpus, memory, jail. */
enum {
	OWN_FDS = 5,
	FDS_MAX = OWN_FDS + ENGINE_DISKS_MAX + 3,
	WORDS_MAX = FDS_MAX + 5,
	WORD_SIZE = 32,
	CMDLINE_ROOM = 2048, /* what Linux takes on x86 */
};

_Static_assert((int)FDS_MAX <= (int)SPAWN_FDS_MAX, "jail/spawn.h");

struct start {
	char *argv[WORDS_MAX + 2];
	char word[WORDS_MAX][WORD_SIZE];
	size_t words;
	int fds[FDS_MAX];
	size_t fds_count;
};

static int kvm_probe(struct err *ret_why)
{
	return hv_probe(KVM_DEVICE, ret_why) == HV_WORKS ? 0 : ret_why->code;
}

static void add_word(struct start *start, const char *text)
{
	char *word = start->word[start->words];

	(void)snprintf(word, WORD_SIZE, "%s", text);
	start->argv[++start->words] = word;
}

static void add_number(struct start *start, const char *name, uint64_t value)
{
	char text[WORD_SIZE];

	(void)snprintf(text, sizeof(text), "%s=%" PRIu64, name, value);
	add_word(start, text);
}

/* The child sees the descriptors from 3 on, in this order. */
static void add_fd(struct start *start, const char *name, int fd)
{
	if (fd < 0)
		return;
	add_number(start, name, 3 + start->fds_count);
	start->fds[start->fds_count++] = fd;
}

static void add_devices(struct start *start, const struct engine_config *config, int net_fd)
{
	for (size_t i = 0; i < config->disks_count && i < ENGINE_DISKS_MAX; i++)
		add_fd(start, "blk", config->disk_fds[i]);
	add_fd(start, "fs", config->fs_fd);
	add_fd(start, "vsock", config->vsock_fd);
	add_fd(start, "net", net_fd);
	add_number(start, "cpus", config->cpus);
	add_number(start, "memory", config->memory_bytes);
	if (config->weak_jail)
		add_word(start, "jail=weak");
}

static int open_file(const char *path, int flags, int *ret, struct err *err)
{
	*ret = open(path, flags | O_CLOEXEC);
	return *ret < 0 ? err_set_errno(err, -errno, "cannot open '%s'", path) : 0;
}

static int spawn(struct start *start, const struct engine_config *config, struct spawned *ret_child,
		 struct err *err)
{
	char cmdline[sizeof("cmdline=") + CMDLINE_ROOM];
	int len = snprintf(cmdline, sizeof(cmdline), "cmdline=%s", config->cmdline);

	if (len < 0 || (size_t)len >= sizeof(cmdline))
		return err_set(err, -E2BIG, "the kernel command line is longer than %d bytes",
			       CMDLINE_ROOM);
	start->argv[0] = (char[]){ "sbx-vmm" };
	start->argv[++start->words] = cmdline;
	return jail_spawn(
		&(struct spawn_config){
			.program = config->vmm,
			.argv = start->argv,
			.fds = start->fds,
			.fds_count = start->fds_count,
			.stdout_fd = config->messages_fd,
			.weak = config->weak_jail,
		},
		ret_child, err);
}

static int kvm_start(const struct engine_config *config, struct spawned *ret_child, struct err *err)
{
	autoclose int device = -1;
	autoclose int kernel = -1;
	autoclose int initramfs = -1;
	autoclose int control = -1;
	autoclose int net = -1;
	struct start start = { .words = 0 };
	int r;

	if (config->vmm == NULL)
		return err_set(err, -ENOENT, "there is no sbx-vmm beside this program");
	r = open_file(KVM_DEVICE, O_RDWR, &device, err);
	if (r == 0)
		r = open_file(config->kernel, O_RDONLY, &kernel, err);
	if (r == 0)
		r = open_file(config->initramfs, O_RDONLY, &initramfs, err);
	if (r < 0)
		return r;
	if (config->net_path != NULL)
		r = fd_connect_unix(config->net_path, &net);
	if (r < 0)
		return err_set_errno(err, r, "no network backend listens at '%s'",
				     config->net_path);
	r = fd_listen_unix(config->control_path, &control);
	if (r < 0)
		return err_set_errno(err, r, "cannot listen at '%s'", config->control_path);
	add_fd(&start, "kvm", device);
	add_fd(&start, "kernel", kernel);
	add_fd(&start, "initramfs", initramfs);
	add_fd(&start, "control", control);
	add_fd(&start, "console", config->console_fd);
	add_devices(&start, config, net);
	return spawn(&start, config, ret_child, err);
}

/* Reads a whole answer before the deadline. */
static int receive(int fd, uint8_t to[VMM_ANSWER_SIZE], uint64_t deadline_ms)
{
	size_t got = 0;

	while (got < VMM_ANSWER_SIZE) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int ready = poll(&wait, 1, clock_left_ms(deadline_ms));
		ssize_t n;

		if (ready == 0)
			return -ETIMEDOUT;
		n = recv(fd, to + got, VMM_ANSWER_SIZE - got, MSG_DONTWAIT);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/*
 * Connects even before sbx-vmm accepts: the socket was made at the start. passed: a
 * descriptor that goes with the question; -1: none.
 */
static int ask(const struct engine_vm *vm, const struct vmm_ask_message *message, int passed,
	       uint64_t deadline_ms, struct vmm_answer *ret)
{
	uint8_t question[VMM_ASK_SIZE], bytes[VMM_ANSWER_SIZE];
	autoclose int fd = -1;
	int r = fd_connect_unix(vm->control_path, &fd);

	if (r < 0)
		return r;
	vmm_ask_encode(message, question);
	if (fd_send(fd, question, sizeof(question), &passed, passed < 0 ? 0 : 1) !=
	    (ssize_t)sizeof(question))
		return -EPIPE;
	r = receive(fd, bytes, deadline_ms);
	return r < 0 ? r : vmm_answer_decode(bytes, ret);
}

static int kvm_wait(const struct engine_vm *vm, uint64_t deadline_ms, struct err *err)
{
	struct vmm_answer answer;
	const struct vmm_ask_message message = { .ask = VMM_ASK_STATE };
	int r = ask(vm, &message, -1, deadline_ms, &answer);

	if (r < 0)
		return err_set_errno(err, r, "sbx-vmm does not answer");
	if (answer.state != VMM_RUNNING)
		return err_set(err, -EIO, "%s", answer.text);
	return 0;
}

static int kvm_kill(const struct engine_vm *vm, struct err *err)
{
	return engine_end(vm, "sbx-vmm", err);
}

static int kvm_balloon(const struct engine_vm *vm, uint64_t target_bytes, uint64_t deadline_ms,
		       struct err *err)
{
	struct vmm_answer answer;
	const struct vmm_ask_message message = { .ask = VMM_ASK_BALLOON, .value = target_bytes };
	int r = ask(vm, &message, -1, deadline_ms, &answer);

	return r < 0 ? err_set_errno(err, r, "sbx-vmm does not answer") : 0;
}

/* The disks are the first devices that sbx-vmm is told. */
static int kvm_replace_disks(const struct engine_vm *vm, const int *fds, size_t count,
			     uint64_t deadline_ms, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct vmm_ask_message message = { .ask = VMM_ASK_BACKEND, .value = i };
		struct vmm_answer answer;
		int r = ask(vm, &message, fds[i], deadline_ms, &answer);

		if (r < 0)
			return err_set_errno(err, r, "sbx-vmm does not answer");
		if (answer.error != 0)
			return err_set(err, -EIO, "%s", answer.text);
	}
	return 0;
}

const struct engine_impl engine_kvm = {
	.name = "kvm",
	.default_memory_bytes = UINT64_C(32) << 30,
	.probe = kvm_probe,
	.start = kvm_start,
	.wait = kvm_wait,
	.stop = NULL, /* there is no power button: the agent shuts down */
	.kill = kvm_kill,
	.replace_disks = kvm_replace_disks,
	.balloon = kvm_balloon,
};
