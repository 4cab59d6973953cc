#include <errno.h>

#include "base/err.h"
#include "boot/bzimage.h"
#include "tests/unit/boot/image.h"
#include "tests/unit/test.h"

enum { RAM_END = 0x8000000 };

static uint8_t image[BZ_SIZE];
static struct bzimage parsed;
static struct err why;

static int parse(void)
{
	why = (struct err)ERR_INIT;
	return bzimage_parse(image, BZIMAGE_HEAD_MAX, sizeof(image), RAM_END, &parsed, &why);
}

#define REFUSED(code, sentence)                              \
	do {                                                 \
		CHECK_EQ(parse(), (code));                   \
		CHECK(strstr(why.text, (sentence)) != NULL); \
	} while (0)

TEST(the_protected_mode_part_and_its_entry_are_found)
{
	bzimage_init(image);
	CHECK(bzimage_is(image, BZIMAGE_HEAD_MAX));
	CHECK_EQ(parse(), 0);
	CHECK_EQ(parsed.file_offset, BZ_CODE);
	CHECK_EQ(parsed.file_size, BZ_CODE_SIZE);
	CHECK_EQ(parsed.gpa, IMAGE_TEXT);
	CHECK_EQ(parsed.size, BZ_INIT_SIZE);
	CHECK_EQ(parsed.entry, IMAGE_TEXT + 0x200);
	CHECK_EQ(parsed.header_size, 0x202 + 0x6a - 0x1f1);
}

TEST(what_is_none_is_refused)
{
	bzimage_init(image);
	CHECK(!bzimage_is(image, 0x200));
	image[0x202] = 'h';
	REFUSED(-ENOEXEC, "no bzImage");
	bzimage_init(image);
	le16_store(image + 0x206, 0x020b);
	REFUSED(-ENOEXEC, "older than 2.12");
	bzimage_init(image);
	le16_store(image + 0x236, 0x3e);
	REFUSED(-ENOEXEC, "32-bit x86");
}

TEST(it_stays_in_the_file)
{
	bzimage_init(image);
	image[0x1f1] = 255;
	REFUSED(-ENOEXEC, "cut short or damaged");
	bzimage_init(image);
	le32_store(image + 0x1f4, 0x200 / 16); /* the entry is behind its end */
	REFUSED(-ENOEXEC, "cut short or damaged");
	bzimage_init(image);
	image[0x201] = 0xff;
	REFUSED(-ENOEXEC, "setup header is damaged");
	bzimage_init(image);
	le32_store(image + 0x1f4, UINT32_MAX); /* counted beyond the end: what is there counts */
	CHECK_EQ(parse(), 0);
	CHECK_EQ(parsed.file_size, BZ_CODE_SIZE);
}

TEST(it_stays_in_memory)
{
	bzimage_init(image);
	le64_store(image + 0x258, 0x10000);
	REFUSED(-ENOEXEC, "below 1 MiB");
	le64_store(image + 0x258, RAM_END - BZ_INIT_SIZE + 1);
	REFUSED(-ENOMEM, "does not fit");
	le64_store(image + 0x258, UINT64_MAX);
	REFUSED(-ENOMEM, "does not fit");
}

TEST_MAIN()
