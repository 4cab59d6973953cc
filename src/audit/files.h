/*
 * Inside the library: the numbered files of a chain.
 */
#ifndef AUDIT_FILES_H
#define AUDIT_FILES_H

#include <stdio.h>

enum { FILES_NAME_SIZE = 32, FILES_NUMBER_MAX = 999999 };

/* "audit-000007.jsonl" */
void files_name(unsigned number, char ret[FILES_NAME_SIZE]);

/* Opens one for reading; the caller closes it. */
int files_open(int folder, unsigned number, FILE **ret);

/* The lowest and the highest number; both 0 when there are none. */
int files_range(int folder, unsigned *ret_first, unsigned *ret_last);

#endif
