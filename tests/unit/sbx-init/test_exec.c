#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/sbx-init/rig.h"
#include "tests/unit/test.h"

/* Runs a script to its end. */
static int run(const struct rig *rig, const char *script, uint32_t flags, const char *input,
	       struct collected *output, struct guest_message *ret_last)
{
	const struct guest_message eof = { .type = GUEST_EOF };
	struct client client;
	int r = client_open(rig, &client);

	if (r == 0)
		r = client_exec(&client, script, flags);
	if (r == 0 && input != NULL)
		r = client_send_data(&client, input);
	if (r == 0 && input != NULL)
		r = client_send(&client, &eof);
	if (r == 0)
		r = client_collect(&client, output, ret_last);
	client_close(&client);
	return r;
}

/* Runs a script in an agent of its own and checks what it says. */
static void check_run(const char *script, uint32_t flags, const char *input, const char *out,
		      const char *err, int status)
{
	struct guest_message last = { 0 };
	struct collected output;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(run(&rig, script, flags, input, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_EXIT);
	CHECK_STR(buf_str(&output.out), out);
	CHECK_STR(buf_str(&output.err), err);
	CHECK_EQ(last.status, status);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(output_errors_and_status_arrive)
{
	check_run("echo out; echo err >&2; exit 3", 0, NULL, "out\n", "err\n", 3);
}

TEST(stdin_is_carried_and_half_closed)
{
	check_run("cat; echo done", GUEST_FLAG_STDIN, "hello\n", "hello\ndone\n", "", 0);
}

TEST(without_stdin_there_is_nothing_to_read)
{
	check_run("cat; echo done", 0, NULL, "done\n", "", 0);
}

TEST(a_script_that_does_not_read_its_input_still_ends)
{
	check_run("exec 0<&-; echo closed", GUEST_FLAG_STDIN, "ignored", "closed\n", "", 0);
}

TEST(a_child_left_behind_does_not_hold_the_session)
{
	check_run("sleep 20 & echo started", 0, NULL, "started\n", "", 0);
}

TEST(a_signal_is_reported_as_one)
{
	struct guest_message last = { 0 };
	struct collected output;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(run(&rig, "kill -9 $$", 0, NULL, &output, &last), 0);
	CHECK_EQ(last.type, GUEST_EXIT);
	CHECK(!last.has_status);
	CHECK_EQ(last.signal, SIGKILL);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(the_host_sends_signals)
{
	const struct guest_message term = { .type = GUEST_SIGNAL, .signal = SIGTERM };
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_exec(
			 &client,
			 "trap 'echo got; exit 7' TERM; echo ready; while :; do sleep 0.02; done",
			 GUEST_FLAG_STDIN),
		 0);
	CHECK_EQ(client_wait_for(&client, &output, "ready"), 0);
	CHECK_EQ(client_send(&client, &term), 0);
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	CHECK_EQ(last.status, 7);
	CHECK_STR(buf_str(&output.out), "ready\ngot\n");
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(a_megabyte_crosses_both_ways)
{
	enum { LINES = 32768, LINE = 32 };
	const struct guest_message eof = { .type = GUEST_EOF };
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	struct rig rig;
	size_t sent = 0;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_exec(&client, "cat; cat >&2 </dev/null", GUEST_FLAG_STDIN), 0);
	while (sent < LINES) {
		char block[LINE * 512 + 1];
		struct frame frame;

		for (int i = 0; i < 512; i++)
			(void)snprintf(block + i * LINE, LINE + 1, "%030zu \n", sent++);
		CHECK_EQ(frame_append(&client.stream.out, GUEST_DATA, block, LINE * 512), 0);
		CHECK(stream_flush(&client.stream) <= 0);
		/* Both directions at once: nobody may wait for the other. */
		while (stream_unsent(&client.stream) > 200000) {
			CHECK_EQ(stream_read(&client.stream, clock_now_ms() + RIG_PATIENCE_MS,
					     &frame),
				 1);
			CHECK_EQ(buf_append(&output.out, frame.payload, frame.len), 0);
			CHECK(stream_flush(&client.stream) <= 0);
		}
	}
	CHECK_EQ(guest_message_append(&client.stream.out, &eof), 0);
	while (stream_flush(&client.stream) == -EAGAIN) {
		struct frame frame;

		CHECK_EQ(stream_read(&client.stream, clock_now_ms() + RIG_PATIENCE_MS, &frame), 1);
		CHECK_EQ(buf_append(&output.out, frame.payload, frame.len), 0);
	}
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	CHECK_EQ(last.status, 0);
	CHECK_EQ(output.out.len, LINES * LINE);
	for (size_t i = 0; i < LINES; i++) {
		char line[LINE + 1];

		(void)snprintf(line, sizeof(line), "%030zu \n", i);
		CHECK_MEM(output.out.data + i * LINE, line, LINE);
	}
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(twenty_commands_at_once)
{
	enum { COUNT = 20 };
	struct client clients[COUNT];
	struct rig rig;

	CHECK_EQ(rig_start(&rig), 0);
	for (int i = 0; i < COUNT; i++) {
		char script[64];

		(void)snprintf(script, sizeof(script), "read x; echo %d $x; exit %d", i, i);
		CHECK_EQ(client_open(&rig, &clients[i]), 0);
		CHECK_EQ(client_exec(&clients[i], script, GUEST_FLAG_STDIN), 0);
	}
	for (int i = COUNT - 1; i >= 0; i--) {
		struct guest_message last = { 0 };
		struct collected output;
		char want[64];

		collected_init(&output);
		(void)snprintf(want, sizeof(want), "%d in\n", i);
		CHECK_EQ(client_send_data(&clients[i], "in\n"), 0);
		CHECK_EQ(client_collect(&clients[i], &output, &last), 0);
		CHECK_EQ(last.status, i);
		CHECK_STR(buf_str(&output.out), want);
		client_close(&clients[i]);
		collected_finish(&output);
	}
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(a_terminal_has_a_size_and_takes_keys)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char script[] =
		"stty size; trap 'stty size; exit 5' WINCH; echo ready; read x; echo [$x]; "
		"read x";
	char *args[] = { shell, option, script, NULL };
	const struct guest_message exec = { .type = GUEST_EXEC,
					    .args = args,
					    .args_count = 3,
					    .flags = GUEST_FLAG_TTY | GUEST_FLAG_STDIN,
					    .rows = 33,
					    .columns = 99 };
	const struct guest_message resize = { .type = GUEST_RESIZE, .rows = 44, .columns = 111 };
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &exec), 0);
	CHECK_EQ(client_wait_for(&client, &output, "33 99\r\nready"), 0);
	CHECK_EQ(client_send_data(&client, "key\r"), 0);
	CHECK_EQ(client_wait_for(&client, &output, "[key]"), 0);
	CHECK_EQ(client_send(&client, &resize), 0);
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	CHECK_EQ(last.status, 5);
	CHECK(memmem(output.out.data, output.out.len, "44 111", 6) != NULL);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(ctrl_c_reaches_the_foreground_of_a_terminal)
{
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_exec(&client, "trap 'exit 9' INT; echo ready; while :; do sleep 0.02; done",
			     GUEST_FLAG_TTY | GUEST_FLAG_STDIN),
		 0);
	CHECK_EQ(client_wait_for(&client, &output, "ready"), 0);
	CHECK_EQ(client_send_data(&client, "\x03"), 0);
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	CHECK_EQ(last.status, 9);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

/* The script makes a file when it is hung up; a watcher of the pipe sees its end. */
static void check_vanish(uint32_t flags)
{
	char script[RIG_PATH_MAX * 3], path[RIG_PATH_MAX];
	struct collected output;
	struct client client, other;
	struct guest_message last = { 0 };
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	(void)snprintf(path, sizeof(path), "%.255s/fifo", rig.folder);
	(void)snprintf(script, sizeof(script),
		       "mkfifo %s; trap 'echo hung >%s; exit' HUP; echo ready; while :; do read x; "
		       "sleep 0.05; done",
		       path, path);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_exec(&client, script, flags), 0);
	CHECK_EQ(client_wait_for(&client, &output, "ready"), 0);
	client_close(&client);
	(void)snprintf(script, sizeof(script), "cat %s", path);
	buf_clear(&output.out);
	CHECK_EQ(client_open(&rig, &other), 0);
	CHECK_EQ(client_exec(&other, script, 0), 0);
	CHECK_EQ(client_collect(&other, &output, &last), 0);
	CHECK_STR(buf_str(&output.out), "hung\n");
	client_close(&other);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(a_vanished_host_hangs_up_a_command)
{
	check_vanish(GUEST_FLAG_STDIN);
}

TEST(a_vanished_host_hangs_up_a_terminal)
{
	check_vanish(GUEST_FLAG_TTY | GUEST_FLAG_STDIN);
}

/* Runs a command by its name, without a shell. */
static void check_command(const char *name, const char *cwd, const char *user, int status,
			  const char *said)
{
	char arg[64], folder[64], who[64];
	char *args[] = { arg, NULL };
	const struct guest_message exec = { .type = GUEST_EXEC,
					    .args = args,
					    .args_count = 1,
					    .cwd = cwd == NULL ? NULL : folder,
					    .user = user == NULL ? NULL : who };
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	struct rig rig;

	(void)snprintf(arg, sizeof(arg), "%s", name);
	(void)snprintf(folder, sizeof(folder), "%s", cwd == NULL ? "" : cwd);
	(void)snprintf(who, sizeof(who), "%s", user == NULL ? "" : user);
	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &exec), 0);
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	if (status < 0) {
		CHECK_EQ(last.type, GUEST_ERROR);
		CHECK_STR(last.text, said);
	} else {
		CHECK_EQ(last.type, GUEST_EXIT);
		CHECK_EQ(last.status, status);
		CHECK_STR(buf_str(&output.err), said);
	}
	guest_message_finish(&last);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(what_cannot_run_says_why)
{
	check_command("no-such-command", NULL, NULL, 127,
		      "sbx: cannot run 'no-such-command': No such file or directory\n");
	check_command("/etc/passwd", NULL, NULL, 126,
		      "sbx: cannot run '/etc/passwd': Permission denied\n");
	check_command(
		"true", "/no/such/folder", NULL, 126,
		"sbx: cannot enter the folder '/no/such/folder': No such file or directory\n");
	check_command("true", NULL, "stranger", -1, "the sandbox has no user 'stranger'");
	check_command("", NULL, NULL, -1, "there is no command to run");
}

TEST(a_command_runs_as_another_user_and_its_groups)
{
	char who[] = "nobody", name[] = "id", folder[] = "/";
	char *args[] = { name, NULL };
	const struct guest_message exec = {
		.type = GUEST_EXEC, .args = args, .args_count = 1, .user = who, .cwd = folder
	};
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	struct rig rig;

	if (geteuid() != 0)
		SKIP("only root can become somebody else");
	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &exec), 0);
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	CHECK_EQ(last.status, 0);
	CHECK(strncmp(buf_str(&output.out), "uid=65534(nobody) gid=65534(nogroup) groups=65534",
		      49) == 0);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST(setup_and_request_make_the_environment)
{
	char a[] = "A=setup", b[] = "B=setup", c[] = "B=request";
	char *setup_env[] = { a, b, NULL }, *exec_env[] = { c, NULL };
	const struct guest_message setup = { .type = GUEST_SETUP,
					     .env = setup_env,
					     .env_count = 2 };
	char shell[] = "sh", option[] = "-c", script[] = "echo $A $B $USER $HOME; pwd";
	char *args[] = { shell, option, script, NULL };
	const struct guest_message exec = {
		.type = GUEST_EXEC, .args = args, .args_count = 3, .env = exec_env, .env_count = 1
	};
	struct guest_message last = { 0 };
	struct collected output;
	struct client client;
	char want[1024];
	struct rig rig;

	collected_init(&output);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(client_open(&rig, &client), 0);
	CHECK_EQ(client_send(&client, &setup), 0);
	CHECK_EQ(client_receive(&client, &last), 1);
	CHECK_EQ(client_send(&client, &exec), 0);
	CHECK_EQ(client_collect(&client, &output, &last), 0);
	(void)snprintf(want, sizeof(want), "setup request agent %s\n%s\n", rig.folder, rig.folder);
	CHECK_STR(buf_str(&output.out), want);
	client_close(&client);
	CHECK_EQ(rig_stop(&rig), 0);
	collected_finish(&output);
}

TEST_MAIN()
