#include "tests/unit/git/scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"

static const char begin[] =
	"set -e; git init -q -b main .; echo a >a; git add a; git commit -qm first";

static void set_environment(const struct scene *scene)
{
	(void)setenv("HOME", scene->folder, 1);
	(void)setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)setenv("GIT_AUTHOR_NAME", "t", 1);
	(void)setenv("GIT_AUTHOR_EMAIL", "t@t", 1);
	(void)setenv("GIT_COMMITTER_NAME", "t", 1);
	(void)setenv("GIT_COMMITTER_EMAIL", "t@t", 1);
}

bool scene_init(struct scene *scene)
{
	(void)snprintf(scene->folder, sizeof(scene->folder), "/tmp/sbx-git-XXXXXX");
	if (mkdtemp(scene->folder) == NULL)
		return false;
	(void)snprintf(scene->repo, sizeof(scene->repo), "%s/repo", scene->folder);
	if (file_make_folders(scene->repo, 0755) < 0)
		return false;
	set_environment(scene);
	return scene_run(scene, begin) == 0;
}

void scene_finish(struct scene *scene)
{
	(void)file_remove_tree(AT_FDCWD, scene->folder);
}

static FILE *start(const struct scene *scene, const char *script)
{
	char command[8192];

	(void)snprintf(command, sizeof(command), "cd '%s' && { %s\n} 2>>'%s/log'", scene->repo,
		       script, scene->folder);
	return popen(command, "r");
}

const char *scene_line(const struct scene *scene, const char *script)
{
	static char line[4096];
	FILE *out = start(scene, script);

	line[0] = '\0';
	if (out == NULL)
		return line;
	if (fgets(line, sizeof(line), out) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)pclose(out);
	return line;
}

int scene_run(const struct scene *scene, const char *script)
{
	FILE *out = start(scene, script);
	char dropped[4096];
	int status;

	if (out == NULL)
		return -1;
	while (fread(dropped, 1, sizeof(dropped), out) > 0)
		;
	status = pclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
