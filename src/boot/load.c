#include "boot/load.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "boot/bzimage.h"
#include "boot/cmdline.h"
#include "boot/layout.h"
#include "boot/mptable.h"
#include "boot/vmlinux.h"
#include "hv/entry.h"
#include "hv/flat.h"
#include "vm/guestmem.h"

enum {
	HEAD_MAX = VMLINUX_HEAD_MAX,
	PAGE = 4096,
	ARM64_MAGIC_AT = 0x38,
	LOADER_UNKNOWN = 0xff, /* type_of_loader: no number of our own */
	BOOT_FLAG = 0xaa55,
	HEADER_MAGIC = 0x53726448, /* "HdrS" */
	PROTOCOL = 0x020f,
	E820_RAM = 1,
	E820_RESERVED = 2,
};

_Static_assert((int)BZIMAGE_HEAD_MAX == (int)HEAD_MAX, "one look at the file serves both parsers");
_Static_assert(offsetof(struct boot_params, hdr) == BZIMAGE_HEADER, "boot.rst");

/* What is known after the kernel is in memory. */
struct loaded {
	struct boot_params params;
	uint64_t entry;
	uint64_t end; /* first free address behind kernel and its work space */
};

static int read_at(int fd, uint64_t offset, void *to, uint64_t len, struct err *err)
{
	char *out = to;

	while (len > 0) {
		ssize_t n = pread(fd, out, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, -errno, "cannot read it");
		if (n == 0)
			return err_set(err, -ENOEXEC, "the file became shorter while it was read");
		out += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int file_size(int fd, uint64_t *ret, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, -errno, "cannot look at it");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "it is no regular file");
	*ret = (uint64_t)st.st_size;
	return 0;
}

static uint64_t ram_end(const struct guestmem *mem)
{
	return mem->region[0].size;
}

/* Copies a part of a file to an address that a parser has checked. */
static int load_part(const struct guestmem *mem, int fd, uint64_t offset, uint64_t gpa,
		     uint64_t len, struct err *err)
{
	void *to = guestmem_at(mem, gpa, len);

	if (to == NULL)
		return err_set(err, -EFAULT, "it does not fit into the guest's memory");
	return read_at(fd, offset, to, len, err);
}

static int load_elf(int fd, const uint8_t *head, size_t len, uint64_t size,
		    const struct guestmem *mem, struct loaded *ret, struct err *err)
{
	struct vmlinux image;
	int r = vmlinux_parse(head, len, size, ram_end(mem), &image, err);

	for (size_t i = 0; r == 0 && i < image.count; i++)
		r = load_part(mem, fd, image.segment[i].file_offset, image.segment[i].gpa,
			      image.segment[i].file_size, err);
	if (r < 0)
		return r;
	ret->entry = image.entry;
	ret->end = image.end;
	ret->params.hdr.boot_flag = BOOT_FLAG;
	ret->params.hdr.header = HEADER_MAGIC;
	ret->params.hdr.version = PROTOCOL;
	ret->params.hdr.kernel_alignment = 0x1000000;
	return 0;
}

static int load_bzimage(int fd, const uint8_t *head, size_t len, uint64_t size,
			const struct guestmem *mem, struct loaded *ret, struct err *err)
{
	struct bzimage image;
	int r = bzimage_parse(head, len, size, ram_end(mem), &image, err);

	if (r == 0)
		r = load_part(mem, fd, image.file_offset, image.gpa, image.file_size, err);
	if (r < 0)
		return r;
	memcpy((uint8_t *)&ret->params + BZIMAGE_HEADER, head + BZIMAGE_HEADER, image.header_size);
	ret->entry = image.entry;
	ret->end = image.gpa + image.size;
	return 0;
}

static int load_kernel(int fd, const struct guestmem *mem, struct loaded *ret, struct err *err)
{
	uint8_t head[HEAD_MAX];
	uint64_t size = 0;
	size_t len;
	int r = file_size(fd, &size, err);

	if (r < 0)
		return r;
	len = (size_t)min_of(size, (uint64_t)sizeof(head));
	r = read_at(fd, 0, head, len, err);
	if (r < 0)
		return r;
	if (bzimage_is(head, len))
		return load_bzimage(fd, head, len, size, mem, ret, err);
	if (len >= 4 && memcmp(head, "\177ELF", 4) == 0)
		return load_elf(fd, head, len, size, mem, ret, err);
	if (len >= ARM64_MAGIC_AT + 4 && memcmp(head + ARM64_MAGIC_AT, "ARM\x64", 4) == 0)
		return err_set(err, -ENOEXEC, "the kernel is for arm64, this machine runs x86-64");
	return err_set(err, -ENOEXEC, "it is no Linux kernel: neither vmlinux (ELF) nor bzImage");
}

