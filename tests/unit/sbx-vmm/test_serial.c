#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "hv/fake/fake.h"
#include "sbx-vmm/serial.h"
#include "tests/unit/test.h"

struct fixture {
	struct hv_fake fake;
	struct hv_vm *vm;
	struct serial serial;
	int pair[2];
};

static bool init(struct fixture *f)
{
	struct hv_config config = { .cpus = 1, .fake = &f->fake };
	struct err err = ERR_INIT;

	hv_fake_init(&f->fake);
	if (hv_vm_create(&hv_fake_full, &config, &f->vm, &err) < 0 || fd_socketpair(f->pair) < 0)
		return false;
	serial_init(&f->serial, f->vm);
	serial_set_output(&f->serial, f->pair[1]);
	return true;
}

static void finish(struct fixture *f)
{
	serial_finish(&f->serial);
	hv_vm_destroy(f->vm);
	hv_fake_finish(&f->fake);
	(void)close(f->pair[0]);
	(void)close(f->pair[1]);
}

static void say(struct fixture *f, const char *text)
{
	for (; *text != '\0'; text++)
		serial_write(&f->serial, 0, (uint8_t)*text);
}

TEST(lines_are_passed_on_whole)
{
	struct fixture f;
	char got[16] = "";

	CHECK(init(&f));
	CHECK_EQ(serial_read(&f.serial, 5) & 0x20, 0x20);
	say(&f, "hello\nwor");
	CHECK_EQ(read(f.pair[0], got, sizeof(got)), 6);
	CHECK_STR(got, "hello\n");
	finish(&f);
}

TEST(a_driver_that_wants_to_know_is_interrupted)
{
	struct fixture f;

	CHECK(init(&f));
	say(&f, "a");
	CHECK_EQ(f.fake.line[SERIAL_LINE].rises, 0);
	serial_write(&f.serial, 1, 2);
	CHECK_EQ(f.fake.line[SERIAL_LINE].rises, 1);
	CHECK_EQ(serial_read(&f.serial, 2), 2);
	CHECK_EQ(serial_read(&f.serial, 2), 1);
	say(&f, "b");
	CHECK_EQ(f.fake.line[SERIAL_LINE].rises, 2);
	CHECK(!f.fake.line[SERIAL_LINE].level);
	finish(&f);
}

TEST(a_driver_with_the_fifo_on_is_interrupted_once_for_many_bytes)
{
	struct fixture f;

	CHECK(init(&f));
	serial_write(&f.serial, 1, 2);
	serial_write(&f.serial, 2, 1);
	CHECK_EQ(serial_read(&f.serial, 2), 0xc2);
	say(&f, "sixteen of them.");
	CHECK_EQ(f.fake.line[SERIAL_LINE].rises, 2);
	CHECK_EQ(serial_read(&f.serial, 2), 0xc2);
	CHECK_EQ(serial_read(&f.serial, 2), 0xc1);
	serial_write(&f.serial, 1, 0); /* as the kernel's console does around its lines */
	say(&f, "polled");
	serial_write(&f.serial, 1, 2);
	CHECK_EQ(f.fake.line[SERIAL_LINE].rises, 3);
	serial_write(&f.serial, 2, 0);
	CHECK_EQ(serial_read(&f.serial, 2), 2);
	finish(&f);
}

TEST(it_looks_like_a_16550_to_linux)
{
	struct fixture f;

	CHECK(init(&f));
	serial_write(&f.serial, 1, 0xff);
	CHECK_EQ(serial_read(&f.serial, 1), 0x0f);
	serial_write(&f.serial, 4, 0x1a); /* loopback, with two outputs on */
	CHECK_EQ(serial_read(&f.serial, 6) & 0xf0, 0x90);
	serial_write(&f.serial, 7, 0x5a);
	CHECK_EQ(serial_read(&f.serial, 7), 0x5a);
	serial_write(&f.serial, 3, 0x80); /* the divisor is not data */
	say(&f, "x");
	serial_write(&f.serial, 3, 0x03);
	serial_write(&f.serial, 4, 0);
	CHECK_EQ(f.serial.kept_next, 0);
	finish(&f);
}

TEST(a_panic_is_found_in_the_last_words)
{
	struct fixture f;
	char text[256];

	CHECK(init(&f));
	serial_set_output(&f.serial, -1);
	for (int i = 0; i < 1000; i++)
		say(&f, "all is well\n");
	CHECK(!serial_last_words(&f.serial, text, sizeof(text)));
	CHECK_EQ(strlen(text), sizeof(text) - 1);
	say(&f, "Kernel panic - not syncing: \033[1mno init\n");
	CHECK(serial_last_words(&f.serial, text, sizeof(text)));
	CHECK_STR(text, "Kernel panic - not syncing: ?[1mno init\n");
	finish(&f);
}

TEST(a_reader_that_does_not_read_holds_up_nobody)
{
	struct fixture f;

	CHECK(init(&f));
	for (int i = 0; i < 100000; i++)
		say(&f, "a line that nobody reads\n");
	(void)close(f.pair[0]); /* and one that is gone */
	say(&f, "a line that nobody reads\n");
	f.pair[0] = -1;
	finish(&f);
}

TEST(a_new_reader_takes_the_place_of_the_old)
{
	struct fixture f;
	char got[16] = "";
	int pair[2];

	CHECK(init(&f));
	CHECK_EQ(fd_socketpair(pair), 0);
	say(&f, "old");
	serial_set_output(&f.serial, pair[1]);
	say(&f, "new\n");
	CHECK_EQ(read(f.pair[0], got, sizeof(got)), 3);
	CHECK_EQ(read(pair[0], got, sizeof(got)), 4);
	CHECK_STR(got, "new\n");
	(void)close(pair[0]);
	(void)close(pair[1]);
	finish(&f);
}

TEST_MAIN()
