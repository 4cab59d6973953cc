#include "sbx/kit_git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "kit/bundle.h"
#include "sbx/tool.h"
#include "tests/unit/test.h"

#define COMMIT "0123456789012345678901234567890123456789"

TEST(references)
{
	static const struct {
		const char *reference, *url, *ref, *folder; /* url NULL: refused */
	} rows[] = {
		{ "git+https://h.com/a/b.git", "https://h.com/a/b.git", "HEAD", "" },
		{ "git+https://h.com:8443/a#ref=v1.0&dir=kits/x", "https://h.com:8443/a", "v1.0",
		  "kits/x" },
		{ "git+ssh://git@h.com/a#dir=x&ref=" COMMIT, "ssh://git@h.com/a", COMMIT, "x" },
		{ "git+http://h.com/a", NULL, NULL, NULL },
		{ "git+file:///etc", NULL, NULL, NULL },
		{ "git+ext::sh -c id", NULL, NULL, NULL },
		{ "git+https://h.com", NULL, NULL, NULL },
		{ "git+https:///etc/passwd", NULL, NULL, NULL },
		{ "git+https://user:secret@h.com/a", NULL, NULL, NULL },
		{ "git+https://user@h.com/a", NULL, NULL, NULL },
		{ "git+ssh://-oProxyCommand=id/a", NULL, NULL, NULL },
		{ "git+ssh://git@-oProxyCommand=id/a", NULL, NULL, NULL },
		{ "git+https://h.com/../../etc", NULL, NULL, NULL },
		{ "git+https://h.com/a b", NULL, NULL, NULL },
		{ "git+https://h.com/a#ref=--upload-pack=id", NULL, NULL, NULL },
		{ "git+https://h.com/a#ref=a..b", NULL, NULL, NULL },
		{ "git+https://h.com/a#ref=a:b", NULL, NULL, NULL },
		{ "git+https://h.com/a#dir=../x", NULL, NULL, NULL },
		{ "git+https://h.com/a#dir=/x", NULL, NULL, NULL },
		{ "git+https://h.com/a#branch=x", NULL, NULL, NULL },
		{ "git+https://h.com/a#", NULL, NULL, NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct err err = ERR_INIT;
		struct kit_git git;
		int got = kit_git_parse(rows[i].reference, &git, &err);

		if (got != (rows[i].url != NULL ? 0 : -EINVAL))
			TEST_FAIL_("'%s' gives %d: %s", rows[i].reference, got, err.text);
		if (got < 0)
			continue;
		CHECK_STR(git.url, rows[i].url);
		CHECK_STR(git.ref, rows[i].ref);
		CHECK_STR(git.folder, rows[i].folder);
		CHECK_EQ(git.is_pinned, strcmp(git.ref, COMMIT) == 0);
	}
}

/*
 * A repository with a kit, and what must mean nothing beside it: a submodule
 * of this machine, a link, a filter. ssh is a shell that runs what it is told.
 */
static const char world[] =
	"set -e; cd \"$1\"; export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1\n"
	"printf '#!/bin/sh\\nfor last; do :; done\\nexec sh -c \"$last\"\\n' >ssh; chmod +x ssh\n"
	"git init -q r; cd r; git config user.name t; git config user.email t@t\n"
	"mkdir -p sub/files/home; ln -s /etc/passwd link\n"
	"printf 'kind: mixin\\n' >sub/spec.yaml; echo 1 >sub/files/home/x\n"
	"printf '* filter=evil\\n' >.gitattributes\n"
	"printf '[submodule \"s\"]\\n\\tpath = s\\n\\turl = /etc\\n' >.gitmodules\n"
	"git add -A; git update-index --add --cacheinfo 160000," COMMIT
	",s; git commit -qm 1\n"
	"cd ..; printf '[filter \"evil\"]\\n\\tsmudge = touch %s/ran\\n' \"$1\" >config\n";

TEST(a_repository_by_a_real_git)
{
	char top[] = "/tmp/kit-git-XXXXXX", url[128], ssh[64], config[64], ran[64];
	const char *argv[] = { "sh", "-c", world, "sh", top, NULL };
	struct kit_bundle bundle;
	struct err err = ERR_INIT;
	struct kit_git git;
	int missing;

	CHECK(mkdtemp(top) != NULL);
	CHECK_EQ(tool_run(&(struct tool){ .argv = argv }, &err), 0);
	(void)snprintf(ssh, sizeof(ssh), "%s/ssh", top);
	(void)snprintf(config, sizeof(config), "%s/config", top);
	(void)snprintf(ran, sizeof(ran), "%s/ran", top);
	(void)setenv("GIT_SSH_COMMAND", ssh, 1);
	(void)setenv("GIT_CONFIG_GLOBAL", config, 1);
	(void)snprintf(url, sizeof(url), "git+ssh://h%s/r#dir=sub", top);
	CHECK_EQ(kit_git_parse(url, &git, &err), 0);
	(void)kit_bundle_init(&bundle, "k");
	if (kit_git_read(&git, &bundle, &err) < 0)
		TEST_FAIL_("%s", err.text);
	CHECK_STR(buf_str(&bundle.spec), "kind: mixin\n");
	CHECK_EQ(bundle.count, 1);
	CHECK_STR(bundle.files[0].path, "home/x");
	CHECK(access(ran, F_OK) < 0);
	kit_bundle_finish(&bundle);
	/* the repository's own folder has no spec.yaml */
	git.folder[0] = '\0';
	(void)kit_bundle_init(&bundle, "k");
	missing = kit_git_read(&git, &bundle, &err);
	kit_bundle_finish(&bundle);
	(void)file_remove_tree(AT_FDCWD, top);
	CHECK_EQ(missing, -ENOENT);
}

TEST_MAIN()
