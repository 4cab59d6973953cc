#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/test.h"
#include "tests/unit/vault/folder.h"

static int put(const char *folder, const char *passphrase, const struct vault_entry *entry,
	       struct err *err)
{
	struct vault *vault = NULL;
	int r = vault_open(folder, passphrase, &vault, err);

	if (r == 0)
		r = vault_put(vault, entry, err);
	vault_close(vault);
	return r;
}

static int open_only(const char *folder, const char *passphrase)
{
	struct vault *vault = NULL;
	struct err err = ERR_INIT;
	int r = vault_open(folder, passphrase, &vault, &err);

	if (r < 0 && (vault != NULL || err.text[0] == '\0'))
		r = 1;
	vault_close(vault);
	return r;
}

TEST(what_is_put_is_found_again)
{
	char *folder = folder_make();
	struct vault_entry global = folder_entry("github", NULL, "one"),
			   scoped = folder_entry("github", "web", "two"),
			   source = folder_entry("openai", NULL, NULL);
	struct vault *vault = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(put(folder, NULL, &global, &err), 0);
	CHECK_EQ(put(folder, NULL, &scoped, &err), 0);
	CHECK_EQ(put(folder, NULL, &source, &err), 0);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(vault_count(vault), 3);
	CHECK_STR(vault_find(vault, VAULT_SERVICE, "github", NULL)->value, "one");
	CHECK_STR(vault_find(vault, VAULT_SERVICE, "github", "web")->value, "two");
	CHECK_STR(vault_find(vault, VAULT_SERVICE, "github", "web")->attributes, "{\"a\":1}");
	CHECK_EQ(vault_find(vault, VAULT_SERVICE, "github", "web")->changed_at, 1700000000);
	CHECK(vault_find(vault, VAULT_SERVICE, "openai", NULL)->value == NULL);
	CHECK(vault_find(vault, VAULT_CUSTOM, "github", NULL) == NULL);
	CHECK(vault_find(vault, VAULT_SERVICE, "github", "we") == NULL);
	CHECK_EQ(vault_remove(vault, VAULT_SERVICE, "github", NULL, &err), 0);
	CHECK_EQ(vault_remove(vault, VAULT_SERVICE, "github", NULL, &err), -ENOENT);
	CHECK_EQ(vault_count(vault), 2);
	vault_close(vault);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(vault_count(vault), 2);
	vault_close(vault);
	folder_remove(folder);
}

TEST(nothing_is_made_before_it_is_needed)
{
	char *folder = folder_make();
	struct vault *vault = NULL;
	struct err err = ERR_INIT;
	enum vault_key key;

	CHECK_EQ(vault_peek(folder, &key), -ENOENT);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(vault_count(vault), 0);
	vault_close(vault);
	CHECK(access(folder_file(folder, "vault"), F_OK) < 0);
	CHECK(access(folder_file(folder, "vault.key"), F_OK) < 0);
	folder_remove(folder);
}

