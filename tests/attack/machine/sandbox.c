#include "tests/attack/machine/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "tests/attack/devices/backend.h"
#include "wire/vmm.h"

/* Memory in two pieces: 3 GiB, and 64 MiB behind 4 GiB. A page exists from its first use. */
#define MEMORY_BYTES ((3ull << 30) + (64ull << 20))

enum {
	PAGE = 4096,
	DISK_BYTES = 1 << 20, /* as backend.c makes it */
	FOLDER_ENTRIES = 10,  /* ., .., image, secret, share and five sockets */
	LOG_MAX = 16384,
	ASK_AGAIN_MS = 5,
};

static const struct {
	const char *word; /* of sbx-vmm, before the number of its descriptor */
	const struct backend *backend;
} backends[SANDBOX_BACKENDS] = {
	{ "blk", &backend_blk },
	{ "fs", &backend_fs },
	{ "vsock", &backend_vsock },
	{ "net", &backend_net },
};

static void path_of(const struct sandbox *sandbox, const char *name, char ret[64])
{
	(void)snprintf(ret, 64, "%s/%s", sandbox->folder, name);
}

/* ---- starting */

static bool spawn(struct sandbox *sandbox, const char *program, char *const *words, const int *fds,
		  size_t count, bool network, struct spawned *ret)
{
	const struct spawn_config config = { .program = program,
					     .argv = words,
					     .fds = fds,
					     .fds_count = count,
					     .stdout_fd = sandbox->log,
					     .network = network };

	return jail_spawn(&config, ret, &sandbox->err) == 0 &&
	       jail_spawn_release(ret, &sandbox->err) == 0;
}

static bool start_backend(struct sandbox *sandbox, unsigned index, int *ret_socket)
{
	const struct backend *backend = backends[index].backend;
	char *words[BACKEND_WORDS] = { NULL };
	int fds[BACKEND_FDS + 1], pair[2],
		count = backend->prepare(sandbox->folder, words, fds + 1);
	bool done;

	if (count < 0 || fd_socketpair(pair) < 0)
		return false;
	*ret_socket = pair[0];
	fds[0] = pair[1];
	done = spawn(sandbox, sandbox->programs->backend[index], words, fds, (size_t)count + 1,
		     backend->network, &sandbox->backend[index]);
	for (int i = 0; i <= count; i++)
		(void)close(fds[i]);
	return done;
}

/* The descriptors of the machine itself, which come before the sockets of its devices. */
enum { KVM, KERNEL, CONTROL, CONSOLE, OWN_FDS };

static bool open_own(struct sandbox *sandbox, int fds[OWN_FDS])
{
	char console_path[64];

	path_of(sandbox, "control", sandbox->control);
	path_of(sandbox, "console", console_path);
	fds[KVM] = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	fds[KERNEL] = open(sandbox->programs->guest, O_RDONLY | O_CLOEXEC);
	return fds[KVM] >= 0 && fds[KERNEL] >= 0 &&
	       fd_listen_unix(sandbox->control, &fds[CONTROL]) == 0 &&
	       fd_listen_unix(console_path, &fds[CONSOLE]) == 0 &&
	       fd_connect_unix(console_path, &sandbox->console) == 0;
}

static bool start_machine(struct sandbox *sandbox, const char *guest_words, const int *fds)
{
	char memory[32], cmdline[96], device[SANDBOX_BACKENDS][16];
	char *words[7 + SANDBOX_BACKENDS + 2] = { (char[]){ "sbx-vmm" },
						  (char[]){ "kvm=3" },
						  (char[]){ "kernel=4" },
						  (char[]){ "control=5" },
						  (char[]){ "console=6" },
						  (char[]){ "cpus=2" },
						  memory };
	size_t count = 7;

	for (unsigned i = 0; i < SANDBOX_BACKENDS; i++) {
		(void)snprintf(device[i], sizeof(device[i]), "%s=%u", backends[i].word,
			       3 + OWN_FDS + i);
		words[count++] = device[i];
	}
	(void)snprintf(memory, sizeof(memory), "memory=%llu", MEMORY_BYTES);
	(void)snprintf(cmdline, sizeof(cmdline), "cmdline=%s", guest_words);
	words[count++] = cmdline;
	return spawn(sandbox, sandbox->programs->vmm, words, fds, OWN_FDS + SANDBOX_BACKENDS, false,
		     &sandbox->vmm);
}

