/*
 * What keeps secrets out of places where they would outlive their use: memory
 * of JSON is wiped when it is freed, and this process leaves no core dump and
 * cannot be looked into by others of the same user.
 */
#ifndef SBXD_SECRET_MEMORY_H
#define SBXD_SECRET_MEMORY_H

/* First thing in main(), before there are threads and JSON. */
void secret_memory_init(void);

#endif
