/*
 * test_machine VMM GUEST BLK FS VSOCK NET: the whole VMM under attack by its guest, which owns two
 * processors and drives each device itself (guest/). After each attack the devices must serve an
 * honest driver in the same machine, or the machine must have ended by itself, with a sentence;
 * another sandbox must not have noticed. Prints an attack and what became of it a line.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/attack/machine/sandbox.h"

struct siege {
	struct sandbox_programs programs;
	struct sandbox victim, witness;
	bool standing;	    /* the victim runs */
	unsigned long next; /* attack */
	char name[SANDBOX_LINE_MAX];
	bool is_begun; /* the attack of that name */
	unsigned cases, failed;
};

static void report(struct siege *siege, bool good, const char *fate)
{
	good = sandbox_serves(&siege->witness) && sandbox_is_whole(&siege->witness) && good;
	siege->cases++;
	siege->failed += !good;
	printf("%sok %u - %s (%s)\n", good ? "" : "not ", siege->cases, siege->name, fate);
	(void)fflush(stdout);
	siege->is_begun = false;
}

/* "begin NUMBER NAME" */
static void begin(struct siege *siege, const char *line)
{
	char *name;

	siege->next = strtoul(line, &name, 10) + 1;
	(void)snprintf(siege->name, sizeof(siege->name), "%s", *name == ' ' ? name + 1 : name);
	siege->is_begun = true;
}

/* "end NUMBER HOW" */
static void end(struct siege *siege, const char *line)
{
	const char *how = strrchr(line, ' ');
	char fate[64];

	if (!siege->is_begun || how == NULL)
		return;
	(void)snprintf(fate, sizeof(fate), "%s, and goes on", how + 1);
	report(siege, strcmp(how, " WRONG") != 0 && sandbox_is_whole(&siege->victim), fate);
}

/* The machine ended, or says nothing any more. */
static void lose(struct siege *siege, enum sandbox_news news)
{
	char sentence[SANDBOX_LINE_MAX] = "", fate[SANDBOX_LINE_MAX + 16];
	bool well = news == SANDBOX_ENDED && sandbox_ended_well(&siege->victim, sentence);

	(void)snprintf(fate, sizeof(fate), "%s%s",
		       news == SANDBOX_SILENT ? "HUNG"
		       : well		      ? "machine ended: "
					      : "CRASHED: ",
		       sentence);
	if (!siege->is_begun) {
		(void)snprintf(siege->name, sizeof(siege->name), "the guest between attacks");
		well = false;
	}
	report(siege, well, fate);
	sandbox_finish(&siege->victim);
	siege->standing = false;
}

/* False: all attacks were made, or none can be. */
static bool stand(struct siege *siege)
{
	char words[32];

	if (siege->standing)
		return true;
	(void)snprintf(words, sizeof(words), "attack=%lu", siege->next);
	siege->standing = sandbox_start(&siege->victim, &siege->programs, words);
	if (!siege->standing) {
		siege->failed++;
		sandbox_finish(&siege->victim);
	}
	return siege->standing;
}

static void run(struct siege *siege)
{
	char line[SANDBOX_LINE_MAX];

	while (stand(siege)) {
		enum sandbox_news news = sandbox_line(&siege->victim, line);

		if (news != SANDBOX_SAID)
			lose(siege, news);
		else if (strncmp(line, "begin ", 6) == 0)
			begin(siege, line + 6);
		else if (strncmp(line, "end ", 4) == 0)
			end(siege, line + 4);
		else if (strcmp(line, "all") == 0)
			break;
		if (siege->failed > 0 && !siege->is_begun && !siege->standing)
			break;
	}
}

int main(int argc, char **argv)
{
	static struct siege siege;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (argc != 3 + SANDBOX_BACKENDS)
		return EXIT_FAILURE;
	if (kvm < 0) {
		printf("1..0 # skip /dev/kvm does not open here\n");
		return EXIT_SUCCESS;
	}
	(void)close(kvm);

	siege.programs = (struct sandbox_programs){ .vmm = argv[1], .guest = argv[2] };
	for (unsigned i = 0; i < SANDBOX_BACKENDS; i++)
		siege.programs.backend[i] = argv[3 + i];
	if (!sandbox_start(&siege.witness, &siege.programs, "witness=1") ||
	    !sandbox_serves(&siege.witness)) {
		printf("Bail out! an honest guest is not served\n");
		return EXIT_FAILURE;
	}
	run(&siege);
	if (siege.standing)
		sandbox_finish(&siege.victim);
	sandbox_finish(&siege.witness);
	printf("1..%u\n", siege.cases);
	return siege.failed == 0 && siege.cases > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