TEST(files_are_the_user_s_alone_and_hold_nothing_plain)
{
	static const char *const names[] = { "vault", "vault.key" };
	char *folder = folder_make();
	struct vault_entry entry = folder_entry("github", NULL, "a very secret value");
	struct err err = ERR_INIT;
	struct stat status;
	struct buf file;

	CHECK_EQ(put(folder, NULL, &entry, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		CHECK_EQ(stat(folder_file(folder, names[i]), &status), 0);
		CHECK_EQ(status.st_mode & 0777, 0600);
	}
	buf_init(&file, 65536);
	CHECK_EQ(file_read(AT_FDCWD, folder_file(folder, "vault"), &file), 0);
	CHECK(memmem(file.data, file.len, "secret", 6) == NULL);
	CHECK(memmem(file.data, file.len, "github", 6) == NULL);
	buf_finish(&file);
	CHECK_EQ(chmod(folder_file(folder, "vault.key"), 0640), 0);
	CHECK_EQ(open_only(folder, NULL), -EPERM);
	CHECK_EQ(unlink(folder_file(folder, "vault.key")), 0);
	CHECK_EQ(open_only(folder, NULL), -ENOKEY);
	folder_remove(folder);
}

TEST(a_passphrase_opens_and_a_wrong_one_does_not)
{
	char *folder = folder_make();
	struct vault_entry entry = folder_entry("github", NULL, "one");
	struct err err = ERR_INIT;
	enum vault_key key;

	CHECK_EQ(put(folder, "correct horse", &entry, &err), 0);
	CHECK_EQ(vault_peek(folder, &key), 0);
	CHECK_EQ(key, VAULT_KEY_PASSPHRASE);
	CHECK(access(folder_file(folder, "vault.key"), F_OK) < 0);
	CHECK_EQ(open_only(folder, "correct horse"), 0);
	CHECK_EQ(open_only(folder, "correct hors"), -EKEYREJECTED);
	CHECK_EQ(open_only(folder, ""), -EKEYREJECTED);
	CHECK_EQ(open_only(folder, NULL), -ENOKEY);
	folder_remove(folder);
}

TEST(the_key_can_be_changed)
{
	char *folder = folder_make();
	struct vault_entry entry = folder_entry("github", NULL, "one");
	struct vault *vault = NULL, *other = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(put(folder, NULL, &entry, &err), 0);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(vault_open(folder, NULL, &other, &err), 0);
	CHECK_EQ(vault_rekey(vault, NULL, &err), 0);
	CHECK_EQ(open_only(folder, NULL), 0);
	CHECK_EQ(vault_rekey(vault, "new", &err), 0);
	CHECK(access(folder_file(folder, "vault.key"), F_OK) < 0);
	CHECK_EQ(vault_put(other, &entry, &err), -ESTALE);
	CHECK_EQ(vault_put(vault, &entry, &err), 0);
	CHECK_EQ(open_only(folder, NULL), -ENOKEY);
	CHECK_EQ(open_only(folder, "new"), 0);
	CHECK_EQ(vault_rekey(vault, NULL, &err), 0);
	CHECK_EQ(open_only(folder, NULL), 0);
	vault_close(vault);
	vault_close(other);
	folder_remove(folder);
}

/* Whatever byte is changed, and wherever it is cut, it opens as nothing, with a sentence. */
TEST(a_changed_or_cut_file_opens_as_nothing)
{
	char *folder = folder_make();
	struct vault_entry entry = folder_entry("github", NULL, "one");
	struct err err = ERR_INIT;
	struct buf file;

	buf_init(&file, 65536);
	CHECK_EQ(put(folder, NULL, &entry, &err), 0);
	CHECK_EQ(file_read(AT_FDCWD, folder_file(folder, "vault"), &file), 0);
	for (size_t i = 0; i < file.len; i++) {
		int r;

		file.data[i] ^= 1;
		CHECK_EQ(file_write(AT_FDCWD, folder_file(folder, "vault"), file.data, file.len,
				    0600),
			 0);
		r = open_only(folder, NULL);
		if (r != -EBADMSG && r != -EKEYREJECTED)
			TEST_FAIL_("byte %zu: %d", i, r);
		file.data[i] ^= 1;
	}
	for (size_t len = 0; len < file.len; len++) {
		CHECK_EQ(file_write(AT_FDCWD, folder_file(folder, "vault"), file.data, len, 0600),
			 0);
		if (open_only(folder, NULL) != -EBADMSG)
			TEST_FAIL_("cut at %zu", len);
	}
	CHECK_EQ(buf_append(&file, "x", 1), 0);
	CHECK_EQ(file_write(AT_FDCWD, folder_file(folder, "vault"), file.data, file.len, 0600), 0);
	CHECK_EQ(open_only(folder, NULL), -EBADMSG);
	buf_finish(&file);
	folder_remove(folder);
}

/* A file cannot ask for all memory, or for hours. */
TEST(argon_numbers_are_bounded)
{
	static const struct {
		size_t off;
		uint8_t bytes[4];
	} cases[] = {
		{ 16, { 0, 0, 0, 0 } },	   { 16, { 17, 0, 0, 0 } }, { 16, { 0, 0, 0, 0x80 } },
		{ 20, { 0, 0, 0, 0 } },	   { 20, { 0, 1, 0, 0 } },  { 20, { 1, 0, 0x10, 0 } },
		{ 20, { 0, 0, 0, 0x80 } }, { 12, { 3, 0, 0, 0 } },
	};
	char *folder = folder_make();
	struct vault_entry entry = folder_entry("github", NULL, "one");
	struct err err = ERR_INIT;
	struct buf file;

	buf_init(&file, 65536);
	CHECK_EQ(put(folder, "p", &entry, &err), 0);
	CHECK_EQ(file_read(AT_FDCWD, folder_file(folder, "vault"), &file), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t old[4];

		memcpy(old, file.data + cases[i].off, 4);
		memcpy(file.data + cases[i].off, cases[i].bytes, 4);
		CHECK_EQ(file_write(AT_FDCWD, folder_file(folder, "vault"), file.data, file.len,
				    0600),
			 0);
		CHECK_EQ(open_only(folder, "p"), -EBADMSG);
		memcpy(file.data + cases[i].off, old, 4);
	}
	buf_finish(&file);
	folder_remove(folder);
}

TEST(limits)
{
	char *folder = folder_make();
	char *big = calloc(1, VAULT_VALUE_MAX + 2);
	struct vault_entry entry = folder_entry("github", NULL, NULL);
	struct err err = ERR_INIT;

	memset(big, 'x', VAULT_VALUE_MAX + 1);
	entry.value = big;
	entry.value_len = VAULT_VALUE_MAX + 1;
	CHECK_EQ(put(folder, NULL, &entry, &err), -EMSGSIZE);
	entry.value_len = VAULT_VALUE_MAX;
	CHECK_EQ(put(folder, NULL, &entry, &err), 0);
	CHECK_EQ(open_only(folder, NULL), 0);
	free(big);
	folder_remove(folder);
}

enum { WRITERS = 6, WRITES = 12 };

static void write_many(const char *folder, int writer)
{
	for (int i = 0; i < WRITES; i++) {
		struct err err = ERR_INIT;
		struct vault_entry entry;
		char name[32];

		(void)snprintf(name, sizeof(name), "%d-%d", writer, i);
		entry = folder_entry(name, NULL, name);
		if (put(folder, NULL, &entry, &err) < 0)
			_exit(1);
	}
	_exit(0);
}

TEST(writers_never_undo_each_other)
{
	char *folder = folder_make();
	struct vault *vault = NULL;
	struct err err = ERR_INIT;
	int status;

	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			write_many(folder, i);
	for (int i = 0; i < WRITERS; i++) {
		CHECK(wait(&status) > 0);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(vault_count(vault), WRITERS * WRITES);
	vault_close(vault);
	folder_remove(folder);
}

TEST(a_failed_write_changes_nothing)
{
	char *folder = folder_make();
	struct vault_entry one = folder_entry("a", NULL, "one"),
			   two = folder_entry("b", NULL, "two");
	struct vault *vault = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(put(folder, NULL, &one, &err), 0);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(mkdir(folder_file(folder, "vault.new"), 0700), 0); /* in the way of the writer */
	CHECK(vault_put(vault, &two, &err) < 0);
	CHECK_EQ(vault_count(vault), 1);
	CHECK(vault_find(vault, VAULT_SERVICE, "b", NULL) == NULL);
	CHECK_EQ(rmdir(folder_file(folder, "vault.new")), 0);
	CHECK_EQ(vault_put(vault, &two, &err), 0);
	CHECK_EQ(vault_count(vault), 2);
	vault_close(vault);
	folder_remove(folder);
}

TEST_MAIN()
