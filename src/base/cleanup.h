/*
 * Ownership that the declaration shows.
 *
 *	autofree char *path = NULL;	freed when the scope ends
 *	autoclose int fd = -1;		closed when the scope ends
 *
 * take_ptr() and take_fd() hand the thing over: they return it and leave the
 * variable empty. This is the one place that uses a compiler extension
 * (__attribute__((cleanup)), gcc and clang).
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define autofree __attribute__((cleanup(cleanup_free)))
#define autoclose __attribute__((cleanup(cleanup_close)))
/* autocall(fn): fn(&variable) runs when the scope ends. */
#define autocall(fn) __attribute__((cleanup(fn)))

static inline void *take_ptr_(void **pointer)
{
	void *taken = *pointer;

	*pointer = NULL;
	return taken;
}

#define take_ptr(variable) take_ptr_((void **)&(variable))

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