/* As high as it goes, away from where a bzImage unpacks itself. */
static int load_initramfs(int fd, const struct guestmem *mem, struct loaded *loaded,
			  struct err *err)
{
	uint64_t top = ram_end(mem), size = 0, gpa;
	int r = file_size(fd, &size, err);

	if (r < 0 || size == 0)
		return r;
	if (loaded->end > top || size > top - loaded->end)
		return err_set(err, -ENOMEM,
			       "it does not fit into the guest's memory; give it more");
	gpa = (top - size) & ~(uint64_t)(PAGE - 1);
	if (gpa < loaded->end)
		return err_set(err, -ENOMEM,
			       "it does not fit into the guest's memory; give it more");
	r = load_part(mem, fd, 0, gpa, size, err);
	if (r < 0)
		return r;
	loaded->params.hdr.ramdisk_image = (uint32_t)gpa;
	loaded->params.hdr.ramdisk_size = (uint32_t)size;
	return 0;
}

static void add_range(struct boot_params *params, uint64_t from, uint64_t to, uint32_t type)
{
	params->e820_table[params->e820_entries++] =
		(struct boot_e820_entry){ .addr = from, .size = to - from, .type = type };
}

static void describe_memory(struct boot_params *params, const struct guestmem *mem)
{
	add_range(params, 0, LAYOUT_LOW_END, E820_RAM);
	add_range(params, LAYOUT_MPTABLE, LAYOUT_MPTABLE + LAYOUT_MPTABLE_SIZE, E820_RESERVED);
	add_range(params, LAYOUT_HIGH, ram_end(mem), E820_RAM);
	for (size_t i = 1; i < mem->count; i++)
		add_range(params, mem->region[i].gpa, mem->region[i].gpa + mem->region[i].size,
			  E820_RAM);
}

static int write_tables(const struct boot_config *config, const struct guestmem *mem,
			const struct loaded *loaded, struct hv_entry *ret, struct err *err)
{
	size_t cmdline_size = strlen(config->cmdline) + 1;
	struct hv_entry entry = { .pc = loaded->entry,
				  .argument = LAYOUT_BOOT_PARAMS,
				  .stack = LAYOUT_STACK_TOP };
	void *flat = guestmem_at(mem, LAYOUT_FLAT, HV_FLAT_SIZE);
	void *mptable = guestmem_at(mem, LAYOUT_MPTABLE, MPTABLE_SIZE_MAX);

	if (cmdline_size > CMDLINE_MAX)
		return err_set(err, -E2BIG, "the kernel command line is longer than %d bytes",
			       CMDLINE_MAX - 1);
	if (flat == NULL || mptable == NULL ||
	    guestmem_write(mem, LAYOUT_CMDLINE, config->cmdline, cmdline_size) < 0 ||
	    guestmem_write(mem, LAYOUT_BOOT_PARAMS, &loaded->params, sizeof(loaded->params)) < 0)
		return err_set(err, -ENOMEM, "the guest's memory is too small to boot in");
	hv_flat_write(flat, LAYOUT_FLAT, &entry);
	(void)mptable_write(mptable, config->cpus);
	*ret = entry;
	return 0;
}

int boot_load(const struct boot_config *config, const struct guestmem *mem, struct hv_entry *ret,
	      struct err *err)
{
	struct loaded loaded = { 0 };

	if (load_kernel(config->kernel, mem, &loaded, err) < 0)
		return err_wrap(err, "cannot load the kernel");
	if (config->initramfs >= 0 && load_initramfs(config->initramfs, mem, &loaded, err) < 0)
		return err_wrap(err, "cannot load the initramfs");
	loaded.params.hdr.type_of_loader = LOADER_UNKNOWN;
	loaded.params.hdr.cmd_line_ptr = LAYOUT_CMDLINE;
	loaded.params.hdr.cmdline_size = CMDLINE_MAX;
	describe_memory(&loaded.params, mem);
	return write_tables(config, mem, &loaded, ret, err);
}
