#include "sbxd/create.h"

#include <elf.h>
#include <errno.h>

#include "base/fd.h"
#include "sbxd/kit.h"
#include "sbxd/request.h"
#include "sbxd/supervisor.h"
#include "tests/unit/sbxd/templates.h"
#include "tests/unit/test.h"

static char folder[PATH_MAX];
static struct supervisor supervisor;

static int check(const char *body, struct record *ret, bool *ret_named)
{
	struct request request = { .supervisor = &supervisor,
				   .body = json_loads(body, JSON_REJECT_DUPLICATES, NULL) };
	struct err err = ERR_INIT;
	struct create_choices how = { .is_named = false };
	struct kit *kit = NULL;
	int r = create_check(&request, ret, &how, &kit, &err);

	*ret_named = how.is_named;

	kit_destroy(kit);
	json_decref(request.body);
	return r == 0 || err.text[0] != '\0' ? r : -ENOMSG;
}

/* Checks a body that must be refused. */
static int refuse(const char *body)
{
	struct record record;
	bool is_named;
	int r = check(body, &record, &is_named);

	if (r == 0)
		record_finish(&record);
	return r;
}

static int prepare(void)
{
	int r = folder_make(folder, &supervisor.paths);

	supervisor.host = (struct host){ .cpus = 4, .memory_bytes = 16ull << 30 };
	supervisor.templates.builtin = folder;
	if (r == 0)
		r = templates_put_layer(folder, "root.erofs");
	if (r == 0)
		r = templates_put(folder, "cut.erofs", "too short");
	if (r == 0)
		r = templates_put(folder, "shell.json",
				  "{\"name\":\"shell\",\"layers\":[\"root.erofs\"]}");
	return r == 0 ? templates_put(folder, "cut.json",
				      "{\"name\":\"cut\",\"layers\":[\"cut.erofs\"]}")
		      : r;
}

TEST(defaults)
{
	struct record record;
	bool is_named = true;

	if (access("/usr/bin/qemu-system-x86_64", X_OK) < 0)
		SKIP("no engine works here");
	CHECK_EQ(prepare(), 0);
	CHECK_EQ(check("{\"engine\":\"qemu\"}", &record, &is_named), 0);
	CHECK(!is_named && !record.keep_alive && record.mounts.count == 0);
	CHECK(!record.is_fleeting);
	CHECK_EQ(record.cpus, 4);
	CHECK_EQ(record.memory_bytes, 4ull << 30);
	CHECK_EQ(record.disk_bytes, 20ull << 30);
	CHECK_STR(record.agent, "shell");
	CHECK_STR(record.template.name, "shell");
	CHECK_EQ(record.template.layers.count, 1);
	CHECK_STR(record.engine, "qemu");
	record_finish(&record);
	CHECK_EQ(check("{\"engine\":\"qemu\",\"fleeting\":true}", &record, &is_named), 0);
	CHECK(record.is_fleeting);
	record_finish(&record);
	folder_remove(folder, &supervisor.paths);
}

/* $ in body: the folder of the test, a mount that may be written. */
static int check_fast(const char *list, struct record *ret)
{
	char body[PATH_MAX + 512];
	bool is_named;

	(void)snprintf(body, sizeof(body),
		       "{\"engine\":\"qemu\",\"force\":true,\"mounts\":[{\"source\":\"%s\","
		       "\"target\":\"/w\"}],\"fast_dirs\":%s}",
		       folder, list);
	return check(body, ret, &is_named);
}

TEST(fast_folders_lie_below_the_workspace)
{
	static const char *const wrong[] = { "{}",
					     "[7]",
					     "[\"\"]",
					     "[\"/abs\"]",
					     "[\"..\"]",
					     "[\"a/../../b\"]",
					     "[\"a\",\"a/b\"]",
					     "[\"a\",\"a\"]",
					     "[\"a/b\",\"a\"]" };
	struct record record;

	if (access("/usr/bin/qemu-system-x86_64", X_OK) < 0)
		SKIP("no engine works here");
	CHECK_EQ(prepare(), 0);
	CHECK_EQ(check_fast("[\"target\",\"targets\",\"web/node_modules\"]", &record), 0);
	CHECK_EQ(record.fast_dirs.count, 3);
	CHECK_STR(record.fast_dirs.items[2], "web/node_modules");
	record_finish(&record);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (check_fast(wrong[i], &record) != -EINVAL)
			TEST_FAIL_("not refused: %s", wrong[i]);
	folder_remove(folder, &supervisor.paths);
}

