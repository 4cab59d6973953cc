/* What its jail lets sbx-blk hold: the program sets these limits, tests/attack/jail finds them set.
 */
#ifndef SBX_BLK_BOUNDS_H
#define SBX_BLK_BOUNDS_H

enum {
	BLK_DISKS_MAX = 8,
	BLK_FDS_FIRST = 3,    /* socket and image of the first disk, then of the second, … */
	BLK_FDS_PER_DISK = 8, /* eventfds, memory and sockets that a frontend sends */
};

#define BLK_FDS_KEPT(disks) (BLK_FDS_FIRST + 2 * (disks))
#define BLK_FILES_MAX(disks) (BLK_FDS_KEPT(disks) + BLK_FDS_PER_DISK * ((disks) + 1))

#endif
