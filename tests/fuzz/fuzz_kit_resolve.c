/*
 * Kits put together: the input is specs with lines "%" between them, called
 * a, b, c, …; the first one is the sandbox kit, and the last ones are mixins.
 * Each brings one file: itself.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "kit/resolve.h"
#include "tests/fuzz/fuzz.h"

enum { KITS_MAX = 8 };

struct world {
	const uint8_t *specs[KITS_MAX];
	size_t lengths[KITS_MAX];
	size_t count;
};

static int fetch(void *context, const char *reference, const struct kit_bundle *from,
		 struct kit_bundle *ret, struct err *err)
{
	const struct world *world = context;
	size_t at = (size_t)(unsigned char)reference[0] - 'a';
	int r;

	(void)from;
	if (at >= world->count || reference[1] != '\0')
		return err_set(err, -ENOENT, "there is no kit '%s'", reference);
	r = kit_bundle_init(ret, reference);
	assert(r == 0);
	ret->handle = strdup(reference);
	r = buf_append(&ret->spec, world->specs[at], world->lengths[at]);
	if (r == 0)
		r = kit_bundle_add(ret, "home/spec", world->specs[at], world->lengths[at], err);
	if (r < 0)
		kit_bundle_finish(ret);
	return r < 0 ? err_set(err, r, "too large") : 0;
}

static void divide(const uint8_t *data, size_t size, struct world *world)
{
	while (world->count < KITS_MAX) {
		const uint8_t *end = size > 0 ? memmem(data, size, "\n%\n", 3) : NULL;
		size_t length = end != NULL ? (size_t)(end - data) + 1 : size;

		world->specs[world->count] = data;
		world->lengths[world->count++] = length;
		if (end == NULL)
			return;
		data = end + 3;
		size -= length + 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[KITS_MAX] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	static const char *const values[] = { "v=1", "b.w=2" };
	struct world world = { .count = 0 };
	const struct kit_fetch source = { .fetch = fetch, .context = &world };
	struct resolved_kit resolved;

	divide(data, size, &world);
	for (size_t mixins = 0; mixins < 3 && mixins < world.count; mixins++) {
		const struct resolve_request request = { .base = "a",
							 .mixins = names + world.count - mixins,
							 .mixins_count = mixins,
							 .values = { values, mixins } };
		struct err err = ERR_INIT;

		if (kit_resolve(&request, &source, &resolved, &err) < 0) {
			assert(err.text[0] != '\0');
			continue;
		}
		assert(json_is_string(json_object_get(resolved.kit, "digest")));
		assert(resolved.files.len % 512 == 0);
		resolved_kit_finish(&resolved);
	}
	return 0;
}
