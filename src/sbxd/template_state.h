/*
 * The inside of the template store, for its own files: template_store.c,
 * template_collect.c, template_content.c.
 */
#ifndef SBXD_TEMPLATE_STATE_H
#define SBXD_TEMPLATE_STATE_H

#include <jansson.h>
#include <pthread.h>

#include "sbxd/template_store.h"

struct template_store {
	char *folder;	      /* owned */
	pthread_rwlock_t use; /* see template_store_hold(); taken before `lock` */
	pthread_mutex_t lock; /* the member below, and changes of images */
	json_t *references;   /* owned: reference -> {"id","pulled"} */
};

/* The id of an entry of the references; weak, "" when it is damaged. */
const char *template_store_id(const json_t *entry);

/* The image of that id, called `name`. Lock held. */
int template_store_read(const struct template_store *store, const char *id, const char *name,
			struct template *ret, struct err *err);

#endif
