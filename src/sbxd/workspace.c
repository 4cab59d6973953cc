#include "sbxd/workspace.h"

#include <string.h>

#include "sbxd/mounts.h"
#include "sbxd/record.h"

const char *workspace_of(const struct record *record)
{
	static const char label[] = WORKSPACE_LABEL "=";
	const char *working_dir = record->template.working_dir;

	for (size_t i = 0; i < record->labels.count; i++) {
		const char *text = record->labels.items[i];

		if (strncmp(text, label, sizeof(label) - 1) == 0 &&
		    mount_target_is_valid(text + sizeof(label) - 1))
			return text + sizeof(label) - 1;
	}
	if (record->mounts.count > 0)
		return record->mounts.items[0].target;
	return working_dir != NULL && mount_target_is_valid(working_dir) ? working_dir : NULL;
}
