#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "boot/layout.h"
#include "hv/fake/fake.h"
#include "sbx-vmm/ram.h"
#include "tests/unit/test.h"

enum { SIZE = 64 << 20 };

/* Kilobytes that the file really takes. */
static long used(const struct ram *ram)
{
	struct stat st;

	return fstat(ram->fd, &st) < 0 ? -1 : (long)st.st_blocks / 2;
}

TEST(memory_below_the_hole_is_one_region)
{
	struct ram ram;
	struct err err = ERR_INIT;

	CHECK_EQ(ram_init(&ram, SIZE, &err), 0);
	CHECK_EQ(ram.map.count, 1);
	CHECK_EQ(ram.region[0].size, SIZE);
	CHECK_EQ(used(&ram), 0);
	ram_finish(&ram);
}

TEST(memory_beyond_the_hole_goes_above_4_gib)
{
	struct ram ram;
	struct err err = ERR_INIT;
	uint64_t size = LAYOUT_RAM_HOLE + (256ull << 20);
	int r = ram_init(&ram, size, &err);

	if (r == -ENOMEM)
		SKIP("this host has less memory than 3.25 GiB");
	CHECK_EQ(r, 0);
	CHECK_EQ(ram.map.count, 2);
	CHECK_EQ(ram.map.region[1].gpa, LAYOUT_RAM_ABOVE);
	CHECK_EQ(ram.region[1].offset, LAYOUT_RAM_HOLE);
	CHECK_EQ(ram.region[1].size, 256 << 20);
	ram_finish(&ram);
}

TEST(nobody_can_cut_the_file)
{
	struct ram ram;
	struct err err = ERR_INIT;

	CHECK_EQ(ram_init(&ram, SIZE, &err), 0);
	CHECK(ftruncate(ram.fd, 4096) < 0);
	CHECK(fcntl(ram.fd, F_ADD_SEALS, F_SEAL_WRITE) < 0);
	ram_finish(&ram);
}

TEST(what_cannot_be_is_a_sentence)
{
	struct ram ram;
	struct err err = ERR_INIT;

	CHECK_EQ(ram_init(&ram, 1 << 20, &err), -EINVAL);
	CHECK_STR(err.text, "1 MiB of memory are too little, 32 are the least");
	CHECK_EQ(ram_init(&ram, 1ull << 50, &err), -ENOMEM);
	CHECK(strstr(err.text, "more than this host has") != NULL);
}

TEST(discarded_pages_go_back_and_read_as_zero)
{
	struct ram ram;
	struct err err = ERR_INIT;
	uint8_t *host;

	CHECK_EQ(ram_init(&ram, SIZE, &err), 0);
	host = ram.map.region[0].host;
	memset(host + 0x100000, 0xaa, 0x200000);
	CHECK(used(&ram) >= 2048);
	ram_discard(&ram, 0x100800, 0x1ff000); /* neither first nor last page is whole */
	CHECK_EQ(host[0x100fff], 0xaa);
	CHECK_EQ(host[0x101000], 0);
	CHECK_EQ(host[0x2fefff], 0);
	CHECK_EQ(host[0x2ff000], 0xaa);
	ram_discard_host(&ram, host + 0x100000, 0x200000);
	CHECK_EQ(used(&ram), 0);
	ram_finish(&ram);
}

TEST(gathering_takes_whole_huge_pages_and_changes_nothing)
{
	struct ram ram;
	struct err err = ERR_INIT;

	CHECK_EQ(ram_init(&ram, SIZE, &err), 0);
	ram_gather(&ram, SIZE - 4096, SIZE);
	ram_gather(&ram, 0x100000, 0x1000);
	CHECK_EQ(used(&ram), 0);
	ram_gather(&ram, 0x300000, 0x400000);
	CHECK(used(&ram) >= 2 * 4 && used(&ram) <= 4096);
	CHECK_EQ(ram.map.region[0].host[0x200000], 0);
	ram_discard(&ram, 0x200000, 0x400000);
	CHECK_EQ(used(&ram), 0);
	ram_finish(&ram);
}

TEST(what_is_no_memory_is_left_alone)
{
	struct ram ram;
	struct err err = ERR_INIT;
	uint8_t elsewhere[4096] = { 1 };

	CHECK_EQ(ram_init(&ram, SIZE, &err), 0);
	memset(ram.map.region[0].host + SIZE - 4096, 0xaa, 4096);
	ram_discard(&ram, SIZE - 4096, 8192);
	ram_discard(&ram, UINT64_MAX - 4095, 4096);
	ram_discard(&ram, SIZE, 4096);
	ram_discard(&ram, SIZE - 2048, 16);
	ram_discard(&ram, 0, UINT64_MAX);
	ram_discard_host(&ram, elsewhere, sizeof(elsewhere));
	CHECK_EQ(ram.map.region[0].host[SIZE - 4096], 0xaa);
	CHECK_EQ(elsewhere[0], 1);
	ram_finish(&ram);
}

TEST(the_guest_gets_its_memory)
{
	struct hv_fake fake;
	struct hv_config config = { .cpus = 1, .fake = &fake };
	struct hv_vm *vm = NULL;
	struct ram ram;
	struct err err = ERR_INIT;

	hv_fake_init(&fake);
	CHECK_EQ(hv_vm_create(&hv_fake_full, &config, &vm, &err), 0);
	CHECK_EQ(ram_init(&ram, SIZE, &err), 0);
	CHECK_EQ(ram_plug(&ram, vm, &err), 0);
	CHECK_EQ(fake.memory_count, 1);
	CHECK(fake.memory[0].host == ram.map.region[0].host);
	ram_finish(&ram);
	hv_vm_destroy(vm);
	hv_fake_finish(&fake);
}

TEST_MAIN()
