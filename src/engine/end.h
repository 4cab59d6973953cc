/*
 * What all engines end the same way: their process.
 */
#ifndef ENGINE_END_H
#define ENGINE_END_H

struct engine_vm;
struct err;

/* Kills exactly that process; 0 also when it had ended. name is for the sentence. */
int engine_end(const struct engine_vm *vm, const char *name, struct err *err);

#endif
