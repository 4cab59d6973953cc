/*
 * A call is made by putting the registers before the `syscall` instruction at
 * which the program stopped. ptrace(2) stops at the entry of a call before
 * seccomp looks at it (since Linux 4.8), so nothing of the verdict is hidden.
 */
#include "tests/attack/jail/held.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/err.h"

enum {
	ROOM = 8192, /* bytes below the stack pointer where copies are given bytes */
	CALL_BYTES = 2,
	SYSCALL_STOP = SIGTRAP | 0x80,
	OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
		  PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE,
};

static int wait_for(pid_t pid, int *ret)
{
	return waitpid(pid, ret, __WALL) == pid ? 0 : -errno;
}

static bool is_birth(int status)
{
	int event = status >> 16;

	return event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	       event == PTRACE_EVENT_CLONE;
}

/* To the next entry or exit of a call, or its end; *ret_born gets whom it made, if anybody. */
static int run_on(pid_t pid, int *ret_status, pid_t *ret_born)
{
	long signal = 0;

	for (;;) {
		int r;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, signal) < 0)
			return -errno;
		r = wait_for(pid, ret_status);
		if (r < 0 || !WIFSTOPPED(*ret_status) || WSTOPSIG(*ret_status) == SYSCALL_STOP)
			return r;
		signal = *ret_status >> 16 == 0 ? WSTOPSIG(*ret_status) : 0;
		if (is_birth(*ret_status)) {
			unsigned long born = 0;

			if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &born) < 0)
				return -errno;
			*ret_born = (pid_t)born;
		}
	}
}

/* A filter's verdict: the call was skipped, and this signal waits at its exit. */
static bool is_dying(pid_t pid)
{
	struct __ptrace_peeksiginfo_args first = { .nr = 1 };
	siginfo_t info;

	return ptrace(PTRACE_PEEKSIGINFO, pid, &first, &info) == 1 && info.si_signo == SIGSYS;
}

static struct outcome outcome_of(int status, long value)
{
	if (WIFSIGNALED(status))
		return (struct outcome){ CALL_KILLED, WTERMSIG(status) };
	if (WIFEXITED(status))
		return (struct outcome){ CALL_ENDED, WEXITSTATUS(status) };
	return (struct outcome){ CALL_RETURNED, value };
}

static int call(const struct user_regs_struct *before, pid_t pid, long number,
		const uint64_t arguments[6], struct outcome *ret, pid_t *ret_born)
{
	struct user_regs_struct registers = *before;
	int status = 0, r;

	registers.rax = (unsigned long)number;
	registers.rdi = arguments[0];
	registers.rsi = arguments[1];
	registers.rdx = arguments[2];
	registers.r10 = arguments[3];
	registers.r8 = arguments[4];
	registers.r9 = arguments[5];
	if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0)
		return -errno;
	r = run_on(pid, &status, ret_born);
	if (r == 0 && WIFSTOPPED(status))
		r = run_on(pid, &status, ret_born);
	if (r == 0 && WIFSTOPPED(status) && is_dying(pid))
		r = run_on(pid, &status, ret_born);
	if (r == 0 && WIFSTOPPED(status) && ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0)
		r = -errno;
	if (r == 0)
		*ret = outcome_of(status, (long)registers.rax);
	return r;
}

static bool sets_filter(const struct user_regs_struct *registers)
{
	return registers->orig_rax == SYS_seccomp && registers->rdi == SECCOMP_SET_MODE_FILTER;
}

/* Runs the program up to its filter, and skips that call. */
static int run_to_filter(struct held *held)
{
	struct user_regs_struct *registers = &held->registers;
	pid_t pid = held->child.id.pid, born;
	int status = 0, r;

	do {
		r = run_on(pid, &status, &born);
		if (r == 0 && !WIFSTOPPED(status))
			r = -ECHILD;
		if (r == 0 && ptrace(PTRACE_GETREGS, pid, NULL, registers) < 0)
			r = -errno;
	} while (r == 0 && !sets_filter(registers));
	if (r < 0)
		return r;
	memcpy(held->filter,
	       (uint64_t[]){ registers->rdi, registers->rsi, registers->rdx, 0, 0, 0 },
	       sizeof(held->filter));
	registers->orig_rax = ~0ULL;
	if (ptrace(PTRACE_SETREGS, pid, NULL, registers) < 0)
		return -errno;
	registers->rip -= CALL_BYTES;
	return run_on(pid, &status, &born);
}

