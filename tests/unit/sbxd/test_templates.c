#include "sbxd/templates.h"

#include <errno.h>

#include "base/err.h"
#include "tests/unit/sbxd/templates.h"
#include "tests/unit/test.h"

#define FULL                                                                              \
	"{\"name\":\"shell\",\"description\":\"a shell\",\"agent\":\"shell\","            \
	"\"layers\":[\"one.erofs\",\"two.erofs\"],\"config\":{\"Env\":[\"A=1\",\"B=2\"]," \
	"\"WorkingDir\":\"/"                                                              \
	"w\",\"User\":\"agent\",\"Entrypoint\":[\"sh\",\"-c\"],\"Cmd\":[\"id\"]}}"

static char folder[PATH_MAX];
static struct paths paths;
static struct templates templates;

static int prepare(void)
{
	int r = folder_make(folder, &paths);

	templates.builtin = folder;
	if (r == 0)
		r = templates_put_layer(folder, "one.erofs");
	if (r == 0)
		r = templates_put_layer(folder, "two.erofs");
	return r == 0 ? templates_put(folder, "shell.json", FULL) : r;
}

static int find(const char *reference, struct template *ret, struct err *err)
{
	*err = (struct err)ERR_INIT;
	return templates_find(&templates, reference, ret, err);
}

TEST(a_template_is_found_by_its_name)
{
	struct template template;
	struct err err;

	CHECK_EQ(prepare(), 0);
	CHECK_EQ(find("shell", &template, &err), 0);
	CHECK_STR(template.name, "shell");
	CHECK_STR(template.agent, "shell");
	CHECK_EQ(template.layers.count, 2);
	CHECK_EQ(template.layers.items[1][0], '/');
	CHECK_EQ(template.size_bytes, 8192);
	CHECK_STR(template.env.items[1], "B=2");
	CHECK_STR(template.entrypoint.items[1], "-c");
	CHECK_STR(template.command.items[0], "id");
	CHECK_STR(template.working_dir, "/w");
	CHECK(template.is_builtin && strlen(template.id) == TEMPLATE_ID_SIZE - 1);
	template_finish(&template);
	folder_remove(folder, &paths);
}

TEST(the_id_is_that_of_the_manifest)
{
	struct template template;
	struct err err;

	CHECK_EQ(prepare(), 0);
	CHECK_EQ(templates_put(folder, "tiny.json", "{\"name\":\"t\",\"layers\":[\"one.erofs\"]}"),
		 0);
	CHECK_EQ(find("tiny", &template, &err), 0);
	/* printf '{"name":"t","layers":["one.erofs"]}' | sha256sum */
	CHECK_STR(template.id,
		  "sha256:f391d7775839787a03bef26adeda2c16"
		  "a4bf16dbdf74ca391f924f7bdfd6d9d3");
	CHECK(template.user == NULL && template.env.count == 0);
	template_finish(&template);
	folder_remove(folder, &paths);
}

TEST(an_unknown_reference_is_told_what_there_is)
{
	static const char *const unknown[] = { "none", "../shell",   "/etc/passwd", "",
					       ".",    "shell.json", "a/b:c" };
	struct template template;
	struct err err;

	CHECK_EQ(prepare(), 0);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		CHECK_EQ(find(unknown[i], &template, &err), -ENOENT);
		CHECK(strstr(err.text, "there are: shell") != NULL);
	}
	templates.builtin = NULL;
	CHECK_EQ(find("shell", &template, &err), -ENOENT);
	CHECK(strstr(err.text, "SBX_TEMPLATES") != NULL);
	folder_remove(folder, &paths);
}

TEST(wrong_manifests_are_refused)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{\"name\":\"x\"}",
		"{\"layers\":[\"one.erofs\"]}",
		"{\"name\":\"\",\"layers\":[\"one.erofs\"]}",
		"{\"name\":\"x\",\"layers\":[]}",
		"{\"name\":\"x\",\"layers\":\"one.erofs\"}",
		"{\"name\":\"x\",\"layers\":[7]}",
		"{\"name\":\"x\",\"layers\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}",
		"{\"name\":\"x\",\"layers\":[\"one.erofs\"],\"more\":1}",
		"{\"name\":\"x\",\"layers\":[\"one.erofs\"],\"config\":[]}",
		"{\"name\":\"x\",\"layers\":[\"one.erofs\"],\"config\":{\"Env\":\"A=1\"}}",
		"{\"name\":\"x\",\"layers\":[\"one.erofs\"],\"config\":{\"Volumes\":{}}}",
	};
	struct template template;
	struct err err;

	CHECK_EQ(prepare(), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_EQ(templates_put(folder, "x.json", wrong[i]), 0);
		if (find("x", &template, &err) != -EINVAL || err.text[0] == '\0')
			TEST_FAIL_("not refused: %s", wrong[i]);
	}
	CHECK_EQ(templates_put(folder, "x.json", "{\"name\":\"x\",\"layers\":[\"gone.erofs\"]}"),
		 0);
	CHECK_EQ(find("x", &template, &err), -ENOENT);
	CHECK(strstr(err.text, "gone.erofs") != NULL);
	folder_remove(folder, &paths);
}

TEST(a_list_leaves_out_what_cannot_be_read)
{
	struct template *all = NULL;
	size_t count = 0;

	CHECK_EQ(prepare(), 0);
	CHECK_EQ(templates_put(folder, "broken.json", "{"), 0);
	CHECK_EQ(templates_put(folder, "base.json",
			       "{\"name\":\"base\",\"layers\":[\"one.erofs\"]}"),
		 0);
	CHECK_EQ(templates_list(&templates, &all, &count), 0);
	CHECK_EQ(count, 2);
	CHECK_STR(all[0].name, "base");
	CHECK_STR(all[1].name, "shell");
	for (size_t i = 0; i < count; i++)
		template_finish(&all[i]);
	free(all);
	folder_remove(folder, &paths);
}

TEST(a_copy_is_the_same)
{
	struct template template, copy;
	json_t *one, *other;
	struct err err;

	CHECK_EQ(prepare(), 0);
	CHECK_EQ(find("shell", &template, &err), 0);
	CHECK_EQ(template_copy(&template, &copy), 0);
	one = template_pack(&template);
	other = template_pack(&copy);
	CHECK(json_equal(one, other));
	CHECK_EQ(copy.size_bytes, template.size_bytes);
	json_decref(one);
	json_decref(other);
	template_finish(&template);
	template_finish(&copy);
	folder_remove(folder, &paths);
}

TEST_MAIN()
