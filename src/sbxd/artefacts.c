#include "sbxd/artefacts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/paths.h"

static const struct artefact_row {
	const char *name;
	const char *variable;  /* names the file itself; NULL: none */
	const char *file;      /* in the folder of --artefacts */
	const char *installed; /* relative to the folder of this program */
	const char *built; /* the same, in a build folder, where ./dev links the kernel and makes
			      the templates */
} rows[ARTEFACT_COUNT] = {
	[ARTEFACT_KERNEL] = { "kernel", "SBX_KERNEL", "vmlinux", "../share/sbx/vmlinux",
			      "../../vmlinux" },
	[ARTEFACT_TEMPLATES] = { "templates", "SBX_TEMPLATES", "templates",
				 "../share/sbx/templates", "../../templates" },
	[ARTEFACT_INITRAMFS] = { "initramfs", "SBX_INITRAMFS", "initramfs.cpio",
				 "../share/sbx/initramfs.cpio", "../sbx-init/initramfs.cpio" },
	[ARTEFACT_BLK] = { "sbx-blk", NULL, "sbx-blk", "../libexec/sbx/sbx-blk",
			   "../sbx-blk/sbx-blk" },
	[ARTEFACT_FS] = { "sbx-fs", NULL, "sbx-fs", "../libexec/sbx/sbx-fs", "../sbx-fs/sbx-fs" },
	[ARTEFACT_VSOCK] = { "sbx-vsock", NULL, "sbx-vsock", "../libexec/sbx/sbx-vsock",
			     "../sbx-vsock/sbx-vsock" },
	[ARTEFACT_NET] = { "sbx-net", NULL, "sbx-net", "../libexec/sbx/sbx-net",
			   "../sbx-net/sbx-net" },
	[ARTEFACT_PROXY] = { "sbx-proxy", NULL, "sbx-proxy", "../libexec/sbx/sbx-proxy",
			     "../sbx-proxy/sbx-proxy" },
	[ARTEFACT_SERVICES] = { "services", "SBX_SERVICES", "services", "../share/sbx/services",
				"../../share/services" },
	[ARTEFACT_VMM] = { "sbx-vmm", NULL, "sbx-vmm", "../libexec/sbx/sbx-vmm",
			   "../sbx-vmm/sbx-vmm" },
	[ARTEFACT_IMAGER] = { "sbx-image", NULL, "sbx-image", "../libexec/sbx/sbx-image",
			      "../sbx-image/sbx-image" },
	[ARTEFACT_POLICIES] = { "policies", "SBX_POLICIES", "policies", "../share/sbx/policies",
				"../../../share/policies" },
};

const char *artefact_name(enum artefact artefact)
{
	return rows[artefact].name;
}

/* The folder that holds this program, as the kernel knows it. */
static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return strdup(path);
}

/* Tries one place: *found becomes the resolved path when something readable is there. */
static void try(const char *folder, const char *file, char **found)
{
	autofree char *path = NULL;

	if (*found != NULL || folder == NULL || file == NULL)
		return;
	path = path_join(folder, file);
	if (path != NULL && access(path, R_OK) == 0)
		*found = realpath(path, NULL);
}

int artefacts_init(struct artefacts *artefacts, const char *folder)
{
	autofree char *own = own_folder();

	*artefacts = (struct artefacts){ .paths = { NULL } };
	if (own == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ARTEFACT_COUNT; i++) {
		const struct artefact_row *row = &rows[i];
		const char *given = row->variable == NULL ? NULL : getenv(row->variable);
		char **path = &artefacts->paths[i];

		if (given != NULL && given[0] == '/') {
			char *resolved = realpath(given, NULL);

			/* One that is not there is kept as it was said, for the sentence. */
			*path = resolved != NULL ? resolved : strdup(given);
			continue;
		}
		try(folder, row->file, path);
		try(own, row->installed, path);
		try(own, row->built, path);
	}
	return 0;
}

void artefacts_finish(struct artefacts *artefacts)
{
	for (size_t i = 0; i < ARTEFACT_COUNT; i++)
		free(artefacts->paths[i]);
	*artefacts = (struct artefacts){ .paths = { NULL } };
}

const char *artefacts_need(const struct artefacts *artefacts, enum artefact artefact,
			   struct err *err)
{
	const char *path = artefacts->paths[artefact];
	const struct artefact_row *row = &rows[artefact];

	if (path == NULL) {
		(void)err_set(err, -ENOENT,
			      "no %s was found; name it by %s or start sbxd with --artefacts DIR",
			      row->name, row->variable != NULL ? row->variable : row->file);
		return NULL;
	}
	if (access(path, R_OK) < 0) {
		(void)err_set_errno(err, -errno, "cannot read the %s '%s'", row->name, path);
		return NULL;
	}
	return path;
}
