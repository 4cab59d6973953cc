#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "engine/engine.h"

/* In the order of preference. */
static const struct engine_impl *const engines[] = {
	&engine_kvm,
	&engine_qemu,
};

const struct engine_impl *engine_named(const char *name)
{
	for (size_t i = 0; i < countof(engines); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

static int choose_named(const char *name, const struct engine_impl **ret, struct err *ret_why)
{
	const struct engine_impl *engine = engine_named(name);
	int r;

	if (engine == NULL)
		return err_set(ret_why, -EINVAL,
			       "no engine is called '%s'; there are auto, kvm, qemu", name);
	r = engine->probe(ret_why);
	if (r == 0)
		*ret = engine;
	return r;
}

int engine_choose(const char *name, const struct engine_impl **ret, struct err *ret_why)
{
	struct err why = ERR_INIT;

	if (strcmp(name, "auto") != 0)
		return choose_named(name, ret, ret_why);
	for (size_t i = 0; i < countof(engines); i++) {
		struct err verdict = ERR_INIT;
		int r = engines[i]->probe(&verdict);

		if (r == 0) {
			*ret = engines[i];
			*ret_why = verdict;
			if (why.code < 0)
				(void)err_wrap(ret_why, "%s", why.text);
			return 0;
		}
		why = verdict;
	}
	*ret_why = why;
	return why.code;
}
