/* The user's home directory, by the rule that sbxd has as well (sbxd/paths.c). */
#ifndef SBX_HOME_H
#define SBX_HOME_H

/* HOME when it is an absolute path, else what the system's list of users says; weak. NULL: none. */
const char *home_folder(void);

#endif
