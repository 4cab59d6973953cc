#include "tests/unit/sbx-vmm/script.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/loop.h"
#include "boot/layout.h"
#include "tests/unit/boot/image.h"

static void ended(void *ctx)
{
	loop_stop(((struct fixture *)ctx)->loop);
}

bool script_init(struct fixture *f)
{
	struct image image;

	*f = (struct fixture){ .err = ERR_INIT, .hv = &hv_fake_full };
	hv_fake_init(&f->fake);
	image_init(&image);
	f->options = (struct options){ .kvm = -1,
				       .control = -1,
				       .console = -1,
				       .initramfs = -1,
				       .cpus = 1,
				       .memory_bytes = 64 << 20,
				       .cmdline = "quiet" };
	f->options.kernel = memfd_create("kernel", MFD_CLOEXEC);
	return write(f->options.kernel, &image, sizeof(image)) == (ssize_t)sizeof(image) &&
	       loop_create(&f->loop) == 0;
}

void script_finish(struct fixture *f)
{
	machine_destroy(f->machine);
	loop_destroy(f->loop);
	hv_fake_finish(&f->fake);
	(void)close(f->options.kernel);
}

struct hv_fake_step *script_add(struct fixture *f, struct hv_fake_step step)
{
	f->steps[f->count] = step;
	return &f->steps[f->count++];
}

struct hv_fake_step *script_register(struct fixture *f, unsigned slot, uint32_t offset, bool write,
				     uint32_t value)
{
	return script_add(f,
			  (struct hv_fake_step){ .kind = HV_EXIT_MMIO,
						 .address = LAYOUT_MMIO + 0x1000ull * slot + offset,
						 .width = 4,
						 .write = write,
						 .value = value });
}

void script_out(struct fixture *f, uint16_t port, uint8_t value)
{
	(void)script_add(f, (struct hv_fake_step){ .kind = HV_EXIT_PIO,
						   .address = port,
						   .width = 1,
						   .write = true,
						   .value = value });
}

/* The steps by which a driver brings up one queue of a device. */
void script_bring_up(struct fixture *f, unsigned slot, uint32_t queue, uint32_t features)
{
	static const uint32_t places[][2] = { { 0x80, DESC }, { 0x90, AVAIL }, { 0xa0, USED } };

	(void)script_register(f, slot, 0x70, true, 1);
	(void)script_register(f, slot, 0x70, true, 3);
	(void)script_register(f, slot, 0x24, true, 1);
	(void)script_register(f, slot, 0x20, true, 1);
	(void)script_register(f, slot, 0x24, true, 0);
	(void)script_register(f, slot, 0x20, true, features);
	(void)script_register(f, slot, 0x70, true, 0xb);
	(void)script_register(f, slot, 0x30, true, queue);
	(void)script_register(f, slot, 0x38, true, 8);
	for (size_t i = 0; i < countof(places); i++)
		(void)script_register(f, slot, places[i][0], true, places[i][1]);
	(void)script_register(f, slot, 0x44, true, 1);
	(void)script_register(f, slot, 0x70, true, 0xf);
}

uint8_t *script_ram(struct fixture *f)
{
	return f->fake.memory[0].host;
}

/* One chain of one buffer is there for the taking. */
void script_offer(void *ctx)
{
	struct fixture *f = ctx;
	uint8_t *desc = script_ram(f) + DESC;

	le64_store(desc, BUFFER);
	le32_store(desc + 8, 64);
	le16_store(desc + 12, 2); /* the device writes */
	le16_store(script_ram(f) + AVAIL + 4, 0);
	__atomic_store_n((uint16_t *)(script_ram(f) + AVAIL + 2), 1, __ATOMIC_RELEASE);
}

/* Waits, in the place of the guest, until the chain was used. */
void script_await_used(void *ctx)
{
	const uint16_t *index = (const uint16_t *)(script_ram(ctx) + USED + 2);

	while (__atomic_load_n(index, __ATOMIC_ACQUIRE) != 1)
		(void)usleep(100);
}

int script_build(struct fixture *f)
{
	struct machine_config config = { .hv = f->hv,
					 .fake = &f->fake,
					 .options = &f->options,
					 .loop = f->loop,
					 .ended = ended,
					 .ctx = f };

	f->fake.cpu[0] = (struct hv_fake_script){ .steps = f->steps, .count = f->count };
	return machine_create(&config, &f->machine, &f->err);
}

/* Builds and runs until it ends. */
enum vmm_state script_run(struct fixture *f)
{
	if (script_build(f) < 0) {
		printf("# %s\n", f->err.text);
		return VMM_FAILED;
	}
	machine_go(f->machine);
	(void)loop_run(f->loop);
	machine_report(f->machine, &f->answer);
	return f->answer.state;
}
