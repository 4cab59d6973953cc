/*
 * A scene (scene.h) with its repository open, and a branch of it.
 */
#ifndef TESTS_UNIT_GIT_STAGE_H
#define TESTS_UNIT_GIT_STAGE_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "git/registry.h"
#include "git/repository.h"
#include "tests/unit/git/scene.h"

struct stage {
	struct scene scene;
	struct repository repository;
	struct branch branch;
	struct err err;
};

/* Runs the script in the repository before it is opened. */
bool stage_open(struct stage *stage, const char *script);
void stage_close(struct stage *stage);

/* branch_make(): 1 when it is new, 0 when it was there. */
int stage_make(struct stage *stage, const char *name);

/* Opens the repository again: its HEAD is another one. */
int stage_reopen(struct stage *stage);

#define STAGE(stage, script)                      \
	autocall(stage_close) struct stage stage; \
	CHECK(stage_open(&(stage), script))

#define LINE(stage, script) scene_line(&(stage).scene, script)
#define RUN(stage, script) scene_run(&(stage).scene, script)

#endif
