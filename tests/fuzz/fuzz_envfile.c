/* sbxenv.yaml: refused with a sentence, or an environment with an agent and absolute paths. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "envfile/envfile.h"
#include "tests/fuzz/fuzz.h"

static void check(const json_t *env)
{
	const json_t *workspace = json_object_get(env, "workspace");
	const json_t *kit;
	size_t i;

	assert(json_is_string(json_object_get(env, "agent")));
	if (workspace != NULL)
		assert(json_string_value(json_object_get(workspace, "path"))[0] == '/');
	json_array_foreach(json_object_get(env, "kits"), i, kit)
	{
		assert(json_is_string(json_object_get(kit, "source")));
	}
}

/* Values of arguments as they stand in a comment of the first line: "#NAME=VALUE". */
static size_t read_value(const uint8_t *data, size_t size, char ret[64])
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t len = end != NULL ? (size_t)(end - data) : 0;

	if (len < 2 || len > 64 || data[0] != '#')
		return 0;
	memcpy(ret, data + 1, len - 1);
	ret[len - 1] = '\0';
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Two files, parted by a byte that YAML does not allow. */
	const uint8_t *cut = size > 0 ? memchr(data, 0x01, size) : NULL;
	size_t first = cut != NULL ? (size_t)(cut - data) : size;
	char value[64];
	const char *const values[] = { value };
	const struct envfile_source sources[] = {
		{ .path = "/p/sbxenv.yaml",
		  .bytes = data,
		  .len = first,
		  .is_default = size > 1 && data[0] == '#' && data[1] == '~' },
		{ .path = "/p/sub/sbxenv.yaml",
		  .bytes = cut != NULL ? cut + 1 : data,
		  .len = cut != NULL ? size - first - 1 : 0 },
	};
	const struct envfile_request request = { .sources = sources,
						 .count = cut != NULL ? 2 : 1,
						 .project = "/p",
						 .values = values,
						 .values_count = read_value(data, size, value) };
	struct err err = ERR_INIT;
	json_t *env;

	if (envfile_resolve(&request, &env, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	check(env);
	json_decref(env);
	return 0;
}
