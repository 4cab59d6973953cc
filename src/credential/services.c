#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "credential/service.h"

static const char suffix[] = ".service";

static int load_one(int dir, const char *file, struct service *ret, struct err *err)
{
	autocall(buf_finish) struct buf text = { 0 };
	int r;

	buf_init(&text, SERVICE_FILE_MAX + 1);
	r = file_read(dir, file, &text);
	if (r < 0)
		return err_set_errno(err, r, "cannot read the service file '%s'", file);
	r = service_parse(text.data != NULL ? (const char *)text.data : "", text.len, ret, err);
	return r < 0 ? err_wrap(err, "service file '%s'", file) : 0;
}

/* The file is named as its service, so that no two can be the same. */
static int add_one(struct services *services, int dir, const char *file, struct err *err)
{
	struct service *service = &services->items[services->count];
	size_t len = strlen(file) - strlen(suffix);
	int r;

	if (services->count == SERVICES_MAX)
		return err_set(err, -E2BIG, "there are more than %d service files", SERVICES_MAX);
	r = load_one(dir, file, service, err);
	if (r < 0)
		return r;
	services->count++;
	if (strlen(service->name) != len || strncmp(service->name, file, len) != 0)
		return err_set(err, -EINVAL, "service file '%s' describes service '%s'", file,
			       service->name);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct service *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static bool is_service_file(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

static int load_all(DIR *dir, struct services *services, struct err *err)
{
	struct dirent *entry;
	int r = 0;

	services->items = calloc(SERVICES_MAX, sizeof(*services->items));
	if (services->items == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (is_service_file(entry->d_name))
			r = add_one(services, dirfd(dir), entry->d_name, err);
	if (r == 0)
		qsort(services->items, services->count, sizeof(*services->items), compare);
	return r;
}

int services_load(const char *folder, struct services *ret, struct err *err)
{
	struct services services = { .items = NULL };
	DIR *dir = opendir(folder);
	int r;

	if (dir == NULL)
		return err_set_errno(err, -errno, "cannot read the service files in '%s'", folder);
	r = load_all(dir, &services, err);
	(void)closedir(dir);
	if (r < 0)
		services_finish(&services);
	else
		*ret = services;
	return r;
}

void services_finish(struct services *services)
{
	if (services == NULL)
		return;
	for (size_t i = 0; i < services->count; i++)
		service_finish(&services->items[i]);
	free(services->items);
	*services = (struct services){ .items = NULL };
}

const struct service *services_find(const struct services *services, const char *name)
{
	for (size_t i = 0; i < services->count; i++)
		if (strcmp(services->items[i].name, name) == 0)
			return &services->items[i];
	return NULL;
}
