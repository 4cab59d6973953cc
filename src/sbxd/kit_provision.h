/* What the policy and the secrets are told of a sandbox's kit. */
#ifndef SBXD_KIT_PROVISION_H
#define SBXD_KIT_PROVISION_H

struct err;
struct sandbox;

/* Before it is made; what was told is forgotten with the sandbox. Nothing without a kit. */
int kit_provision(struct sandbox *sandbox, struct err *err);

/* The part that is not kept by whom it is told: also when a daemon finds the sandbox again. */
int kit_provision_services(struct sandbox *sandbox, struct err *err);

#endif