int held_start(struct held *held, const struct spawn_config *config, struct err *err)
{
	int status, r = jail_spawn(config, &held->child, err);
	pid_t pid = held->child.id.pid;

	if (r < 0)
		return r;
	if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0)
		return err_set_errno(err, -errno, "cannot trace '%s'", config->program);
	r = jail_spawn_release(&held->child, err);
	if (r < 0)
		return r;
	r = wait_for(pid, &status); /* its exec */
	if (r == 0)
		r = run_to_filter(held);
	return r < 0 ? err_set_errno(err, r, "'%s' does not come to set its filter",
				     config->program)
		     : 0;
}

void held_finish(struct held *held)
{
	if (held->child.pidfd >= 0 && held->child.gate < 0)
		copy_finish(held->child.id.pid);
	spawned_finish(&held->child);
}

static uint64_t room_of(const struct held *held)
{
	return (held->registers.rsp - ROOM) & ~15ULL;
}

static int put_at(pid_t pid, uint64_t address, const void *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof(long)) {
		long word = 0;

		memcpy(&word, (const char *)bytes + at, min_of(len - at, sizeof(word)));
		if (ptrace(PTRACE_POKEDATA, pid, address + at, word) < 0)
			return -errno;
	}
	return 0;
}

int held_narrow(struct held *held, const struct sock_filter *filter, size_t len)
{
	uint64_t room = room_of(held) - ROOM - len * sizeof(*filter);
	struct sock_fprog program = { .len = (unsigned short)len };
	uint64_t address = room + sizeof(program);
	int r = put_at(held->child.id.pid, address, filter, len * sizeof(*filter));

	memcpy(&program.filter, &address, sizeof(address));
	if (r == 0)
		r = put_at(held->child.id.pid, room, &program, sizeof(program));
	held->second = room;
	return r;
}

static int set_filters(const struct held *held, pid_t copy)
{
	const uint64_t second[6] = { PR_SET_SECCOMP, SECCOMP_MODE_FILTER, held->second };
	struct outcome outcome;
	int r = copy_call(held, copy, SYS_seccomp, held->filter, &outcome);

	if (r == 0 && (outcome.how != CALL_RETURNED || outcome.value != 0))
		r = -ENOTRECOVERABLE;
	if (r < 0 || held->second == 0)
		return r;
	r = copy_call(held, copy, SYS_prctl, second, &outcome);
	return r == 0 && (outcome.how != CALL_RETURNED || outcome.value != 0) ? -ENOTRECOVERABLE
									      : r;
}

/* clone(2) without flags is fork(2) that sends no signal to the one held. */
int copy_start(const struct held *held, bool filtered, pid_t *ret)
{
	const uint64_t plain[6] = { 0 };
	struct outcome outcome;
	pid_t copy = -1;
	int status, r;

	r = call(&held->registers, held->child.id.pid, SYS_clone, plain, &outcome, &copy);
	if (r == 0)
		r = copy < 0 ? -ENOTRECOVERABLE : wait_for(copy, &status);
	if (r == 0 && filtered)
		r = set_filters(held, copy);
	if (r < 0)
		copy_finish(copy);
	else
		*ret = copy;
	return r;
}

int copy_call(const struct held *held, pid_t copy, long number, const uint64_t arguments[6],
	      struct outcome *ret)
{
	pid_t born = -1;
	int r = call(&held->registers, copy, number, arguments, ret, &born);

	copy_finish(born);
	return r;
}

int copy_put(const struct held *held, pid_t copy, const void *bytes, size_t len, uint64_t *ret)
{
	*ret = room_of(held);
	return put_at(copy, *ret, bytes, len);
}

int copy_get(const struct held *held, pid_t copy, void *ret, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof(long)) {
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, copy, room_of(held) + at, NULL);
		if (errno != 0)
			return -errno;
		memcpy((char *)ret + at, &word, min_of(len - at, sizeof(word)));
	}
	return 0;
}

int copy_use_old_entry(const struct held *held, pid_t copy)
{
	static const uint8_t instruction[CALL_BYTES] = { 0xcd, 0x80 };
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, copy, held->registers.rip, NULL);
	if (errno != 0)
		return -errno;
	memcpy(&word, instruction, sizeof(instruction));
	return ptrace(PTRACE_POKETEXT, copy, held->registers.rip, word) < 0 ? -errno : 0;
}

void copy_finish(pid_t copy)
{
	int status;

	if (copy <= 0 || kill(copy, SIGKILL) < 0)
		return;
	do
		if (wait_for(copy, &status) < 0)
			return;
	while (WIFSTOPPED(status));
}