static bool start_all(struct sandbox *sandbox, const char *guest_words)
{
	int fds[OWN_FDS + SANDBOX_BACKENDS];
	bool done;

	for (unsigned i = 0; i < countof(fds); i++)
		fds[i] = -1;
	done = open_own(sandbox, fds);
	for (unsigned i = 0; done && i < SANDBOX_BACKENDS; i++)
		done = start_backend(sandbox, i, &fds[OWN_FDS + i]);
	done = done && start_machine(sandbox, guest_words, fds);
	for (unsigned i = 0; i < countof(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return done;
}

bool sandbox_start(struct sandbox *sandbox, const struct sandbox_programs *programs,
		   const char *words)
{
	*sandbox = (struct sandbox){ .programs = programs,
				     .folder = "/tmp/sbx-machine-XXXXXX",
				     .vmm = { .pidfd = -1, .gate = -1 },
				     .log = memfd_create("log", MFD_CLOEXEC),
				     .console = -1,
				     .err = ERR_INIT };
	for (unsigned i = 0; i < SANDBOX_BACKENDS; i++)
		sandbox->backend[i] = (struct spawned){ .pidfd = -1, .gate = -1 };
	if (mkdtemp(sandbox->folder) != NULL && sandbox->log >= 0 && start_all(sandbox, words))
		return true;
	printf("# it does not start: %s\n", sandbox->err.text);
	return false;
}

/* ---- listening */

static bool take_line(struct sandbox *sandbox, char line[SANDBOX_LINE_MAX])
{
	char *end = memchr(sandbox->text, '\n', sandbox->len);
	size_t whole, kept;

	if (end == NULL && sandbox->len < sizeof(sandbox->text))
		return false;
	whole = end == NULL ? sandbox->len : (size_t)(end - sandbox->text) + 1;
	kept = min_of(end == NULL ? whole : whole - 1, (size_t)SANDBOX_LINE_MAX - 1);
	for (size_t i = 0; i < kept; i++)
		line[i] =
			sandbox->text[i] >= ' ' && sandbox->text[i] < 0x7f ? sandbox->text[i] : '?';
	line[kept] = '\0';
	sandbox->len -= whole;
	memmove(sandbox->text, sandbox->text + whole, sandbox->len);
	return true;
}

enum sandbox_news sandbox_line(struct sandbox *sandbox, char line[SANDBOX_LINE_MAX])
{
	uint64_t deadline = clock_now_ms() + SANDBOX_PATIENCE_MS;

	while (!take_line(sandbox, line)) {
		struct pollfd wait = { .fd = sandbox->console, .events = POLLIN };
		ssize_t n;

		if (poll(&wait, 1, clock_left_ms(deadline)) <= 0)
			return SANDBOX_SILENT;
		n = read(sandbox->console, sandbox->text + sandbox->len,
			 sizeof(sandbox->text) - sandbox->len);
		if (n <= 0)
			return SANDBOX_ENDED;
		sandbox->len += (size_t)n;
	}
	return SANDBOX_SAID;
}

static bool ask(const struct sandbox *sandbox, enum vmm_ask what, uint64_t value,
		struct vmm_answer *ret)
{
	const struct vmm_ask_message message = { .ask = what, .value = value };
	uint8_t question[VMM_ASK_SIZE], bytes[VMM_ANSWER_SIZE];
	autoclose int fd = -1;

	vmm_ask_encode(&message, question);
	return fd_connect_unix(sandbox->control, &fd) == 0 &&
	       fd_write_full(fd, question, sizeof(question)) == 0 &&
	       fd_read_full(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) &&
	       vmm_answer_decode(bytes, ret) == 0;
}

bool sandbox_serves(struct sandbox *sandbox)
{
	uint64_t deadline = clock_now_ms() + SANDBOX_PATIENCE_MS;
	struct vmm_answer answer;
	uint64_t wanted;

	sandbox->balloon_pages = sandbox->balloon_pages % 1024 + 1;
	wanted = sandbox->balloon_pages * PAGE;
	if (!ask(sandbox, VMM_ASK_BALLOON, MEMORY_BYTES - wanted, &answer))
		return false;
	do {
		struct pollfd end = { .fd = sandbox->vmm.pidfd, .events = POLLIN };

		if (poll(&end, 1, ASK_AGAIN_MS) > 0 || !ask(sandbox, VMM_ASK_STATE, 0, &answer))
			return false;
	} while (answer.balloon_bytes != wanted && clock_left_ms(deadline) > 0);
	return answer.balloon_bytes == wanted;
}

/* ---- judging */

static bool secret_is_whole(const struct sandbox *sandbox)
{
	char path[64], text[16] = "";
	autoclose int fd = -1;

	path_of(sandbox, "secret", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text)) == 6 && memcmp(text, "secret", 6) == 0;
}

static bool disk_is_whole(const struct sandbox *sandbox)
{
	char path[64];
	struct stat st;

	path_of(sandbox, "image", path);
	return stat(path, &st) == 0 && st.st_size == DISK_BYTES;
}

static bool nothing_was_added(const struct sandbox *sandbox)
{
	unsigned entries = 0;
	DIR *folder = opendir(sandbox->folder);

	while (folder != NULL && readdir(folder) != NULL)
		entries++;
	if (folder != NULL)
		(void)closedir(folder);
	return entries == FOLDER_ENTRIES;
}

static bool files_are_whole(const struct sandbox *sandbox)
{
	if (secret_is_whole(sandbox) && disk_is_whole(sandbox) && nothing_was_added(sandbox))
		return true;
	printf("# files of the host were changed\n");
	return false;
}

/* Its end: a guest can fill the rest. */
static void read_log(const struct sandbox *sandbox, char text[LOG_MAX])
{
	struct stat st = { .st_size = 0 };
	ssize_t len;

	(void)fstat(sandbox->log, &st);
	len = pread(sandbox->log, text, LOG_MAX - 1, max_of(st.st_size - LOG_MAX + 1, (off_t)0));
	text[len > 0 ? len : 0] = '\0';
}

static bool said_by_a_sanitizer(const char *log)
{
	if (strstr(log, "Sanitizer") == NULL && strstr(log, "runtime error") == NULL &&
	    strstr(log, "Assertion") == NULL)
		return false;
	printf("# it said: %s\n", log);
	return true;
}

bool sandbox_is_whole(const struct sandbox *sandbox)
{
	char log[LOG_MAX];

	read_log(sandbox, log);
	return files_are_whole(sandbox) && !said_by_a_sanitizer(log);
}

/* Waits for a process that has nothing left to do. */
static bool ended_by_itself(const struct spawned *child, const char *name)
{
	struct pollfd end = { .fd = child->pidfd, .events = POLLIN };
	siginfo_t info = { 0 };

	if (poll(&end, 1, SANDBOX_PATIENCE_MS) <= 0) {
		printf("# %s does not end\n", name);
		return false;
	}
	(void)waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOWAIT);
	if (info.si_code == CLD_EXITED)
		return true;
	printf("# %s ended by signal %d\n", name, info.si_status);
	return false;
}

