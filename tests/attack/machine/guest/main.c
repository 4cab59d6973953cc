/*
 * The guest: attacks from number attack= on, one after the other, each told by
 *
 *	begin NUMBER ID NAME
 *	end NUMBER refused|answered|silent|WRONG
 *
 * on the console; "all" behind the last. With witness=1 it is an honest guest
 * instead: each time the balloon is given a size, it uses all of its devices and
 * says by the size of its balloon that they served it.
 */
#include "tests/attack/chains.h"
#include "tests/attack/machine/guest/attack.h"
#include "tests/attack/machine/guest/board.h"
#include "tests/attack/machine/guest/driver.h"

enum { DEVICES_MAX = 8, LOOKS = 400, CONFIG_PAGES = 0, CONFIG_ACTUAL = 4 };

static struct driver device[DEVICES_MAX];
static unsigned devices;
static uint64_t first, number; /* of the first attack to be run, and of the next */

static const struct attack_list lists[] = {
	{ ATTACK_QUEUE, ring_attacks, &ring_attacks_count },
	{ ATTACK_QUEUE, crowd_attacks, &crowd_attacks_count },
	{ ATTACK_DEVICE, register_attacks, &register_attacks_count },
	{ ATTACK_BOARD, board_attacks, &board_attacks_count },
};

void let_it_see(struct driver *driver, unsigned queue)
{
	uint32_t written;

	for (unsigned i = 0; i < LOOKS && !driver_is_refused(driver); i++)
		if (driver_take(driver, queue, &written))
			return;
}

/* They serve; those from `from` to `to` begin anew, the others go on as if nothing had been. */
static bool all_serve(unsigned from, unsigned to)
{
	bool good = true;

	for (unsigned i = 0; i < devices; i++) {
		if (i >= from && i < to)
			good = driver_restart(&device[i]) && good;
		good = good && driver_asks(&device[i]);
	}
	return good;
}

static const char *outcome(const struct attack *attack, struct driver *driver, unsigned queue)
{
	uint16_t taken = driver->ring[queue].taken;

	if (attack->answer == TOLD && driver->local)
		while (!driver_is_refused(driver))
			relax();
	let_it_see(driver, queue);
	if (driver_is_refused(driver))
		return "refused";
	return driver->ring[queue].taken != taken ? "answered" : "silent";
}

static void begin(const struct attack *attack, const struct driver *driver, unsigned queue,
		  enum attack_scope scope)
{
	say("begin ");
	say_number(number);
	say(" ");
	say(attack->id);
	say(" ");
	say(scope == ATTACK_BOARD ? "board" : driver->name);
	if (scope == ATTACK_QUEUE && driver->queues > 1) {
		say(" ");
		say_number(queue);
	}
	say(": ");
	say(attack->name);
	say("\n");
}

static void end(const char *how)
{
	say("end ");
	say_number(number);
	say(" ");
	say(how);
	say("\n");
}

static void try(const struct attack *attack, unsigned index, unsigned queue,
		enum attack_scope scope)
{
	struct driver *driver = &device[index];
	bool served;
	const char *how;

	if (number >= first) {
		begin(attack, driver, queue, scope);
		attack->run(driver, queue);
		how = outcome(attack, driver, queue);
		served =
			scope == ATTACK_BOARD ? all_serve(0, devices) : all_serve(index, index + 1);
		end(served ? how : "WRONG");
	}
	number++;
}

static void try_everywhere(const struct attack *attack, enum attack_scope scope)
{
	for (unsigned i = 0; i < devices; i++) {
		unsigned queues = scope == ATTACK_QUEUE ? device[i].queues : 1;

		for (unsigned queue = 0; queue < queues; queue++)
			try(attack, i, queue, scope);
		if (scope == ATTACK_BOARD)
			return;
	}
}

static const struct chain *this; /* that is offered now */

static void offer_this(struct driver *driver, unsigned queue)
{
	ring_offer_chain(driver, queue, this);
}

static void attack_all(void)
{
	first = option("attack", 0);
	if (!all_serve(0, devices)) {
		say("not even an honest driver is served\n");
		return;
	}
	for (size_t i = 0; i < chains_count; i++) {
		const struct attack attack = { .id = "V01",
					       .name = chains[i].name,
					       .run = offer_this,
					       .answer = chains[i].is_broken ? TOLD : UNTOLD };

		this = &chains[i];
		try_everywhere(&attack, ATTACK_QUEUE);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < *lists[i].count; j++)
			try_everywhere(&lists[i].attack[j], lists[i].scope);
	say("all\n");
}

/* The balloon is the last device. */
static void witness(void)
{
	struct driver *balloon = &device[devices - 1];
	uint32_t seen = 0;

	lines_enable(1U << balloon->slot);
	(void)all_serve(0, devices);
	for (;;) {
		uint32_t pages = read32(balloon->base + VIRTIO_MMIO_CONFIG + CONFIG_PAGES);

		if (pages == seen) {
			wait_for_line();
			continue;
		}
		seen = pages;
		if (all_serve(0, 0))
			write32(balloon->base + VIRTIO_MMIO_CONFIG + CONFIG_ACTUAL, seen);
	}
}

void guest_main(void)
{
	for (unsigned slot = 0; devices < DEVICES_MAX && driver_find(slot, &device[devices]);
	     slot++)
		devices++;
	if (option("witness", 0) != 0)
		witness();
	else
		attack_all();
}
