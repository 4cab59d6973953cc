/*
 * Kernels of any kind: the first bytes of a file that may be an ELF file, a
 * bzImage or neither. What a parser returns lies in the file and in memory.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"
#include "boot/bzimage.h"
#include "boot/layout.h"
#include "boot/vmlinux.h"
#include "tests/fuzz/fuzz.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_vmlinux(const uint8_t *head, size_t len, uint64_t file_size, uint64_t ram_end)
{
	struct err err = ERR_INIT;
	struct vmlinux image;
	bool entered = false;

	if (vmlinux_parse(head, len, file_size, ram_end, &image, &err) < 0) {
		REQUIRE(err.text[0] != '\0');
		return;
	}
	REQUIRE(image.count > 0 && image.count <= VMLINUX_SEGMENTS_MAX);
	for (size_t i = 0; i < image.count; i++) {
		const struct vmlinux_segment *part = &image.segment[i];

		REQUIRE(range_within(part->file_offset, part->file_size, file_size));
		REQUIRE(part->gpa >= LAYOUT_HIGH && range_within(part->gpa, part->size, ram_end));
		REQUIRE(part->file_size <= part->size && part->gpa + part->size <= image.end);
		entered |= image.entry >= part->gpa && image.entry - part->gpa < part->file_size;
	}
	REQUIRE(entered);
}

static void check_bzimage(const uint8_t *head, size_t len, uint64_t file_size, uint64_t ram_end)
{
	struct err err = ERR_INIT;
	struct bzimage image;

	if (bzimage_parse(head, len, file_size, ram_end, &image, &err) < 0) {
		REQUIRE(err.text[0] != '\0');
		return;
	}
	REQUIRE(range_within(image.file_offset, image.file_size, file_size));
	REQUIRE(image.gpa >= LAYOUT_HIGH && range_within(image.gpa, image.size, ram_end));
	REQUIRE(image.file_size <= image.size && image.entry < image.gpa + image.size);
	REQUIRE(BZIMAGE_HEADER + image.header_size <= min_of(len, (size_t)BZIMAGE_HEADER_MAX));
}

/* 8 bytes: size of the file and end of memory in pages; then the file's first bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t file_size, ram_end;
	size_t len;

	if (size < 8)
		return 0;
	len = min_of(size - 8, (size_t)VMLINUX_HEAD_MAX);
	file_size = max_of((uint64_t)le32_load(data) << 12, (uint64_t)len);
	ram_end = min_of((uint64_t)le32_load(data + 4) << 12, LAYOUT_RAM_HOLE);
	check_vmlinux(data + 8, len, file_size, ram_end);
	check_bzimage(data + 8, len, file_size, ram_end);
	return 0;
}
