/*
 * The keeper: the thread of one sandbox, which does all its slow work. It lives
 * while there is something to do or a VM to watch, and holds a reference.
 */
#ifndef SBXD_KEEPER_H
#define SBXD_KEEPER_H

struct sandbox;

/* Makes the keeper look again at what is wanted; starts it when there is none. Lock held. */
int keeper_wake(struct sandbox *sandbox);

#endif
