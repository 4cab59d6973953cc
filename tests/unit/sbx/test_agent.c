#include "sbx/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

/* The command line for what was given, joined by blanks; owned by the caller. */
static char *join(const char *sandbox, const char *const *given, bool is_terminal)
{
	json_t *json = json_loads(sandbox, 0, NULL);
	autofree const char **command = agent_command(json, given, is_terminal);
	char *text = calloc(1, 256);

	for (const char **word = command; text != NULL && command != NULL && *word != NULL;
	     word++) {
		if (text[0] != '\0')
			(void)strncat(text, " ", 255 - strlen(text));
		(void)strncat(text, *word, 255 - strlen(text));
	}
	json_decref(json);
	return text;
}

TEST(flags_are_added_to_and_words_take_their_place)
{
	static const char agent[] =
		"{\"kit\":{\"entrypoint\":[\"claude\"],\"command\":[\"--yes\"],"
		"\"interactive\":[\"--yes\",\"--tui\"]}}";
	static const char bare[] = "{\"kit\":{\"entrypoint\":[],\"command\":[\"bash\",\"-l\"]}}";
	static const char *const none[] = { NULL };
	static const char *const flags[] = { "-p", "hello", NULL };
	static const char *const words[] = { "config", "ls", NULL };
	static const struct {
		const char *sandbox;
		const char *const *given;
		bool is_terminal;
		const char *want;
	} cases[] = {
		{ agent, none, false, "claude --yes" },
		{ agent, none, true, "claude --yes --tui" },
		{ agent, flags, false, "claude --yes -p hello" },
		{ agent, words, true, "claude config ls" },
		{ bare, none, true, "bash -l" },
		{ bare, flags, true, "bash -l -p hello" },
		{ bare, words, true, "config ls" },
		{ "{}", none, true, "bash -l" },
		{ "{}", words, true, "config ls" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autofree char *got = join(cases[i].sandbox, cases[i].given, cases[i].is_terminal);

		CHECK_STR(got, cases[i].want);
	}
}

TEST(a_folder_is_an_agent_when_it_holds_a_kit)
{
	char folder[] = "/tmp/sbx-agent-XXXXXX", path[64];
	int fd;

	CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0 && mkdir("src", 0700) == 0);
	CHECK(mkdir("my.kit", 0700) == 0);
	CHECK(!agent_is_available(".") && !agent_is_available("..") &&
	      !agent_is_available("./src"));
	CHECK(!agent_is_available("src/main") && !agent_is_available(folder));
	CHECK(!agent_is_available("./my.kit"));
	CHECK(agent_is_available("git+https://host.example/kit") && agent_is_available("./a.zip"));
	CHECK(agent_is_available("host.example/kits/a:1"));
	fd = open("my.kit/spec.yaml", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(agent_is_available("./my.kit"));
	(void)snprintf(path, sizeof(path), "%s/my.kit", folder);
	CHECK(agent_is_available(path));
	CHECK(unlink("my.kit/spec.yaml") == 0 && rmdir("my.kit") == 0 && rmdir("src") == 0);
	CHECK(chdir("/") == 0 && rmdir(folder) == 0);
}

TEST(names_are_those_of_the_kits_there_are)
{
	struct err err = ERR_INIT;

	CHECK(setenv("SBX_KITS", getenv("KITS"), 1) == 0);
	CHECK(agent_is_available("claude") && agent_is_available("shell"));
	CHECK(!agent_is_available("clod"));
	CHECK_EQ(agent_refuse("clod", &err), -EINVAL);
	CHECK(strstr(err.text, "'clod'") != NULL && strstr(err.text, "claude, codex") != NULL);
	CHECK(setenv("SBX_KITS", "/nowhere", 1) == 0);
	CHECK(!agent_is_available("claude") && agent_is_available("shell"));
}

TEST_MAIN()
