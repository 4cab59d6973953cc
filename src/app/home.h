/* The user's home directory, by one rule for sbx and sbxd. */
#ifndef APP_HOME_H
#define APP_HOME_H

/* HOME when it is an absolute path, else what the system's list of users says; weak. NULL: none. */
const char *home_folder(void);

#endif
