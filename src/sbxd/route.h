/*
 * From method and path to the function that handles a request, and from body
 * bytes to an object: what a stranger may send, judged before anything runs.
 */
#ifndef SBXD_ROUTE_H
#define SBXD_ROUTE_H

#include <jansson.h>
#include <stddef.h>

#include "sbxd/request.h"

struct err;

struct route {
	const char *method;
	const char *path; /* "{}" stands for one part, which becomes an argument */
	int (*handle)(struct request *request, struct err *err);
};

/* Each ended by a NULL method. */
extern const struct route routes_daemon[];
extern const struct route routes_sandbox[];
extern const struct route routes_ports[];
extern const struct route routes_guest[];
extern const struct route routes_secret[];
extern const struct route routes_policy[];
extern const struct route routes_audit[];
extern const struct route routes_template[];

enum { ROUTE_PARTS_MAX = 6, ROUTE_PATH_MAX = 1024 };

/* A path taken apart; the parts lie in `text`, each with its %XX decoded. */
struct route_path {
	char text[ROUTE_PATH_MAX];
	char *parts[ROUTE_PARTS_MAX];
	size_t count;
};

/*
 * Takes the path of a request as it came, up to its query: a name with an escaped '/' is one part.
 * -ENAMETOOLONG, or -ENOENT for what can be no path of ours.
 */
int route_split(const char *path, struct route_path *ret);

/*
 * Finds the route and fills the arguments, which stay in `path`. -ENOENT, or
 * -EPROTOTYPE when the path exists with other methods only.
 */
int route_find(const char *method, const struct route_path *path,
	       const char *ret_args[REQUEST_ARGS_MAX], const struct route **ret);

/* The body as an object; no bytes are an empty one. */
int route_parse_body(const char *text, size_t len, json_t **ret, struct err *err);

#endif
