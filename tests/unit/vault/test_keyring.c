#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/test.h"
#include "tests/unit/vault/folder.h"

/* The stand-in for libsecret keeps what it is given in a file. */
static char *begin(void)
{
	char *folder = folder_make();

	(void)setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	(void)setenv("FAKE_KEYRING", folder_file(folder, "keyring"), 1);
	(void)unsetenv("FAKE_KEYRING_LOCKED");
	return folder;
}

static int put(const char *folder, const char *name, struct err *err)
{
	struct vault *vault = NULL;
	struct vault_entry entry = folder_entry(name, NULL, "value");
	int r = vault_open(folder, NULL, &vault, err);

	if (r == 0)
		r = vault_put(vault, &entry, err);
	vault_close(vault);
	return r;
}

TEST(the_keyring_keeps_the_key)
{
	char *folder = begin();
	struct vault *vault = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(put(folder, "a", &err), 0);
	CHECK(access(folder_file(folder, "vault.key"), F_OK) < 0);
	CHECK(access(folder_file(folder, "keyring"), F_OK) == 0);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), 0);
	CHECK_EQ(vault_key(vault), VAULT_KEY_KEYRING);
	CHECK_EQ(vault_count(vault), 1);
	vault_close(vault);
	folder_remove(folder);
}

TEST(a_locked_or_absent_keyring_opens_nothing)
{
	char *folder = begin();
	struct vault *vault = NULL;
	struct err err = ERR_INIT;

	CHECK_EQ(put(folder, "a", &err), 0);
	(void)setenv("FAKE_KEYRING_LOCKED", "1", 1);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), -ENOKEY);
	(void)unsetenv("FAKE_KEYRING_LOCKED");
	(void)unsetenv("DBUS_SESSION_BUS_ADDRESS");
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), -ENOKEY);
	(void)setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	CHECK_EQ(unlink(folder_file(folder, "keyring")), 0);
	CHECK_EQ(vault_open(folder, NULL, &vault, &err), -EKEYREJECTED);
	CHECK(vault == NULL);
	folder_remove(folder);
}

TEST(without_a_keyring_it_is_a_file)
{
	char *folder = begin();
	struct err err = ERR_INIT;

	(void)setenv("FAKE_KEYRING_LOCKED", "1", 1);
	CHECK_EQ(put(folder, "a", &err), 0);
	CHECK(access(folder_file(folder, "vault.key"), F_OK) == 0);
	folder_remove(folder);
}

TEST_MAIN()