/* The message of the last line that sbx-vmm wrote. */
static void last_sentence(const char *log, char sentence[SANDBOX_LINE_MAX])
{
	static const char begin[] = "\"program\":\"sbx-vmm\",\"msg\":\"";
	const char *said = NULL;

	for (const char *at = strstr(log, begin); at != NULL; at = strstr(at + 1, begin))
		said = at + strlen(begin);
	(void)snprintf(sentence, SANDBOX_LINE_MAX, "%.*s",
		       said == NULL ? 0 : (int)strcspn(said, "\"\n"), said == NULL ? "" : said);
}

bool sandbox_ended_well(struct sandbox *sandbox, char sentence[SANDBOX_LINE_MAX])
{
	bool well = ended_by_itself(&sandbox->vmm, "sbx-vmm");
	char log[LOG_MAX];

	for (unsigned i = 0; i < SANDBOX_BACKENDS; i++)
		well = well && ended_by_itself(&sandbox->backend[i], backends[i].backend->name);
	well = well && files_are_whole(sandbox);
	read_log(sandbox, log);
	last_sentence(log, sentence);
	if (!well || sentence[0] == '\0')
		printf("# it said: %s\n", log);
	return well && sentence[0] != '\0' && !said_by_a_sanitizer(log);
}

static void end_child(struct spawned *child)
{
	if (child->pidfd >= 0) {
		(void)kill(child->id.pid, SIGKILL);
		(void)waitid(P_PIDFD, (id_t)child->pidfd, &(siginfo_t){ 0 }, WEXITED);
	}
	spawned_finish(child);
}

void sandbox_finish(struct sandbox *sandbox)
{
	end_child(&sandbox->vmm);
	for (unsigned i = 0; i < SANDBOX_BACKENDS; i++)
		end_child(&sandbox->backend[i]);
	if (sandbox->console >= 0)
		(void)close(sandbox->console);
	(void)close(sandbox->log);
	(void)file_remove_tree(AT_FDCWD, sandbox->folder);
}
