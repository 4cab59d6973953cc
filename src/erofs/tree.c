/*
 * Each name in a folder says which layer brought it last; a folder also counts
 * as brought by a layer that put something below it. So what a whiteout hides is
 * what has a lower number, and nothing needs to be put off until a layer's end.
 *
 * Freeing and hiding go down by recursion, which EROFS_DEPTH_MAX bounds.
 */
#include "erofs/tree.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "erofs/node.h"

struct erofs_tree {
	struct erofs_limits limits;
	bool is_upper;
	unsigned layer;
	size_t entries, bytes; /* put so far */
	struct erofs_node *root;
};

static const struct erofs_attributes plain_folder = { .mode = S_IFDIR | 0755 };
static const struct erofs_attributes whiteout = { .mode = S_IFCHR };

bool erofs_node_is_folder(const struct erofs_node *node)
{
	return S_ISDIR(node->attributes.mode);
}

static bool is_whiteout(const struct erofs_node *node)
{
	return S_ISCHR(node->attributes.mode) && node->attributes.major == 0 &&
	       node->attributes.minor == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct erofs_name *)a)->text, ((const struct erofs_name *)b)->text);
}

static struct erofs_name *find_name(const struct erofs_node *folder, const char *text)
{
	const struct erofs_name key = { .text = text };
	struct erofs_name **found = tfind(&key, (void *const *)&folder->by_name, compare_names);

	return found == NULL ? NULL : *found;
}

static struct erofs_node *create_node(const struct erofs_attributes *attributes)
{
	struct erofs_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->attributes = *attributes;
	list_init(&node->children);
	buf_init(&node->xattrs, EROFS_XATTRS_MAX);
	return node;
}

static void free_node(struct erofs_node *node)
{
	buf_finish(&node->xattrs);
	free(node->target);
	free(node);
}

static void remove_children(struct erofs_node *folder);

static void remove_name(struct erofs_node *folder, struct erofs_name *name)
{
	struct erofs_node *node = name->node;

	remove_children(node);
	folder->folders -= erofs_node_is_folder(node);
	list_remove(&name->siblings);
	(void)tdelete(name, &folder->by_name, compare_names);
	free(name);
	if (--node->links == 0)
		free_node(node);
}

static void remove_children(struct erofs_node *folder)
{
	list_for_each (node, next, &folder->children)
		remove_name(folder, container_of(node, struct erofs_name, siblings));
}

/* Removes what is of layers below this one. */
static void remove_below(struct erofs_node *folder, unsigned layer)
{
	list_for_each (node, next, &folder->children) {
		struct erofs_name *name = container_of(node, struct erofs_name, siblings);

		if (name->layer < layer)
			remove_name(folder, name);
		else
			remove_below(name->node, layer);
	}
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "there is not enough memory for it");
}

static int charge(struct erofs_tree *tree, size_t bytes, struct err *err)
{
	if (tree->entries >= tree->limits.entries_max)
		return err_set(err, -EFBIG, "there are more than %zu entries",
			       tree->limits.entries_max);
	if (bytes > tree->limits.bytes_max - tree->bytes)
		return err_set(err, -EFBIG, "names and attributes take more than %zu bytes",
			       tree->limits.bytes_max);
	tree->bytes += bytes;
	return 0;
}

/* Counts node in its links on success only. */
static int add_name(struct erofs_tree *tree, struct erofs_node *folder, const char *text,
		    struct erofs_node *node, struct err *err)
{
	size_t size = strlen(text) + 1;
	autofree struct erofs_name *name = NULL;
	int r = charge(tree, size, err);

	if (r < 0)
		return r;
	name = malloc(sizeof(*name) + size);
	if (name == NULL)
		return no_memory(err);
	*name = (struct erofs_name){ .text = memcpy(name + 1, text, size),
				     .node = node,
				     .layer = tree->layer };
	if (tsearch(name, &folder->by_name, compare_names) == NULL)
		return no_memory(err);
	tree->entries++;
	list_append(&folder->children, &name->siblings);
	node->links++;
	if (erofs_node_is_folder(node)) {
		node->parent = folder;
		folder->folders++;
	}
	(void)take_ptr(name);
	return 0;
}

/* A new node as `text`, in place of what is there. */
static int replace(struct erofs_tree *tree, struct erofs_node *folder, const char *text,
		   const struct erofs_attributes *attributes, struct err *err,
		   struct erofs_node **ret)
{
	struct erofs_name *old = find_name(folder, text);
	struct erofs_node *node = create_node(attributes);
	int r;