TEST(wrong_bodies_are_refused)
{
	static const char *const bodies[] = {
		"{\"nmae\":\"demo\"}",
		"{\"name\":7}",
		"{\"name\":\"-\"}",
		"{\"agent\":\"skynet\"}",
		"{\"cpus\":5}",
		"{\"cpus\":-1}",
		"{\"cpus\":4294967297}",
		"{\"memory\":1}",
		"{\"memory\":99999999999999}",
		"{\"disk\":1}",
		"{\"docker_disk\":-1}",
		"{\"pids_limit\":-1}",
		"{\"pids_limit\":4194305}",
		"{\"env\":\"A=1\"}",
		"{\"env\":[\"A\"]}",
		"{\"env\":[\"1A=x\"]}",
		"{\"env\":[7]}",
		"{\"labels\":[]}",
		"{\"labels\":{\"a\":1}}",
		"{\"labels\":{\"a=b\":\"1\"}}",
		"{\"mounts\":{}}",
		"{\"mounts\":[7]}",
		"{\"mounts\":[{\"source\":\"/nonexistent\"}]}",
		"{\"mounts\":[{\"source\":\"/usr\",\"target\":\"/w\",\"read_only\":true,\"x\":1}]}",
		"{\"engine\":\"bochs\"}",
		"{\"kernel\":\"/etc/passwd\"}",
		"{\"kernel\":\"/nonexistent\"}",
		"{\"kernel\":\"vmlinux\"}",
		"{\"image\":\"/etc/passwd\"}",
		"{\"template\":\"/etc/passwd\"}",
		"{\"template\":\"none\"}",
		"{\"template\":\"cut\"}",
		"{\"start\":\"yes\"}",
		"{\"fast_dirs\":[\"target\"]}",
	};

	CHECK_EQ(prepare(), 0);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		if (refuse(bodies[i]) != -EINVAL)
			TEST_FAIL_("not refused: %s", bodies[i]);
	folder_remove(folder, &supervisor.paths);
}

enum { KERNEL_SIZE = 8192, KERNEL_AT = 16 << 20, KERNEL_SEGMENT = 4096 };

/* A vmlinux of one part, KERNEL_SEGMENT bytes at KERNEL_AT. */
static void make_kernel(uint8_t bytes[KERNEL_SIZE], uint16_t machine)
{
	const Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
				    .e_type = ET_EXEC,
				    .e_machine = machine,
				    .e_entry = KERNEL_AT,
				    .e_phoff = sizeof(header),
				    .e_phentsize = sizeof(Elf64_Phdr),
				    .e_phnum = 1 };
	const Elf64_Phdr program = { .p_type = PT_LOAD,
				     .p_offset = KERNEL_SEGMENT,
				     .p_paddr = KERNEL_AT,
				     .p_filesz = KERNEL_SEGMENT,
				     .p_memsz = KERNEL_SEGMENT };

	memset(bytes, 0, KERNEL_SIZE);
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &program, sizeof(program));
}

static int check_kernel(const uint8_t *bytes, size_t len, uint64_t memory_bytes, struct err *err)
{
	char *path = path_join(folder, "kernel");
	int r;

	(void)file_write(AT_FDCWD, path, bytes, len, 0600);
	r = create_check_kernel(path, memory_bytes, err);
	free(path);
	return r;
}

TEST(kernels_are_told_from_other_files)
{
	const uint64_t memory_bytes = UINT64_C(8) << 30;
	uint8_t bytes[KERNEL_SIZE];
	struct err err = ERR_INIT;

	CHECK_EQ(prepare(), 0);
	make_kernel(bytes, EM_X86_64);
	CHECK_EQ(check_kernel(bytes, sizeof(bytes), memory_bytes, &err), 0);
	CHECK_EQ(check_kernel(bytes, sizeof(bytes), KERNEL_AT, &err), -EINVAL);
	CHECK(strstr(err.text, "memory") != NULL);
	for (size_t len = 0; len < sizeof(bytes); len += 16) {
		CHECK_EQ(check_kernel(bytes, len, memory_bytes, &err), -EINVAL);
		CHECK(strstr(err.text, "kernel") != NULL);
	}
	make_kernel(bytes, EM_AARCH64);
	CHECK_EQ(check_kernel(bytes, sizeof(bytes), memory_bytes, &err), -EINVAL);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + 0x202, "HdrS", 4); /* and nothing else of a bzImage */
	CHECK_EQ(check_kernel(bytes, sizeof(bytes), memory_bytes, &err), -EINVAL);
	bytes[0x203] = 'x';
	CHECK_EQ(check_kernel(bytes, sizeof(bytes), memory_bytes, &err), -EINVAL);
	CHECK(strstr(err.text, "neither") != NULL);
	CHECK_EQ(create_check_kernel("/dev/null", memory_bytes, &err), -EINVAL);
	CHECK_EQ(create_check_kernel(folder, memory_bytes, &err), -EINVAL);
	folder_remove(folder, &supervisor.paths);
}

TEST(environment_variables)
{
	CHECK(create_is_env("A=1") && create_is_env("_a1=") && create_is_env("A=b=c"));
	CHECK(!create_is_env("A") && !create_is_env("=1") && !create_is_env("1A=1"));
	CHECK(!create_is_env("A B=1") && !create_is_env(""));
}

TEST_MAIN()
