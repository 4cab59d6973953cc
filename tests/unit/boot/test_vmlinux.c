#include <errno.h>

#include "base/err.h"
#include "boot/vmlinux.h"
#include "tests/unit/boot/image.h"
#include "tests/unit/test.h"

enum { RAM_END = 0x8000000 };

static struct vmlinux parsed;
static struct err why;

static int parse(struct image *image)
{
	why = (struct err)ERR_INIT;
	return vmlinux_parse(image->bytes, VMLINUX_HEAD_MAX, sizeof(image->bytes), RAM_END, &parsed,
			     &why);
}

#define REFUSED(image, code, sentence)                       \
	do {                                                 \
		CHECK_EQ(parse(image), (code));              \
		CHECK(strstr(why.text, (sentence)) != NULL); \
	} while (0)

TEST(parts_are_found)
{
	struct image image;

	image_init(&image);
	CHECK_EQ(parse(&image), 0);
	CHECK_EQ(parsed.count, 2);
	CHECK_EQ(parsed.segment[0].gpa, IMAGE_TEXT);
	CHECK_EQ(parsed.segment[0].file_offset, 0x1000);
	CHECK_EQ(parsed.segment[1].file_size, 0x1000);
	CHECK_EQ(parsed.segment[1].size, IMAGE_BSS);
	CHECK_EQ(parsed.entry, IMAGE_TEXT + 0x10);
	CHECK_EQ(parsed.end, IMAGE_DATA + IMAGE_BSS);
}

TEST(other_architectures_are_named)
{
	struct image image;

	image_init(&image);
	image_header(&image)->e_machine = EM_AARCH64;
	REFUSED(&image, -ENOEXEC, "the kernel is for arm64, this machine runs x86-64");
	image_header(&image)->e_machine = EM_386;
	image_header(&image)->e_ident[EI_CLASS] = ELFCLASS32;
	REFUSED(&image, -ENOEXEC, "the kernel is for 32-bit x86");
	image_header(&image)->e_machine = 4711;
	REFUSED(&image, -ENOEXEC, "ELF machine 4711");
}

TEST(what_cannot_run_is_refused)
{
	struct image image;

	image_init(&image);
	image_header(&image)->e_type = ET_REL;
	REFUSED(&image, -ENOEXEC, "cannot be run");
	image_init(&image);
	image_header(&image)->e_ident[EI_DATA] = ELFDATA2MSB;
	REFUSED(&image, -ENOEXEC, "little-endian");
	image_init(&image);
	image_header(&image)->e_entry = IMAGE_TEXT - 1;
	REFUSED(&image, -ENOEXEC, "entry is not part of it");
	image_header(&image)->e_entry = IMAGE_DATA + 0x1000; /* in what is not in the file */
	REFUSED(&image, -ENOEXEC, "entry is not part of it");
	image.bytes[0] = 0;
	REFUSED(&image, -ENOEXEC, "no ELF file");
}

TEST(damaged_program_headers_are_refused)
{
	struct image image;

	image_init(&image);
	image_header(&image)->e_phoff = UINT64_MAX - 8;
	REFUSED(&image, -ENOEXEC, "program headers are damaged");
	image_header(&image)->e_phoff = VMLINUX_HEAD_MAX - sizeof(Elf64_Phdr);
	REFUSED(&image, -ENOEXEC, "program headers are damaged");
	image_init(&image);
	image_header(&image)->e_phentsize = 1;
	REFUSED(&image, -ENOEXEC, "program headers are damaged");
	image_init(&image);
	image_header(&image)->e_phnum = UINT16_MAX;
	REFUSED(&image, -ENOEXEC, "program headers are damaged");
	image_header(&image)->e_phnum = 0;
	REFUSED(&image, -ENOEXEC, "entry is not part of it");
}

TEST(parts_stay_in_the_file)
{
	struct image image;

	image_init(&image);
	image_part(&image, 1)->p_offset = IMAGE_SIZE - 1;
	REFUSED(&image, -ENOEXEC, "cut short or damaged");
	image_part(&image, 1)->p_offset = UINT64_MAX;
	REFUSED(&image, -ENOEXEC, "cut short or damaged");
	image_init(&image);
	image_part(&image, 1)->p_memsz = 0xfff; /* less than it brings along */
	REFUSED(&image, -ENOEXEC, "cut short or damaged");
}

TEST(parts_stay_in_memory_and_off_each_other)
{
	struct image image;

	image_init(&image);
	image_part(&image, 1)->p_paddr = RAM_END - IMAGE_BSS + 1;
	REFUSED(&image, -ENOMEM, "does not fit into the guest's memory");
	image_part(&image, 1)->p_paddr = UINT64_MAX - 1;
	REFUSED(&image, -ENOMEM, "does not fit into the guest's memory");
	image_part(&image, 1)->p_paddr = 0xff000;
	REFUSED(&image, -ENOEXEC, "below 1 MiB");
	image_part(&image, 1)->p_paddr = IMAGE_TEXT + 0xfff;
	REFUSED(&image, -ENOEXEC, "lie on each other");
	image_part(&image, 1)->p_paddr = IMAGE_DATA;
	image_part(&image, 1)->p_memsz = UINT64_MAX;
	REFUSED(&image, -ENOMEM, "does not fit into the guest's memory");
}

TEST(parts_are_counted)
{
	struct image image;

	image_init(&image);
	image_header(&image)->e_phnum = VMLINUX_SEGMENTS_MAX + 1;
	for (size_t i = 0; i <= VMLINUX_SEGMENTS_MAX; i++)
		*image_part(&image, i) = (Elf64_Phdr){ .p_type = PT_LOAD,
						       .p_offset = 0x1000,
						       .p_paddr = IMAGE_TEXT + i * 0x1000,
						       .p_filesz = 0x1000,
						       .p_memsz = 0x1000 };
	REFUSED(&image, -ENOEXEC, "more than 16 parts");
}

TEST_MAIN()
