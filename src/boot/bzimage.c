#include "boot/bzimage.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "boot/layout.h"

/* Offsets of the setup header's fields, boot.rst "THE REAL-MODE KERNEL HEADER". */
enum {
	SETUP_SECTS = 0x1f1,
	SYSSIZE = 0x1f4, /* of the protected-mode part, in 16 bytes */
	JUMP_LENGTH = 0x201,
	MAGIC = 0x202,
	VERSION = 0x206,
	XLOADFLAGS = 0x236,
	PREF_ADDRESS = 0x258,
	INIT_SIZE = 0x260,
	HEADER_NEEDED = 0x264,

	VERSION_64 = 0x020c, /* 2.12 tells of the 64-bit entry */
	XLF_KERNEL_64 = 1 << 0,
	ENTRY_64 = 0x200,
	SECTOR = 512,
	SECTORS_OLD = 4, /* what zero means */
};

bool bzimage_is(const uint8_t *head, size_t len)
{
	return len >= HEADER_NEEDED && memcmp(head + MAGIC, "HdrS", 4) == 0;
}

static int check_header(const uint8_t *head, size_t len, struct err *err)
{
	if (!bzimage_is(head, len))
		return err_set(err, -ENOEXEC, "the kernel is no bzImage");
	if (le16_load(head + VERSION) < VERSION_64)
		return err_set(err, -ENOEXEC, "the kernel's boot protocol is older than 2.12");
	if ((le16_load(head + XLOADFLAGS) & XLF_KERNEL_64) == 0)
		return err_set(err, -ENOEXEC,
			       "the kernel is for 32-bit x86, this machine runs x86-64");
	return 0;
}

int bzimage_parse(const uint8_t *head, size_t len, uint64_t file_size, uint64_t ram_end,
		  struct bzimage *ret, struct err *err)
{
	struct bzimage image;
	unsigned sectors;
	int r = check_header(head, len, err);

	if (r < 0)
		return r;
	sectors = head[SETUP_SECTS] != 0 ? head[SETUP_SECTS] : SECTORS_OLD;
	image = (struct bzimage){
		.file_offset = (uint64_t)(sectors + 1) * SECTOR,
		.file_size = (uint64_t)le32_load(head + SYSSIZE) * 16,
		.gpa = le64_load(head + PREF_ADDRESS),
		.size = le32_load(head + INIT_SIZE),
		.header_size = MAGIC + (size_t)head[JUMP_LENGTH] - BZIMAGE_HEADER,
	};
	/* The last 16 bytes may be counted though the file ends before: a checksum follows. */
	if (image.file_offset < file_size)
		image.file_size = min_of(image.file_size, file_size - image.file_offset);
	if (image.file_size <= ENTRY_64 ||
	    !range_within(image.file_offset, image.file_size, file_size))
		return err_set(err, -ENOEXEC, "the kernel file is cut short or damaged");
	if (image.header_size > BZIMAGE_HEADER_MAX - BZIMAGE_HEADER ||
	    image.header_size > len - BZIMAGE_HEADER)
		return err_set(err, -ENOEXEC, "the kernel's setup header is damaged");
	image.size = max_of(image.size, image.file_size);
	if (image.gpa < LAYOUT_HIGH)
		return err_set(err, -ENOEXEC,
			       "the kernel wants to be loaded at 0x%llx, below 1 MiB",
			       (unsigned long long)image.gpa);
	if (!range_within(image.gpa, image.size, ram_end))
		return err_set(err, -ENOMEM,
			       "the kernel does not fit into the guest's memory; give it more");
	image.entry = image.gpa + ENTRY_64;
	*ret = image;
	return 0;
}
