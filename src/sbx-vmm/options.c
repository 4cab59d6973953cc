#include "sbx-vmm/options.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/parse.h"
#include "boot/layout.h"

enum { FD_FIRST = 3, FD_LAST = 255 };

struct row {
	const char *name;
	int (*take)(struct options *options, const struct row *row, const char *value);
	size_t offset;	       /* of the member, where it is a descriptor */
	enum served_kind kind; /* where it is a device */
};

static int parse_fd(struct options *options, const char *value, int *ret)
{
	uint64_t fd;
	int r = parse_u64(value, FD_LAST, &fd);

	if (r < 0 || fd < FD_FIRST)
		return -EINVAL;
	*ret = (int)fd;
	options->last_fd = max_of(options->last_fd, (int)fd);
	return 0;
}

static int take_fd_option(struct options *options, const struct row *row, const char *value)
{
	return parse_fd(options, value, (int *)((char *)options + row->offset));
}

static int take_device(struct options *options, const struct row *row, const char *value)
{
	struct option_device *device = &options->device[options->devices_count];
	int r;

	if (options->devices_count == OPTIONS_DEVICES_MAX)
		return -E2BIG;
	r = parse_fd(options, value, &device->fd);
	if (r < 0)
		return r;
	device->kind = row->kind;
	options->devices_count++;
	return 0;
}

static int take_cpus(struct options *options, const struct row *row, const char *value)
{
	uint64_t cpus;
	int r = parse_u64(value, LAYOUT_CPUS_MAX, &cpus);

	(void)row;
	if (r < 0 || cpus == 0)
		return -EINVAL;
	options->cpus = (unsigned)cpus;
	return 0;
}

static int take_memory(struct options *options, const struct row *row, const char *value)
{
	(void)row;
	return parse_size(value, &options->memory_bytes);
}

static int take_cmdline(struct options *options, const struct row *row, const char *value)
{
	(void)row;
	options->cmdline = value;
	return 0;
}

static int take_jail(struct options *options, const struct row *row, const char *value)
{
	(void)row;
	options->weak_jail = strcmp(value, "weak") == 0;
	return options->weak_jail ? 0 : -EINVAL;
}

static const struct row rows[] = {
	{ .name = "kvm", .take = take_fd_option, .offset = offsetof(struct options, kvm) },
	{ .name = "kernel", .take = take_fd_option, .offset = offsetof(struct options, kernel) },
	{ .name = "initramfs",
	  .take = take_fd_option,
	  .offset = offsetof(struct options, initramfs) },
	{ .name = "control", .take = take_fd_option, .offset = offsetof(struct options, control) },
	{ .name = "console", .take = take_fd_option, .offset = offsetof(struct options, console) },
	{ .name = "blk", .take = take_device, .kind = SERVED_BLK },
	{ .name = "fs", .take = take_device, .kind = SERVED_FS },
	{ .name = "vsock", .take = take_device, .kind = SERVED_VSOCK },
	{ .name = "net", .take = take_device, .kind = SERVED_NET },
	{ .name = "cpus", .take = take_cpus },
	{ .name = "memory", .take = take_memory },
	{ .name = "cmdline", .take = take_cmdline },
	{ .name = "jail", .take = take_jail },
};

static int take_word(struct options *options, const char *word, struct err *err)
{
	const char *equals = strchr(word, '=');
	size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);

	for (size_t i = 0; equals != NULL && i < countof(rows); i++) {
		int r;

		if (strlen(rows[i].name) != len || memcmp(rows[i].name, word, len) != 0)
			continue;
		r = rows[i].take(options, &rows[i], equals + 1);
		return r < 0 ? err_set_errno(err, r, "'%s'", word) : 0;
	}
	return err_set(err, -EINVAL, "'%s' is no option of sbx-vmm, which sbxd starts", word);
}

int options_parse(int argc, char **argv, struct options *ret, struct err *err)
{
	struct options options = { .kvm = -1,
				   .kernel = -1,
				   .control = -1,
				   .initramfs = -1,
				   .console = -1,
				   .cpus = 1,
				   .cmdline = "",
				   .last_fd = 2 };

	for (int i = 1; i < argc; i++) {
		int r = take_word(&options, argv[i], err);

		if (r < 0)
			return r;
	}
	if (options.kvm < 0 || options.kernel < 0 || options.control < 0 ||
	    options.memory_bytes == 0)
		return err_set(err, -EINVAL,
			       "sbx-vmm needs kvm, kernel, control and memory; sbxd starts it");
	*ret = options;
	return 0;
}
