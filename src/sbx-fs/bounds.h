/* What its jail lets sbx-fs hold: the program sets these limits, tests/attack/jail finds them set.
 */
#ifndef SBX_FS_BOUNDS_H
#define SBX_FS_BOUNDS_H

enum { FS_FILES_MAX = 1 << 20 };

#endif
