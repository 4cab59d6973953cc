#include "sbx/removal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbx/clone.h"
#include "sbx/report.h"
#include "sbx/sandbox.h"
#include "sbx/workcopy.h"

bool removal_warn(struct client *client, const json_t *sandbox)
{
	autocall(buf_finish) struct buf text;
	struct err err = ERR_INIT;

	buf_init(&text, 4096);
	if (*clone_folder_of(sandbox) == '\0')
		return false;
	if (clone_warn(client, sandbox, &text, &err) != 0) {
		buf_clear(&text);
		(void)buf_printf(&text, "what the clone in '%s' holds is not known: %s",
				 sandbox_text(sandbox, "name"), err.text);
	}
	if (text.len > 0 && buf_str(&text) != NULL)
		report_warning(buf_str(&text));
	return true;
}

int removal_remove(struct client *client, const json_t *sandbox, bool force, struct err *err)
{
	int r = sandbox_remove(client, sandbox_text(sandbox, "name"), force, err);

	if (r == 0)
		removal_release(sandbox);
	return r;
}

void removal_release(const json_t *sandbox)
{
	workcopy_release(sandbox);
	clone_release(sandbox);
}
