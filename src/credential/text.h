/* Text that may hold secrets: what is made here lies in sodium_malloc() memory. */
#ifndef CREDENTIAL_TEXT_H
#define CREDENTIAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* word NULL or "": false. */
bool text_holds(const char *text, size_t len, const char *word);

/* A copy with `by` wherever `word` stood; NUL-terminated. NULL without memory. */
char *text_replace(const char *text, size_t len, const char *word, const char *by, size_t by_len,
		   size_t *ret_len);

/* sodium_free() of what the pointer points to, for autocall(). */
void text_cleanup(char **text);

#endif
