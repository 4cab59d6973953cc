#include <errno.h>
#include <time.h>

#include "base/check.h"
#include "base/err.h"
#include "hv/fake/fake.h"
#include "hv/probe.h"
#include "hv/probe_guest.h"
#include "tests/unit/test.h"

#define TOLD(stage)                                                                    \
	{                                                                              \
		.kind = HV_EXIT_PIO, .address = PROBE_PORT, .width = 1, .write = true, \
		.value = (stage)                                                       \
	}

/* Burns more processor time than a trial may take. */
static void wait_a_while(void *ctx)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 1000 * (HV_PROBE_MS + 5);

	(void)ctx;
	while (clock() < end)
		;
}

static enum hv_verdict play(struct hv_fake_step *steps, size_t count, struct err *why)
{
	struct hv_fake fake;
	struct hv_config config = { .cpus = 1, .fake = &fake };
	enum hv_verdict verdict;

	hv_fake_init(&fake);
	fake.cpu[0] = (struct hv_fake_script){ .steps = steps, .count = count };
	verdict = hv_probe_guest(&hv_fake_full, &config, why);
	hv_fake_finish(&fake);
	return verdict;
}

TEST(a_guest_that_tells_all_stages_works)
{
	struct hv_fake_step steps[] = { TOLD(1), TOLD(2), TOLD(3), TOLD(4) };
	struct err why = ERR_INIT;

	CHECK_EQ(play(steps, 4, &why), HV_WORKS);
	CHECK_STR(why.text, "KVM runs unmodified kernels here");
}

TEST(a_failing_breakpoint_is_emulation)
{
	struct hv_fake_step steps[] = { TOLD(1), { .kind = HV_EXIT_FAIL } };
	struct err why = ERR_INIT;

	CHECK_EQ(play(steps, 2, &why), HV_EMULATED);
	CHECK(strstr(why.text, "a breakpoint in kernel mode failed: the script says so") != NULL);
}

TEST(a_triple_fault_at_xrstor_is_emulation)
{
	struct hv_fake_step steps[] = { TOLD(1), TOLD(2), { .kind = HV_EXIT_SHUTDOWN } };
	struct err why = ERR_INIT;

	CHECK_EQ(play(steps, 3, &why), HV_EMULATED);
	CHECK(strstr(why.text, "restoring the processor's extended state failed") != NULL);
}

/* After its script the fake waits for the watchdog's kick, in every try. */
TEST(a_loop_that_takes_too_long_is_emulation)
{
	struct hv_fake_step steps[] = { TOLD(1), TOLD(2), TOLD(3) };
	struct err why = ERR_INIT;

	CHECK_EQ(play(steps, 3, &why), HV_EMULATED);
	CHECK(strstr(why.text, "a loop of 20 ms took longer") != NULL);
}

TEST(a_loop_that_is_slow_in_every_try_is_emulation)
{
	struct hv_fake_step steps[4 * HV_PROBE_TRIES];
	struct err why = ERR_INIT;

	for (size_t i = 0; i < countof(steps); i++) {
		const struct hv_fake_step step = TOLD(i % 4 + 1);

		steps[i] = step;
		steps[i].before = i % 4 == 3 ? wait_a_while : NULL;
	}
	CHECK_EQ(play(steps, countof(steps), &why), HV_EMULATED);
	CHECK(strstr(why.text, "a loop of 20 ms took longer") != NULL);
	steps[7].before = NULL;
	CHECK_EQ(play(steps, countof(steps), &why), HV_WORKS);
}

/* A busy host may take its time over the guest's first accesses to its memory. */
TEST(what_comes_before_the_loop_is_not_measured)
{
	struct hv_fake_step steps[] = { TOLD(1), TOLD(2), TOLD(3), TOLD(4) };
	struct err why = ERR_INIT;

	steps[1].before = steps[2].before = wait_a_while;
	CHECK_EQ(play(steps, 4, &why), HV_WORKS);
}

/* The first try is too late, as on a busy host; the second may meet a kick meant for it. */
TEST(a_busy_host_gets_another_try)
{
	struct hv_fake_step steps[] = { TOLD(1), { .kind = HV_EXIT_INTERRUPTED },
					TOLD(1), TOLD(2),
					TOLD(3), TOLD(4) };
	struct err why = ERR_INIT;

	steps[1].before = wait_a_while;
	CHECK_EQ(play(steps, 6, &why), HV_WORKS);
}

TEST(stages_out_of_order_do_not_count)
{
	struct hv_fake_step steps[] = { TOLD(1), TOLD(4), { .kind = HV_EXIT_HLT } };
	struct err why = ERR_INIT;

	CHECK_EQ(play(steps, 3, &why), HV_EMULATED);
}

TEST(a_hypervisor_that_refuses_is_absent)
{
	struct hv_fake fake;
	struct hv_config config = { .cpus = 1, .fake = &fake };
	struct err why = ERR_INIT;

	hv_fake_init(&fake);
	fake.fail_vm = -ENOMEM;
	CHECK_EQ(hv_probe_guest(&hv_fake_full, &config, &why), HV_ABSENT);
	CHECK(strlen(why.text) > 0);
	fake.fail_vm = 0;
	fake.fail_vcpu = -EIO;
	CHECK_EQ(hv_probe_guest(&hv_fake_full, &config, &why), HV_ABSENT);
	hv_fake_finish(&fake);
}

TEST(no_device_is_a_sentence)
{
	struct err why = ERR_INIT;

	CHECK_EQ(hv_probe("/nonexistent/kvm", &why), HV_ABSENT);
	CHECK(strstr(why.text, "the kvm module is not loaded") != NULL);
}

TEST(what_is_no_kvm_is_absent)
{
	struct err why = ERR_INIT;

	CHECK_EQ(hv_probe("/dev/null", &why), HV_ABSENT);
	CHECK(strstr(why.text, "does not answer as KVM") != NULL);
}

TEST(this_machine_is_judged_one_way_or_another)
{
	struct err why = ERR_INIT;
	enum hv_verdict verdict = hv_probe("/dev/kvm", &why);

	printf("# %s\n", why.text);
	CHECK(verdict == HV_ABSENT || verdict == HV_EMULATED || verdict == HV_WORKS);
	CHECK(strlen(why.text) > 0);
	CHECK_EQ(why.code == 0, verdict == HV_WORKS);
}

TEST_MAIN()