	if (node == NULL)
		return no_memory(err);
	node->is_opaque = old != NULL && tree->is_upper && S_ISDIR(attributes->mode);
	if (old != NULL)
		remove_name(folder, old);
	r = add_name(tree, folder, text, node, err);
	if (r < 0) {
		free_node(node);
		return r;
	}
	*ret = node;
	return 0;
}

/* The folder called `text`. When it is not there and not to be made: -ENOENT, no sentence. */
static int enter(struct erofs_tree *tree, struct erofs_node **folder, const char *text, bool make,
		 struct err *err)
{
	struct erofs_name *name = find_name(*folder, text);

	if (name != NULL && erofs_node_is_folder(name->node)) {
		if (make)
			name->layer = tree->layer;
		*folder = name->node;
		return 0;
	}
	if (!make)
		return -ENOENT;
	if (name != NULL && name->layer == tree->layer && !is_whiteout(name->node))
		return err_set(err, -EPERM, "it lies below what is no folder");
	return replace(tree, *folder, text, &plain_folder, err, folder);
}

/*
 * Walks to the folder that holds path; ret_base gets path's last part, "" for
 * the root itself.
 */
static int walk(struct erofs_tree *tree, const char *path, bool make, struct err *err,
		struct erofs_node **ret_folder, char ret_base[EROFS_NAME_MAX + 1])
{
	struct erofs_node *folder = tree->root;
	char part[EROFS_NAME_MAX + 1];

	for (unsigned depth = 0;; depth++) {
		size_t len = strcspn(path, "/");
		int r;

		if (len > EROFS_NAME_MAX)
			return err_set(err, -EPERM, "a part of its name is longer than %d bytes",
				       EROFS_NAME_MAX);
		if (depth > EROFS_DEPTH_MAX)
			return err_set(err, -EPERM, "it lies more than %d folders deep",
				       EROFS_DEPTH_MAX);
		memcpy(part, path, len);
		part[len] = '\0';
		if (path[len] == '\0')
			break;
		r = enter(tree, &folder, part, make, err);
		if (r < 0)
			return r;
		path += len + 1;
	}
	*ret_folder = folder;
	memcpy(ret_base, part, sizeof(part));
	return 0;
}

int erofs_tree_create(const struct erofs_limits *limits, bool is_upper, struct erofs_tree **ret)
{
	struct erofs_tree *tree = calloc(1, sizeof(*tree));

	if (tree == NULL)
		return -ENOMEM;
	*tree = (struct erofs_tree){ .limits = *limits,
				     .is_upper = is_upper,
				     .root = create_node(&plain_folder) };
	if (tree->root == NULL) {
		free(tree);
		return -ENOMEM;
	}
	tree->root->parent = tree->root;
	tree->root->links = 1;
	*ret = tree;
	return 0;
}

void erofs_tree_destroy(struct erofs_tree *tree)
{
	if (tree == NULL)
		return;
	remove_children(tree->root);
	free_node(tree->root);
	free(tree);
}

size_t erofs_tree_count(const struct erofs_tree *tree)
{
	return tree->entries;
}

void erofs_tree_next_layer(struct erofs_tree *tree)
{
	tree->layer++;
}

struct erofs_node *erofs_tree_root(const struct erofs_tree *tree)
{
	return tree->root;
}

/* The folder stays, with what is in it; what it is like is said anew. */
static struct erofs_node *renew(struct erofs_node *folder,
				const struct erofs_attributes *attributes)
{
	folder->attributes = *attributes;
	buf_clear(&folder->xattrs);
	return folder;
}

static int copy_target(struct erofs_tree *tree, const char *target, struct err *err, char **ret)
{
	int r = charge(tree, strlen(target), err);

	if (r < 0)
		return r;
	if (target[0] == '\0' || strlen(target) > EROFS_TARGET_MAX)
		return err_set(err, -EPERM, "it is a link to nothing, or to too long a name");
	*ret = strdup(target);
	return *ret == NULL ? no_memory(err) : 0;
}

int erofs_tree_put(struct erofs_tree *tree, const char *path,
		   const struct erofs_attributes *attributes, const char *target, struct err *err,
		   struct erofs_node **ret_node)
{
	char base[EROFS_NAME_MAX + 1];
	struct erofs_node *folder, *node;
	struct erofs_name *old;
	autofree char *copy = NULL;
	bool is_folder = S_ISDIR(attributes->mode);
	int r = walk(tree, path, true, err, &folder, base);

