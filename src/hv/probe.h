/*
 * Does KVM on this machine run an unmodified Linux kernel?
 *
 * The presence of /dev/kvm does not tell: some clouds offer one without
 * hardware virtualization, whose guests run their kernel mode in an
 * instruction emulator, a thousand times slower and with instructions
 * missing. So a guest of some hundred bytes does what a kernel does first: it
 * is entered in 64-bit mode, takes a breakpoint through its own IDT, saves and
 * restores its extended state and runs a loop in ring 0. That loop has
 * HV_PROBE_MS of processor time; hardware needs a fraction of a millisecond, an
 * emulator about a microsecond for each of 100,000 instructions. A host that is
 * itself a guest takes time that was stolen from it for the loop's: on a busy
 * one there is more than one try, and the rest of the guest is not measured.
 */
#ifndef HV_PROBE_H
#define HV_PROBE_H

struct err;
struct hv_config;
struct hv_impl;

enum { HV_PROBE_MS = 20, HV_PROBE_TRIES = 5 };

enum hv_verdict {
	HV_ABSENT,   /* no KVM, or not for this user */
	HV_EMULATED, /* it opens, but its kernel mode is emulated */
	HV_WORKS,    /* it runs Linux */
};

/* Tries the KVM at path ("/dev/kvm"); why gets a sentence, whatever the verdict. */
enum hv_verdict hv_probe(const char *path, struct err *why);

/* The same with an open device and any hypervisor. */
enum hv_verdict hv_probe_guest(const struct hv_impl *impl, const struct hv_config *config,
			       struct err *why);

#endif
