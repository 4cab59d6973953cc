/*
 * The files of a kit, written in the guest. What lies below the agent's home
 * or in a shared folder is written as the agent, everything else as root.
 */
#ifndef SBXD_KIT_FILES_H
#define SBXD_KIT_FILES_H

struct err;
struct kit_job;

/* Brings kit.tar into the guest, and makes the folder for work. */
int kit_files_unpack(struct kit_job *job, struct err *err);

/* Its home/ into the agent's home. */
int kit_files_home(struct kit_job *job, struct err *err);

/* Its workspace/ into the workspace, but for what is there already; then nothing is left of the
 * tar. */
int kit_files_workspace(struct kit_job *job, struct err *err);

/* Its list of files; ${WORKDIR} in a content is the workspace. */
int kit_files_write(struct kit_job *job, struct err *err);

/*
 * What it tells the agent, as the file that the agent reads, in the folder that holds the
 * workspace; not where that folder is itself one of this machine.
 */
int kit_files_instructions(struct kit_job *job, struct err *err);

#endif
