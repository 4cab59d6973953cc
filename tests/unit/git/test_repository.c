#include "git/repository.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "git/command.h"
#include "tests/unit/git/scene.h"
#include "tests/unit/test.h"

#define SCENE(scene)                               \
	autocall(scene_finish) struct scene scene; \
	CHECK(scene_init(&(scene)))

/* Opens what is at REPO/where after the script ran; returns the code. */
static int open_after(const struct scene *scene, const char *script, const char *where,
		      struct repository *ret, struct err *err)
{
	char path[256];

	*ret = (struct repository){ .top = NULL };
	if (scene_run(scene, script) != 0)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/%s", scene->repo, where);
	return repository_open(path, ret, err);
}

TEST(an_ordinary_repository_from_a_folder_in_it)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	SCENE(scene);

	CHECK_EQ(open_after(&scene, "mkdir -p x/y", "x/y", &repository, &err), 0);
	CHECK_STR(repository.top, scene.repo);
	CHECK_STR(repository.branch, "main");
	CHECK_STR(repository.head, scene_line(&scene, "git rev-parse HEAD"));
	CHECK_STR(repository.format, "sha1");
	CHECK(!repository.is_linked && !repository.is_shallow && !repository.has_submodules &&
	      !repository.has_large_files && repository.operation == NULL);
	CHECK_EQ(repository_check_settled(&repository, &err), 0);
}

TEST(no_repository_is_one_sentence)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	SCENE(scene);

	CHECK_EQ(open_after(&scene, "mkdir ../plain", "../plain", &repository, &err), -ENOENT);
	CHECK(strstr(err.text, "git init") != NULL);
	CHECK_EQ(open_after(&scene, "true", "absent", &repository, &err), -ENOENT);
}

TEST(a_bare_repository_is_refused)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	SCENE(scene);

	CHECK_EQ(open_after(&scene, "git clone -q --bare . ../bare", "../bare", &repository, &err),
		 -EOPNOTSUPP);
	CHECK(strstr(err.text, "bare repository") != NULL);
	CHECK_EQ(open_after(&scene, "true", ".git", &repository, &err), -EOPNOTSUPP);
}

TEST(a_partial_clone_is_refused)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	SCENE(scene);

	CHECK_EQ(open_after(&scene,
			    "git config uploadpack.allowFilter true; "
			    "git clone -q --filter=blob:none file://$PWD ../partial",
			    "../partial", &repository, &err),
		 -EOPNOTSUPP);
	CHECK(strstr(err.text, "--refetch") != NULL);
}

TEST(a_repository_without_a_commit_is_not_settled)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	SCENE(scene);

	CHECK_EQ(open_after(&scene, "git init -q ../new", "../new", &repository, &err), 0);
	CHECK_EQ(repository_check_settled(&repository, &err), -ENODATA);
}

TEST(a_repository_in_the_middle_of_something_is_not_settled)
{
	static const char *const scripts[][2] = {
		{ "merge",
		  "git checkout -q -b o && echo b >a && git commit -qam o && git checkout -q "
		  "main && echo c >a && git commit -qam m; git merge o || true" },
		{ "rebase", "git merge --abort; git rebase o || true" },
		{ "cherry-pick", "git rebase --abort; git cherry-pick o || true" },
		{ "bisect", "git cherry-pick --abort; git bisect start" },
	};
	struct err err = ERR_INIT;
	SCENE(scene);

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		autocall(repository_finish) struct repository repository = { .top = NULL };

		CHECK_EQ(open_after(&scene, scripts[i][1], ".", &repository, &err), 0);
		CHECK_STR(repository.operation, scripts[i][0]);
		CHECK_EQ(repository_check_settled(&repository, &err), -EBUSY);
	}
}

TEST(a_linked_worktree_and_a_submodule_are_repositories)
{
	autocall(repository_finish) struct repository linked = { .top = NULL };
	autocall(repository_finish) struct repository inner = { .top = NULL };
	struct err err = ERR_INIT;
	char common[256];
	SCENE(scene);

	(void)snprintf(common, sizeof(common), "%s/.git", scene.repo);
	CHECK_EQ(open_after(&scene, "git worktree add -q ../w -b side", "../w", &linked, &err), 0);
	CHECK(linked.is_linked);
	CHECK_STR(linked.common, common);
	CHECK_STR(linked.branch, "side");
	CHECK_EQ(open_after(&scene,
			    "git -c protocol.file.allow=always submodule add -q $PWD/../w sub",
			    "sub", &inner, &err),
		 0);
	CHECK(!inner.is_linked);
	(void)snprintf(common, sizeof(common), "%s/.git/modules/sub", scene.repo);
	CHECK_STR(inner.common, common);
}

TEST(borrowed_objects_and_kinds_of_files_are_known)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	char objects[256];
	SCENE(scene);

	CHECK_EQ(open_after(&scene,
			    "git clone -q --shared . ../shared; cd ../shared; "
			    "echo 'a filter=lfs' >.gitattributes; touch .gitmodules",
			    "../shared", &repository, &err),
		 0);
	CHECK_EQ(repository.borrowed_count, 1);
	(void)snprintf(objects, sizeof(objects), "%s/.git/objects", scene.repo);
	CHECK_STR(repository.borrowed[0], objects);
	CHECK(repository.has_large_files && repository.has_submodules);
}

TEST(the_users_filters_are_turned_off)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	autocall(git_settings_finish) struct git_settings settings = { .count = 0 };
	struct err err = ERR_INIT;
	SCENE(scene);

	CHECK_EQ(
		open_after(&scene,
			   "git config filter.x.y.clean 'touch /x'; git config filter.z.required 1",
			   ".", &repository, &err),
		0);
	CHECK_EQ(repository_filters_off(&repository, &settings, &err), 0);
	CHECK_EQ(settings.count, 2);
	CHECK_STR(settings.items[0], "filter.x.y.clean=");
	CHECK_STR(settings.items[1], "filter.z.required=false");
}

TEST(git_dir_of_the_environment_does_not_count)
{
	autocall(repository_finish) struct repository repository = { .top = NULL };
	struct err err = ERR_INIT;
	SCENE(scene);
	int r;

	(void)setenv("GIT_DIR", "/nonexistent", 1);
	r = repository_open(scene.repo, &repository, &err);
	(void)unsetenv("GIT_DIR");
	CHECK_EQ(r, 0);
}

TEST_MAIN()
