/*
 * A JSON value as a YAML document, in blocks, members in their order. Strings
 * are plain only where no reader of YAML 1.1 or 1.2 takes them for something else
 * ("no", "1e3", "12:30" are quoted), so what is read is what was meant.
 */
#ifndef SBX_YAMLOUT_H
#define SBX_YAMLOUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* -EIO when it cannot be written, -ENOMEM. */
int yamlout_print(const json_t *value, FILE *to);

/* Needs no quotes. */
bool yamlout_is_plain(const char *text);

#endif
