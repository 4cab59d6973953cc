/*
 * Text made by a format, on the heap.
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdarg.h>

/* vasprintf(), but NULL and nothing undefined when there is no memory. Owned by the caller. */
__attribute__((format(printf, 1, 0))) char *format_text(const char *format, va_list args);

#endif
