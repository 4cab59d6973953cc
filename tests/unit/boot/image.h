/*
 * Kernels for tests: a vmlinux of two parts and a bzImage, small and right in
 * every field, for a test to break one.
 */
#ifndef TESTS_UNIT_BOOT_IMAGE_H
#define TESTS_UNIT_BOOT_IMAGE_H

#include <elf.h>
#include <string.h>

#include "base/bytes.h"

enum {
	IMAGE_TEXT = 0x1000000,
	IMAGE_DATA = 0x1200000,
	IMAGE_BSS = 0x5000, /* memory of the second part */
	IMAGE_SIZE = 0x3000,
	BZ_SECTS = 7,
	BZ_CODE = (BZ_SECTS + 1) * 512,
	BZ_CODE_SIZE = 0x1000,
	BZ_SIZE = BZ_CODE + BZ_CODE_SIZE,
	BZ_INIT_SIZE = 0x400000,
};

struct image {
	uint8_t bytes[IMAGE_SIZE];
};

static inline Elf64_Ehdr *image_header(struct image *image)
{
	return (Elf64_Ehdr *)image->bytes;
}

static inline Elf64_Phdr *image_part(struct image *image, size_t index)
{
	return (Elf64_Phdr *)(image->bytes + sizeof(Elf64_Ehdr)) + index;
}

/* Text of 0x1000 'T' from 0x1000 on, data of 0x1000 'D' from 0x2000 on, in the file. */
static inline void image_init(struct image *image)
{
	memset(image->bytes, 0, 0x1000);
	memset(image->bytes + 0x1000, 'T', 0x1000);
	memset(image->bytes + 0x2000, 'D', 0x1000);
	*image_header(image) = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = IMAGE_TEXT + 0x10,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};
	*image_part(image, 0) = (Elf64_Phdr){ .p_type = PT_LOAD,
					      .p_offset = 0x1000,
					      .p_vaddr = 0xffffffff81000000,
					      .p_paddr = IMAGE_TEXT,
					      .p_filesz = 0x1000,
					      .p_memsz = 0x1000 };
	*image_part(image, 1) = (Elf64_Phdr){ .p_type = PT_LOAD,
					      .p_offset = 0x2000,
					      .p_vaddr = 0xffffffff81200000,
					      .p_paddr = IMAGE_DATA,
					      .p_filesz = 0x1000,
					      .p_memsz = IMAGE_BSS };
	*image_part(image, 2) = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x1000 };
}

/* A 64-bit bzImage of protocol 2.15 with 0x1000 'B' as its protected-mode part. */
static inline void bzimage_init(uint8_t image[BZ_SIZE])
{
	memset(image, 0, BZ_CODE);
	memset(image + BZ_CODE, 'B', BZ_CODE_SIZE);
	image[0x1f1] = BZ_SECTS;
	le32_store(image + 0x1f4, BZ_CODE_SIZE / 16);
	le16_store(image + 0x1fe, 0xaa55);
	image[0x200] = 0xeb;
	image[0x201] = 0x6a;
	memcpy(image + 0x202, "HdrS", 4);
	le16_store(image + 0x206, 0x020f);
	le32_store(image + 0x230, 0x200000);
	image[0x234] = 1;
	le16_store(image + 0x236, 0x3f);
	le64_store(image + 0x258, IMAGE_TEXT);
	le32_store(image + 0x260, BZ_INIT_SIZE);
}

#endif
