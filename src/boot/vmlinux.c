#include "boot/vmlinux.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "boot/layout.h"

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{ EM_386, "32-bit x86" }, { EM_AARCH64, "arm64" },    { EM_ARM, "32-bit ARM" },
	{ EM_RISCV, "RISC-V" },	  { EM_PPC64, "PowerPC 64" }, { EM_S390, "s390" },
};

static int check_machine(uint16_t machine, struct err *err)
{
	if (machine == EM_X86_64)
		return 0;
	for (size_t i = 0; i < countof(machines); i++)
		if (machines[i].machine == machine)
			return err_set(err, -ENOEXEC,
				       "the kernel is for %s, this machine runs x86-64",
				       machines[i].name);
	return err_set(err, -ENOEXEC, "the kernel is for ELF machine %u, this machine runs x86-64",
		       machine);
}

static int check_header(const Elf64_Ehdr *header, size_t len, struct err *err)
{
	int r = check_machine(header->e_machine, err);

	if (r < 0)
		return r;
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, -ENOEXEC, "the kernel is no 64-bit little-endian ELF file");
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return err_set(err, -ENOEXEC, "the kernel is an ELF file that cannot be run");
	if (header->e_phentsize != sizeof(Elf64_Phdr) ||
	    !range_within(header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr), len))
		return err_set(err, -ENOEXEC, "the kernel's ELF program headers are damaged");
	return 0;
}

static bool overlaps(const struct vmlinux *image, const struct vmlinux_segment *segment)
{
	for (size_t i = 0; i < image->count; i++) {
		const struct vmlinux_segment *other = &image->segment[i];

		if (segment->gpa < other->gpa + other->size &&
		    other->gpa < segment->gpa + segment->size)
			return true;
	}
	return false;
}

static int add_segment(struct vmlinux *image, const Elf64_Phdr *program, uint64_t file_size,
		       uint64_t ram_end, struct err *err)
{
	struct vmlinux_segment segment = { .file_offset = program->p_offset,
					   .file_size = program->p_filesz,
					   .gpa = program->p_paddr,
					   .size = program->p_memsz };

	if (segment.size == 0)
		return 0;
	if (image->count == VMLINUX_SEGMENTS_MAX)
		return err_set(err, -ENOEXEC, "the kernel has more than %d parts",
			       VMLINUX_SEGMENTS_MAX);
	if (segment.file_size > segment.size ||
	    !range_within(segment.file_offset, segment.file_size, file_size))
		return err_set(err, -ENOEXEC, "the kernel file is cut short or damaged");
	if (segment.gpa < LAYOUT_HIGH)
		return err_set(err, -ENOEXEC,
			       "the kernel wants to be loaded at 0x%llx, below 1 MiB",
			       (unsigned long long)segment.gpa);
	if (!range_within(segment.gpa, segment.size, ram_end))
		return err_set(err, -ENOMEM,
			       "the kernel does not fit into the guest's memory; give it more");
	if (overlaps(image, &segment))
		return err_set(err, -ENOEXEC, "parts of the kernel lie on each other");
	image->segment[image->count++] = segment;
	image->end = max_of(image->end, segment.gpa + segment.size);
	return 0;
}

static bool is_loaded(const struct vmlinux *image, uint64_t gpa)
{
	for (size_t i = 0; i < image->count; i++)
		if (gpa >= image->segment[i].gpa &&
		    gpa - image->segment[i].gpa < image->segment[i].file_size)
			return true;
	return false;
}

int vmlinux_parse(const uint8_t *head, size_t len, uint64_t file_size, uint64_t ram_end,
		  struct vmlinux *ret, struct err *err)
{
	struct vmlinux image = { 0 };
	Elf64_Ehdr header;
	int r;

	if (len < sizeof(header) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return err_set(err, -ENOEXEC, "the kernel is no ELF file");
	memcpy(&header, head, sizeof(header));
	r = check_header(&header, len, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr program;

		memcpy(&program, head + header.e_phoff + i * sizeof(program), sizeof(program));
		if (program.p_type != PT_LOAD)
			continue;
		r = add_segment(&image, &program, file_size, ram_end, err);
		if (r < 0)
			return r;
	}
	if (!is_loaded(&image, header.e_entry))
		return err_set(err, -ENOEXEC, "the kernel's entry is not part of it");
	image.entry = header.e_entry;
	*ret = image;
	return 0;
}
