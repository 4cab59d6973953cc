#include "sbxd/policy_presets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/file.h"

static const struct {
	const char *name, *older;
} rows[POLICY_PRESETS] = {
	{ "open", "allow-all" },
	{ "balanced", "balanced" },
	{ "locked-down", "deny-all" },
};

static void load(struct policy_preset *item, const char *folder)
{
	autocall(buf_finish) struct buf text;
	autofree char *path = NULL;
	int r;

	buf_init(&text, PRESET_BYTES_MAX);
	if (folder == NULL || asprintf(&path, "%s/%s.policy", folder, item->name) < 0) {
		path = NULL;
		(void)err_set(&item->damage, -ENOENT,
			      "the presets were not found; install them, or name their folder by "
			      "SBX_POLICIES");
		return;
	}
	r = file_read(AT_FDCWD, path, &text);
	if (r < 0)
		(void)err_set_errno(&item->damage, r, "cannot read the preset '%s'", path);
	else if (preset_parse((const char *)text.data, text.len, POLICY_FROM_PRESET, &item->preset,
			      &item->damage) < 0)
		(void)err_wrap(&item->damage, "the preset '%s'", path);
}

void presets_load(struct policy_presets *presets, const char *folder)
{
	for (size_t i = 0; i < POLICY_PRESETS; i++) {
		presets->items[i] = (struct policy_preset){ .name = rows[i].name };
		load(&presets->items[i], folder);
	}
}

void presets_finish(struct policy_presets *presets)
{
	for (size_t i = 0; i < POLICY_PRESETS; i++)
		preset_finish(&presets->items[i].preset);
}

int presets_find(const struct policy_presets *presets, const char *name,
		 const struct policy_preset **ret, struct err *err)
{
	for (size_t i = 0; i < POLICY_PRESETS; i++) {
		const struct policy_preset *item = &presets->items[i];

		if (strcasecmp(name, rows[i].name) != 0 && strcasecmp(name, rows[i].older) != 0)
			continue;
		if (item->damage.code < 0)
			return err_set(err, item->damage.code, "%s", item->damage.text);
		*ret = item;
		return 0;
	}
	return err_set(err, -EINVAL, "no preset is called '%.40s'; there are: %s, %s, %s", name,
		       rows[0].name, rows[1].name, rows[2].name);
}
