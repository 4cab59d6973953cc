/*
 * What sbx-vmm is told by its starter: words NAME=VALUE. It opens nothing
 * itself, so whatever it works on comes as the number of an open descriptor.
 *
 *	kvm=FD kernel=FD initramfs=FD
 *	control=FD console=FD		listening sockets
 *	blk=FD fs=FD vsock=FD net=FD	connected vhost-user sockets, in this order in the guest
 *	cpus=N memory=SIZE cmdline=TEXT
 *	jail=weak			go on where the host lacks a part of the jail
 */
#ifndef SBX_VMM_OPTIONS_H
#define SBX_VMM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sbx-vmm/served.h"

struct err;

enum { OPTIONS_DEVICES_MAX = 16 };

struct option_device {
	enum served_kind kind;
	int fd;
};

struct options {
	int kvm, kernel, control;
	int initramfs, console; /* -1: none */
	struct option_device device[OPTIONS_DEVICES_MAX];
	size_t devices_count;
	unsigned cpus;
	uint64_t memory_bytes;
	const char *cmdline; /* weak: argv */
	bool weak_jail;
	int last_fd; /* highest number that was given */
};

int options_parse(int argc, char **argv, struct options *ret, struct err *err);

#endif
