/*
 * What each schema version adds to its grammar: rules that a table cannot
 * say, and for the versions 1 and 3 the way into the form of version 2. Each
 * looks at kit->document, and at kit->spec as the table took it; 0, -EBADMSG
 * with place and sentence, -ENOMEM. What is dropped or only half done is told
 * by kit->warnings.
 */
#ifndef KIT_VERSION_H
#define KIT_VERSION_H

struct err;
struct kit;
struct kit_text;

int version_2_check(struct kit *kit, struct err *err);

/* Replaces kit->spec. */
int version_1_fold(struct kit *kit, struct err *err);
int version_3_fold(struct kit *kit, const struct kit_text *text, struct err *err);

#endif
