/*
 * Which files an archive of an image holds, and where their bytes lie in it: so
 * that layers are read in place and nothing is unpacked.
 *
 * What it says is lines, of names that consist of letters, digits and "._-/:" only,
 * as those of images do; others are left out:
 *
 *	file OFFSET SIZE NAME	bytes of the archive
 *	link NAME TARGET	a symbolic or hard link, its target as it stands there
 */
#ifndef SBX_IMAGE_CONTENTS_H
#define SBX_IMAGE_CONTENTS_H

struct err;

/* Reads the archive from fd to its end, writes lines to `to`. */
int contents_tell(int fd, int to, struct err *err);

#endif
