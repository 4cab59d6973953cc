/*
 * A sandbox's kit, applied in its guest: at the first start volumes, files of
 * the home folder, install commands, files, and what of its workspace tree is
 * missing, in this order; at every start its memory file systems, and its
 * startup commands, for which nobody waits.
 *
 * The first start is the end of the creation: when it fails, and also when it
 * is cut off, the sandbox is removed. record.kit says how far it came.
 */
#ifndef SBXD_KIT_APPLY_H
#define SBXD_KIT_APPLY_H

struct err;
struct run;
struct sandbox;

/*
 * For the keeper, when the guest is set up. Meanwhile the run is watched: its end, a stop or a
 * removal ends this too. What a failed command printed is then in sandbox->setup_output.
 */
int kit_apply(struct sandbox *sandbox, struct run *run, struct err *err);

#endif
