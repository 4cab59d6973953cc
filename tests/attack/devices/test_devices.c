/*
 * test_devices KIND PROGRAM: one device of a sandbox under attack by a guest's bare driver. After
 * each attack it must serve the next driver, or have lost its device, or have ended by itself;
 * another of the same kind must not have noticed. Prints a case and what became of it a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/attack/chains.h"
#include "tests/attack/devices/liars.h"
#include "tests/attack/devices/rings.h"
#include "tests/attack/devices/victim.h"

struct target {
	const struct victim_kind *kind;
	const char *name;
	const struct lie *lies;
	const size_t *lies_count;
};

static const struct target targets[] = {
	{ &victim_blk, "blk", lies_blk, &lies_blk_count },
	{ &victim_fs, "fs", lies_fs, &lies_fs_count },
	{ &victim_vsock, "vsock", lies_vsock, &lies_vsock_count },
	{ &victim_net, "net", lies_net, &lies_net_count },
};

struct siege {
	const struct target *target;
	const char *program;
	struct victim victim, witness;
	bool standing; /* the victim runs */
	unsigned cases, failed;
};

static void report(struct siege *siege, bool good, const char *id, const char *what,
		   const char *queue, enum fate fate)
{
	siege->cases++;
	siege->failed += !good;
	printf("%sok %u - %s %s: %s%s (%s)\n", good ? "" : "not ", siege->cases, id,
	       siege->target->name, what, queue, fate_name(fate));
	(void)fflush(stdout);
}

static bool stand(struct siege *siege)
{
	if (!siege->standing)
		siege->standing =
			victim_start(&siege->victim, siege->target->kind, siege->program, NULL);
	return siege->standing;
}

/* Judges what an attack came to; the witness is asked each time. */
static bool judge(struct siege *siege, enum fate *ret)
{
	bool good;

	*ret = victim_judge(&siege->victim);
	good = *ret < FATE_CRASHED && siege->target->kind->asks(&siege->witness);
	if (*ret == FATE_SERVES)
		good = victim_is_unharmed(&siege->victim) && good;
	if (*ret != FATE_SERVES) {
		good = victim_stop(&siege->victim) && good;
		siege->standing = false;
	}
	return good;
}

/* One of both, on each queue. */
static void attack_rings(struct siege *siege, const struct chain *chain,
			 const struct ring_attack *attack)
{
	static const char *const names[] = { ", queue 0", ", queue 1", ", queue 2" };

	for (unsigned queue = 0; queue < siege->target->kind->queues; queue++) {
		enum fate fate = FATE_HUNG;
		bool good = stand(siege);

		if (good) {
			if (chain != NULL)
				ring_offer_chain(&siege->victim, queue, chain);
			else
				attack->run(&siege->victim, queue);
			good = judge(siege, &fate);
		}
		report(siege, good, chain != NULL ? "V01" : attack->id,
		       chain != NULL ? chain->name : attack->name, names[queue], fate);
	}
}

static void tell_lie(struct siege *siege, const struct lie *lie)
{
	enum fate fate = FATE_HUNG;
	bool good = stand(siege), kept = false;

	if (good) {
		kept = lie->run(&siege->victim);
		good = judge(siege, &fate) && kept;
	}
	report(siege, good, lie->id, lie->name, "", fate);
}

static bool run(struct siege *siege)
{
	if (!victim_start(&siege->witness, siege->target->kind, siege->program, NULL)) {
		printf("Bail out! %s does not start\n", siege->program);
		return false;
	}
	for (size_t i = 0; i < chains_count; i++)
		attack_rings(siege, &chains[i], NULL);
	for (size_t i = 0; i < ring_attacks_count; i++)
		attack_rings(siege, NULL, &ring_attacks[i]);
	for (size_t i = 0; i < *siege->target->lies_count; i++)
		tell_lie(siege, &siege->target->lies[i]);
	if (siege->standing && !victim_stop(&siege->victim))
		siege->failed++;
	if (!victim_stop(&siege->witness))
		siege->failed++;
	printf("1..%u\n", siege->cases);
	return siege->failed == 0;
}

int main(int argc, char **argv)
{
	static struct siege siege;

	for (size_t i = 0; argc == 3 && i < countof(targets); i++)
		if (strcmp(targets[i].name, argv[1]) == 0)
			siege.target = &targets[i];
	if (siege.target == NULL)
		return EXIT_FAILURE;
	siege.program = argv[2];
	return run(&siege) ? EXIT_SUCCESS : EXIT_FAILURE;
}
