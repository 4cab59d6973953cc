/*
 * The login to one registry, in the form that skopeo reads (containers-auth.json(5)):
 * that of the vault (`sbx secret set --registry`), or the entry of the user's own file.
 */
#ifndef SBXD_TEMPLATE_LOGIN_H
#define SBXD_TEMPLATE_LOGIN_H

struct err;
struct supervisor;

/*
 * Writes it beside `folder`, for this user only; *ret_path, owned, is to be removed after its use;
 * NULL: there is no login to this registry.
 */
int template_login_write(struct supervisor *supervisor, const char *domain, const char *folder,
			 char **ret_path, struct err *err);

#endif
