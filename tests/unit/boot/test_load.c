#include <asm/bootparam.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "boot/bzimage.h"
#include "boot/cmdline.h"
#include "boot/layout.h"
#include "boot/load.h"
#include "hv/entry.h"
#include "tests/unit/boot/image.h"
#include "tests/unit/test.h"
#include "vm/guestmem.h"

enum { LOW = 64 << 20, ABOVE = 1 << 20 };

struct board {
	struct guestmem mem;
	uint8_t *low, *above;
	struct hv_entry entry;
	struct err err;
};

static bool board_init(struct board *board)
{
	*board = (struct board){ .err = ERR_INIT };
	board->low = mmap(NULL, LOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	board->above =
		mmap(NULL, ABOVE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return board->low != MAP_FAILED && board->above != MAP_FAILED &&
	       guestmem_add(&board->mem, 0, LOW, board->low) == 0 &&
	       guestmem_add(&board->mem, LAYOUT_RAM_ABOVE, ABOVE, board->above) == 0;
}

static void board_finish(struct board *board)
{
	guestmem_finish(&board->mem);
	(void)munmap(board->low, LOW);
	(void)munmap(board->above, ABOVE);
}

static int file_of(const void *bytes, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	return write(fd, bytes, len) == (ssize_t)len ? fd : -1;
}

static int load(struct board *board, int kernel, int initramfs, const char *cmdline)
{
	struct boot_config config = {
		.kernel = kernel, .initramfs = initramfs, .cmdline = cmdline, .cpus = 2
	};

	return boot_load(&config, &board->mem, &board->entry, &board->err);
}

static const struct boot_params *params(const struct board *board)
{
	return (const struct boot_params *)(board->low + board->entry.argument);
}

TEST(vmlinux_initramfs_and_command_line_stand_in_memory)
{
	struct board board;
	struct image image;
	int kernel, initramfs;

	CHECK(board_init(&board));
	image_init(&image);
	kernel = file_of(&image, sizeof(image));
	initramfs = file_of("070701", 6);
	CHECK_EQ(load(&board, kernel, initramfs, "quiet"), 0);
	CHECK_EQ(board.entry.pc, IMAGE_TEXT + 0x10);
	CHECK_EQ(board.low[IMAGE_TEXT], 'T');
	CHECK_EQ(board.low[IMAGE_DATA + 0xfff], 'D');
	CHECK_EQ(board.low[IMAGE_DATA + 0x1000], 0);
	CHECK_EQ(params(&board)->hdr.boot_flag, 0xaa55);
	CHECK_EQ(params(&board)->hdr.type_of_loader, 0xff);
	CHECK_EQ(params(&board)->hdr.ramdisk_size, 6);
	CHECK_MEM(board.low + params(&board)->hdr.ramdisk_image, "070701", 6);
	CHECK_STR((const char *)board.low + params(&board)->hdr.cmd_line_ptr, "quiet");
	CHECK_MEM(board.low + LAYOUT_MPTABLE, "_MP_", 4);
	(void)close(kernel);
	(void)close(initramfs);
	board_finish(&board);
}

TEST(memory_map_tells_of_all_ram_and_no_more)
{
	struct board board;
	struct image image;
	uint64_t ram = 0;
	int kernel;

	CHECK(board_init(&board));
	image_init(&image);
	kernel = file_of(&image, sizeof(image));
	CHECK_EQ(load(&board, kernel, -1, ""), 0);
	CHECK_EQ(params(&board)->e820_entries, 4);
	for (int i = 0; i < 4; i++)
		if (params(&board)->e820_table[i].type == 1)
			ram += params(&board)->e820_table[i].size;
	CHECK_EQ(ram, LOW + ABOVE - (LAYOUT_HIGH - LAYOUT_LOW_END));
	CHECK_EQ(params(&board)->hdr.ramdisk_size, 0);
	(void)close(kernel);
	board_finish(&board);
}

TEST(bzimage_keeps_its_setup_header)
{
	static uint8_t image[BZ_SIZE];
	struct board board;
	int kernel;

	CHECK(board_init(&board));
	bzimage_init(image);
	kernel = file_of(image, sizeof(image));
	CHECK_EQ(load(&board, kernel, -1, "a=b"), 0);
	CHECK_EQ(board.entry.pc, IMAGE_TEXT + 0x200);
	CHECK_EQ(board.low[IMAGE_TEXT], 'B');
	CHECK_EQ(params(&board)->hdr.init_size, BZ_INIT_SIZE);
	CHECK_EQ(params(&board)->hdr.version, 0x020f);
	CHECK_EQ(params(&board)->hdr.cmdline_size, CMDLINE_MAX);
	(void)close(kernel);
	board_finish(&board);
}

TEST(what_is_no_kernel_is_said_so)
{
	char arm64[64] = "MZ";
	struct board board;
	int text = file_of("#!/bin/sh\n", 10), empty = file_of("", 0), kernel;

	CHECK(board_init(&board));
	CHECK_EQ(load(&board, text, -1, ""), -ENOEXEC);
	CHECK_STR(board.err.text,
		  "cannot load the kernel: it is no Linux kernel: neither vmlinux "
		  "(ELF) nor bzImage");
	CHECK_EQ(load(&board, empty, -1, ""), -ENOEXEC);
	memcpy(arm64 + 0x38, "ARM\x64", 4);
	kernel = file_of(arm64, sizeof(arm64));
	CHECK_EQ(load(&board, kernel, -1, ""), -ENOEXEC);
	CHECK(strstr(board.err.text, "for arm64") != NULL);
	(void)close(text);
	(void)close(empty);
	(void)close(kernel);
	board_finish(&board);
}

TEST(an_initramfs_beyond_memory_is_refused)
{
	struct board board;
	struct image image;
	int kernel, initramfs = memfd_create("initramfs", MFD_CLOEXEC);

	CHECK(board_init(&board));
	image_init(&image);
	kernel = file_of(&image, sizeof(image));
	CHECK_EQ(ftruncate(initramfs, LOW), 0);
	CHECK_EQ(load(&board, kernel, initramfs, ""), -ENOMEM);
	CHECK(strstr(board.err.text, "cannot load the initramfs: it does not fit") != NULL);
	(void)close(kernel);
	(void)close(initramfs);
	board_finish(&board);
}

TEST(an_empty_initramfs_is_none)
{
	struct board board;
	struct image image;
	int kernel, initramfs = memfd_create("initramfs", MFD_CLOEXEC);

	CHECK(board_init(&board));
	image_init(&image);
	kernel = file_of(&image, sizeof(image));
	CHECK_EQ(load(&board, kernel, initramfs, ""), 0);
	CHECK_EQ(params(&board)->hdr.ramdisk_image, 0);
	(void)close(kernel);
	(void)close(initramfs);
	board_finish(&board);
}

TEST(a_pipe_is_no_kernel_and_a_long_line_is_refused)
{
	static char line[CMDLINE_MAX + 1];
	struct board board;
	struct image image;
	int ends[2], kernel;

	CHECK(board_init(&board));
	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(load(&board, ends[0], -1, ""), -EINVAL);
	CHECK(strstr(board.err.text, "no regular file") != NULL);
	image_init(&image);
	kernel = file_of(&image, sizeof(image));
	memset(line, 'a', CMDLINE_MAX);
	CHECK_EQ(load(&board, kernel, -1, line), -E2BIG);
	(void)close(kernel);
	(void)close(ends[0]);
	(void)close(ends[1]);
	board_finish(&board);
}

TEST_MAIN()
