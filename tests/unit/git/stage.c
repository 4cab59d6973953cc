#include "tests/unit/git/stage.h"

#include "git/branch.h"

bool stage_open(struct stage *stage, const char *script)
{
	*stage = (struct stage){ .err = ERR_INIT };
	return scene_init(&stage->scene) && scene_run(&stage->scene, script) == 0 &&
	       repository_open(stage->scene.repo, &stage->repository, &stage->err) == 0;
}

void stage_close(struct stage *stage)
{
	branch_finish(&stage->branch);
	repository_finish(&stage->repository);
	scene_finish(&stage->scene);
}

int stage_make(struct stage *stage, const char *name)
{
	bool is_new;
	int r = branch_make(&stage->repository, name, &stage->branch, &is_new, &stage->err);

	return r < 0 ? r : is_new;
}

int stage_reopen(struct stage *stage)
{
	repository_finish(&stage->repository);
	return repository_open(stage->scene.repo, &stage->repository, &stage->err);
}
