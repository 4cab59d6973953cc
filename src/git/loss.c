#include "git/loss.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "git/command.h"
#include "git/quarantine.h"

int loss_count_files(const struct quarantine *quarantine, size_t *ret, struct err *err)
{
	autocall(buf_finish) struct buf status;
	size_t count = 0;
	int r;

	buf_init(&status, GIT_OUTPUT_MAX);
	r = quarantine_status(quarantine, &status, err);
	for (size_t i = 0; r == 0 && i < status.len; i++)
		count += status.data[i] == '\0';
	if (r == 0)
		*ret = count;
	return r;
}

int loss_find(const struct repository *repository, const struct branch *branch, struct loss *ret,
	      struct err *err)
{
	autocall(quarantine_finish) struct quarantine quarantine = { .lock = -1 };
	struct loss loss;
	int r = quarantine_open(repository, branch, &quarantine, err);

	if (r == 0)
		r = quarantine_count(&quarantine, true, &loss.commits, err);
	if (r == 0)
		r = quarantine_bring(&quarantine, err);
	if (r == 0)
		r = loss_count_files(&quarantine, &loss.files, err);
	if (r == 0)
		*ret = loss;
	return r;
}

int loss_describe(const struct loss *loss, struct buf *ret)
{
	int r = 0;

	if (loss->commits > 0)
		r = buf_printf(ret, "%zu commit%s", loss->commits, loss->commits == 1 ? "" : "s");
	if (r == 0 && loss->commits > 0 && loss->files > 0)
		r = buf_printf(ret, " and ");
	if (r == 0 && loss->files > 0)
		r = buf_printf(ret, "%zu changed file%s", loss->files, loss->files == 1 ? "" : "s");
	return r;
}