	assert(S_ISLNK(attributes->mode) == (target != NULL));
	if (r == 0 && target != NULL)
		r = copy_target(tree, target, err, &copy);
	if (r < 0)
		return r;
	if (base[0] == '\0' && !is_folder)
		return err_set(err, -EPERM, "the root must be a folder");
	if (base[0] == '\0') {
		*ret_node = renew(tree->root, attributes);
		return 0;
	}
	old = find_name(folder, base);
	if (old != NULL && is_folder && erofs_node_is_folder(old->node)) {
		old->layer = tree->layer;
		*ret_node = renew(old->node, attributes);
		return 0;
	}
	r = replace(tree, folder, base, attributes, err, &node);
	if (r < 0)
		return r;
	node->target = take_ptr(copy);
	*ret_node = node;
	return 0;
}

/* What is at path and may have several names. */
static int find_file(struct erofs_tree *tree, const char *path, struct err *err,
		     struct erofs_node **ret)
{
	char base[EROFS_NAME_MAX + 1];
	struct erofs_node *folder;
	struct erofs_name *name = NULL;
	int r = walk(tree, path, false, err, &folder, base);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		name = find_name(folder, base);
	if (name == NULL || is_whiteout(name->node))
		return err_set(err, -EPERM, "it is a hard link to what is not there");
	if (erofs_node_is_folder(name->node))
		return err_set(err, -EPERM, "it is a hard link to a folder");
	if (name->node->links >= EROFS_LINKS_MAX)
		return err_set(err, -EPERM, "its file has more than %d names", EROFS_LINKS_MAX);
	*ret = name->node;
	return 0;
}

static int add_link(struct erofs_tree *tree, const char *path, struct erofs_node *node,
		    struct err *err)
{
	char base[EROFS_NAME_MAX + 1];
	struct erofs_node *folder;
	struct erofs_name *old;
	int r = walk(tree, path, true, err, &folder, base);

	if (r < 0)
		return r;
	if (base[0] == '\0')
		return err_set(err, -EPERM, "the root must be a folder");
	old = find_name(folder, base);
	if (old != NULL)
		remove_name(folder, old);
	return add_name(tree, folder, base, node, err);
}

int erofs_tree_link(struct erofs_tree *tree, const char *path, const char *target, struct err *err)
{
	struct erofs_node *node;
	int r = find_file(tree, target, err, &node);

	if (r < 0)
		return r;
	node->links++; /* it outlives what the new name replaces */
	r = add_link(tree, path, node, err);
	if (--node->links == 0)
		free_node(node);
	return r;
}

int erofs_tree_set_xattr(struct erofs_tree *tree, struct erofs_node *node, const char *name,
			 const void *value, size_t len, struct err *err)
{
	static const char overlay[] = "trusted.overlay.";
	int r = charge(tree, strlen(name) + len, err);

	if (r < 0)
		return r;
	if (strncmp(name, overlay, strlen(overlay)) == 0)
		return err_set(err, -EPERM, "it has an extended attribute of overlayfs's own");
	r = erofs_xattr_append(&node->xattrs, name, value, len);
	if (r == -ENOMEM)
		return no_memory(err);
	if (r == -EOPNOTSUPP)
		return err_set(err, r, "it has an extended attribute of an unknown kind");
	if (r < 0)
		return err_set(err, -EPERM, "its extended attributes take more than %d bytes",
			       EROFS_XATTRS_MAX);
	return 0;
}

int erofs_tree_hide(struct erofs_tree *tree, const char *path, struct err *err)
{
	char base[EROFS_NAME_MAX + 1];
	struct erofs_node *folder, *node;
	struct erofs_name *old;
	int r = walk(tree, path, tree->is_upper, err, &folder, base);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (base[0] == '\0')
		return err_set(err, -EPERM, "the root cannot be hidden");
	old = find_name(folder, base);
	if (old != NULL && old->layer == tree->layer) {
		remove_below(old->node, tree->layer);
		old->node->is_opaque = tree->is_upper && erofs_node_is_folder(old->node);
		return 0;
	}
	if (tree->is_upper)
		return replace(tree, folder, base, &whiteout, err, &node);
	if (old != NULL)
		remove_name(folder, old);
	return 0;
}

int erofs_tree_hide_content(struct erofs_tree *tree, const char *path, struct err *err)
{
	char base[EROFS_NAME_MAX + 1];
	struct erofs_node *folder;
	int r = walk(tree, path, tree->is_upper, err, &folder, base);

	if (r == 0 && base[0] != '\0')
		r = enter(tree, &folder, base, tree->is_upper, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	remove_below(folder, tree->layer);
	folder->is_opaque = tree->is_upper;
	return 0;
}
