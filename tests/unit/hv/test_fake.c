#include <errno.h>
#include <pthread.h>

#include "base/err.h"
#include "hv/fake/fake.h"
#include "tests/unit/test.h"

/* A VM with one vCPU over a fresh script; false when it cannot be made. */
static bool start(struct hv_fake *fake, const struct hv_impl *impl, struct hv_vm **vm,
		  struct hv_vcpu **vcpu)
{
	struct hv_config config = { .cpus = 1, .irqchip = true, .fake = fake };
	struct err err = ERR_INIT;

	return hv_vm_create(impl, &config, vm, &err) == 0 &&
	       hv_vcpu_create(*vm, 0, vcpu, &err) == 0;
}

static void end(struct hv_fake *fake, struct hv_vm *vm, struct hv_vcpu *vcpu)
{
	hv_vcpu_destroy(vcpu);
	hv_vm_destroy(vm);
	hv_fake_finish(fake);
}

static void note(void *ctx)
{
	*(bool *)ctx = true;
}

TEST(script_is_played_in_order_and_keeps_answers)
{
	struct hv_fake fake;
	struct hv_vm *vm = NULL;
	struct hv_vcpu *vcpu = NULL;
	struct hv_exit exit;
	bool happened = false;
	struct hv_fake_step steps[] = {
		{ .kind = HV_EXIT_MMIO, .address = 0xd0000000, .width = 4 },
		{ .kind = HV_EXIT_PIO,
		  .address = 0xe9,
		  .width = 1,
		  .write = true,
		  .value = 'x',
		  .before = note,
		  .ctx = &happened },
		{ .kind = HV_EXIT_SYSTEM_EVENT, .reason = 7 },
		{ .kind = HV_EXIT_FAIL, .reason = 9 },
		{ .kind = HV_EXIT_RESET },
	};

	hv_fake_init(&fake);
	fake.cpu[0] = (struct hv_fake_script){ .steps = steps, .count = 5 };
	CHECK(start(&fake, &hv_fake_full, &vm, &vcpu));
	hv_vcpu_run(vcpu, &exit);
	CHECK_EQ(exit.kind, HV_EXIT_MMIO);
	CHECK_EQ(exit.access.count, 1);
	CHECK(!happened);
	memcpy(exit.access.data, "virt", 4);
	hv_vcpu_run(vcpu, &exit);
	CHECK_EQ(steps[0].value, 0x74726976);
	CHECK(happened);
	CHECK_EQ(exit.kind, HV_EXIT_PIO);
	CHECK_EQ(exit.access.data[0], 'x');
	hv_vcpu_run(vcpu, &exit);
	CHECK_EQ(exit.kind, HV_EXIT_SYSTEM_EVENT);
	CHECK_EQ(exit.reason, 7);
	hv_vcpu_run(vcpu, &exit);
	CHECK_EQ(exit.kind, HV_EXIT_FAIL);
	CHECK(exit.why != NULL);
	hv_vcpu_run(vcpu, &exit);
	CHECK_EQ(exit.kind, HV_EXIT_RESET);
	end(&fake, vm, vcpu);
}

static void *kick(void *vcpu)
{
	hv_vcpu_kick(vcpu);
	return NULL;
}

TEST(after_the_script_a_kick_ends_the_wait)
{
	struct hv_fake fake;
	struct hv_vm *vm = NULL;
	struct hv_vcpu *vcpu = NULL;
	struct hv_exit exit;
	pthread_t thread;

	hv_fake_init(&fake);
	CHECK(start(&fake, &hv_fake_full, &vm, &vcpu));
	CHECK_EQ(pthread_create(&thread, NULL, kick, vcpu), 0);
	hv_vcpu_run(vcpu, &exit);
	CHECK_EQ(exit.kind, HV_EXIT_INTERRUPTED);
	(void)pthread_join(thread, NULL);
	end(&fake, vm, vcpu);
}

TEST(lines_doorbells_memory_and_entry_are_written_down)
{
	struct hv_fake fake;
	struct hv_vm *vm = NULL;
	struct hv_vcpu *vcpu = NULL;
	struct hv_entry entry = { .pc = 0x1000000, .argument = 0x7000 };
	uint8_t page[64];

	hv_fake_init(&fake);
	CHECK(start(&fake, &hv_fake_full, &vm, &vcpu));
	CHECK_EQ(hv_mem_map(vm, 0x1000, page, sizeof(page)), 0);
	CHECK(fake.memory[0].host == page);
	CHECK_EQ(fake.memory[0].gpa, 0x1000);
	CHECK_EQ(hv_irq_fd(vm, 5, 42), 0);
	CHECK_EQ(fake.line[5].fd, 42);
	CHECK_EQ(hv_irq_set(vm, 6, true), 0);
	CHECK_EQ(hv_irq_set(vm, 6, true), 0);
	CHECK_EQ(hv_irq_set(vm, 6, false), 0);
	CHECK_EQ(fake.line[6].rises, 1);
	CHECK_EQ(hv_irq_set(vm, HV_FAKE_RECORDS, true), -EINVAL);
	CHECK_EQ(hv_doorbell(vm, 0xd0000050, 3, 43), 0);
	CHECK_EQ(fake.doorbell[0].value, 3);
	CHECK_EQ(hv_vcpu_enter_at(vcpu, &entry), 0);
	CHECK_EQ(fake.entry.pc, 0x1000000);
	end(&fake, vm, vcpu);
}

TEST(optional_abilities_may_be_missing)
{
	struct hv_fake fake;
	struct hv_vm *vm = NULL;
	struct hv_vcpu *vcpu = NULL;

	hv_fake_init(&fake);
	CHECK(start(&fake, &hv_fake_plain, &vm, &vcpu));
	CHECK_EQ(hv_irq_fd(vm, 5, 42), -EOPNOTSUPP);
	CHECK_EQ(hv_doorbell(vm, 0xd0000050, 0, 42), -EOPNOTSUPP);
	end(&fake, vm, vcpu);
}

TEST(creation_can_be_made_to_fail)
{
	struct hv_fake fake;
	struct hv_vm *vm = NULL;
	struct hv_vcpu *vcpu = NULL;
	struct hv_config config = { .fake = &fake };
	struct err err = ERR_INIT;

	hv_fake_init(&fake);
	fake.fail_vm = -EACCES;
	CHECK_EQ(hv_vm_create(&hv_fake_full, &config, &vm, &err), -EACCES);
	CHECK(vm == NULL);
	fake.fail_vm = 0;
	fake.fail_vcpu = -ENOMEM;
	CHECK(!start(&fake, &hv_fake_full, &vm, &vcpu));
	CHECK(vcpu == NULL);
	end(&fake, vm, vcpu);
}

TEST(destroying_nothing_is_fine)
{
	hv_vcpu_destroy(NULL);
	hv_vm_destroy(NULL);
	CHECK(true);
}

TEST_MAIN()
