#include "hv/fake/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/err.h"

struct fake_vm {
	struct hv_vm base;
	struct hv_fake *fake; /* weak */
};

struct fake_vcpu {
	struct hv_vcpu base;
	struct hv_fake *fake; /* weak */
	uint32_t id;
	struct hv_fake_step *read; /* the step whose answer is in data, or NULL */
	uint8_t data[8];
};

void hv_fake_init(struct hv_fake *fake)
{
	*fake = (struct hv_fake){ .lock = PTHREAD_MUTEX_INITIALIZER,
				  .kicked = PTHREAD_COND_INITIALIZER };
	for (size_t i = 0; i < countof(fake->line); i++)
		fake->line[i].fd = -1;
}

void hv_fake_finish(struct hv_fake *fake)
{
	(void)pthread_cond_destroy(&fake->kicked);
	(void)pthread_mutex_destroy(&fake->lock);
}

static int vm_create(const struct hv_config *config, struct hv_vm **ret, struct err *err)
{
	struct fake_vm *vm;

	if (config->fake->fail_vm < 0)
		return err_set_errno(err, config->fake->fail_vm, "the script wants no VM");
	vm = calloc(1, sizeof(*vm));
	if (vm == NULL)
		return err_set_errno(err, -ENOMEM, "cannot make a VM");
	vm->fake = config->fake;
	*ret = &vm->base;
	return 0;
}

static void vm_destroy(struct hv_vm *base)
{
	free(base);
}

static struct hv_fake *fake_of(struct hv_vm *base)
{
	return ((struct fake_vm *)base)->fake;
}

static int mem_map(struct hv_vm *base, uint64_t gpa, void *host, uint64_t size)
{
	struct hv_fake *fake = fake_of(base);

	if (fake->memory_count == countof(fake->memory))
		return -ENOSPC;
	fake->memory[fake->memory_count++] =
		(struct hv_fake_memory){ .gpa = gpa, .size = size, .host = host };
	return 0;
}

static int irq_set(struct hv_vm *base, uint32_t line, bool level)
{
	struct hv_fake *fake = fake_of(base);

	if (line >= countof(fake->line))
		return -EINVAL;
	(void)pthread_mutex_lock(&fake->lock);
	fake->line[line].rises += level && !fake->line[line].level;
	fake->line[line].level = level;
	(void)pthread_mutex_unlock(&fake->lock);
	return 0;
}

static int irq_fd(struct hv_vm *base, uint32_t line, int fd)
{
	struct hv_fake *fake = fake_of(base);

	if (line >= countof(fake->line))
		return -EINVAL;
	fake->line[line].fd = fd;
	return 0;
}

static int doorbell(struct hv_vm *base, uint64_t gpa, uint32_t value, int fd)
{
	struct hv_fake *fake = fake_of(base);

	if (fake->doorbell_count == countof(fake->doorbell))
		return -ENOSPC;
	fake->doorbell[fake->doorbell_count++] =
		(struct hv_fake_doorbell){ .gpa = gpa, .value = value, .fd = fd };
	return 0;
}

static int vcpu_create(struct hv_vm *base, uint32_t id, struct hv_vcpu **ret, struct err *err)
{
	struct hv_fake *fake = fake_of(base);
	struct fake_vcpu *vcpu;

	if (fake->fail_vcpu < 0)
		return err_set_errno(err, fake->fail_vcpu, "the script wants no vCPU %u", id);
	if (id >= HV_FAKE_CPUS)
		return err_set(err, -EINVAL, "the script has no vCPU %u", id);
	vcpu = calloc(1, sizeof(*vcpu));
	if (vcpu == NULL)
		return err_set_errno(err, -ENOMEM, "cannot make vCPU %u", id);
	vcpu->fake = fake;
	vcpu->id = id;
	*ret = &vcpu->base;
	return 0;
}

static void vcpu_destroy(struct hv_vcpu *base)
{
	free(base);
}

static int vcpu_enter_at(struct hv_vcpu *base, const struct hv_entry *entry)
{
	struct fake_vcpu *vcpu = (struct fake_vcpu *)base;

	if (vcpu->id == 0)
		vcpu->fake->entry = *entry;
	return 0;
}

static bool take_kick(struct fake_vcpu *vcpu, bool wait)
{
	struct hv_fake *fake = vcpu->fake;
	bool kicked;

	(void)pthread_mutex_lock(&fake->lock);
	while (wait && !fake->kick[vcpu->id])
		(void)pthread_cond_wait(&fake->kicked, &fake->lock);
	kicked = fake->kick[vcpu->id];
	fake->kick[vcpu->id] = false;
	(void)pthread_mutex_unlock(&fake->lock);
	return kicked;
}

static struct hv_exit play(struct fake_vcpu *vcpu, struct hv_fake_step *step)
{
	struct hv_exit exit = { .kind = step->kind, .reason = step->reason };

	if (step->before != NULL)
		step->before(step->ctx);
	if (step->kind == HV_EXIT_FAIL)
		exit.why = "the script says so";
	if (step->kind != HV_EXIT_MMIO && step->kind != HV_EXIT_PIO)
		return exit;
	le64_store(vcpu->data, step->write ? step->value : 0);
	exit.access = (struct hv_access){ .address = step->address,
					  .width = step->width,
					  .count = step->count > 0 ? step->count : 1,
					  .write = step->write,
					  .data = vcpu->data };
	if (!step->write)
		vcpu->read = step;
	return exit;
}

static void vcpu_run(struct hv_vcpu *base, struct hv_exit *ret)
{
	struct fake_vcpu *vcpu = (struct fake_vcpu *)base;
	struct hv_fake_script *script = &vcpu->fake->cpu[vcpu->id];

	if (vcpu->read != NULL) {
		vcpu->read->value = le64_load(vcpu->data);
		vcpu->read = NULL;
	}
	if (take_kick(vcpu, script->next == script->count))
		*ret = (struct hv_exit){ .kind = HV_EXIT_INTERRUPTED };
	else
		*ret = play(vcpu, &script->steps[script->next++]);
}

static void vcpu_kick(struct hv_vcpu *base)
{
	struct fake_vcpu *vcpu = (struct fake_vcpu *)base;

	(void)pthread_mutex_lock(&vcpu->fake->lock);
	vcpu->fake->kick[vcpu->id] = true;
	(void)pthread_cond_broadcast(&vcpu->fake->kicked);
	(void)pthread_mutex_unlock(&vcpu->fake->lock);
}

#define FAKE_MANDATORY                                                                        \
	.name = "fake", .vm_create = vm_create, .vm_destroy = vm_destroy, .mem_map = mem_map, \
	.irq_set = irq_set, .vcpu_create = vcpu_create, .vcpu_destroy = vcpu_destroy,         \
	.vcpu_enter_at = vcpu_enter_at, .vcpu_run = vcpu_run, .vcpu_kick = vcpu_kick

const struct hv_impl hv_fake_full = { FAKE_MANDATORY, .irq_fd = irq_fd, .doorbell = doorbell };
const struct hv_impl hv_fake_plain = { FAKE_MANDATORY };
