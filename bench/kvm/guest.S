/*
 * A kernel that does nothing but what costs an exit, over and over, and prints a letter on the
 * console before each part: 'm' reads of a virtio-mmio register, 'p' reads of a port, 'd' rings of
 * a doorbell of the entropy device with nothing to do for it, 'r' requests of one byte to it, each
 * waited for by its interrupt; 'e' the end. Entered by Linux's 64-bit protocol it stands on
 * sbx-vmm's board, by PVH (32-bit mode, no paging) on that of QEMU's microvm.
 */
#define TIMES 20000
#define REQUESTS 5000

#define SBX_DEVICE 0xd0000000 /* the entropy device, and its line */
#define SBX_LINE 5
#define QEMU_DEVICE 0xfeb00e00
#define QEMU_LINE 12

#define CONSOLE 0x3f8
#define CONSOLE_STATUS 0x3fd
#define LAPIC 0xfee00000
#define IOAPIC 0xfec00000
#define VECTOR 0x40

/* virtio 1.2, 4.2.2 */
#define MAGIC 0x00
#define DRIVER_FEATURES 0x20
#define DRIVER_FEATURES_SEL 0x24
#define QUEUE_NUM 0x38
#define QUEUE_READY 0x44
#define QUEUE_NOTIFY 0x50
#define INTERRUPT_ACK 0x64
#define STATUS 0x70
#define QUEUE_DESC 0x80
#define QUEUE_AVAIL 0x90
#define QUEUE_USED 0xa0

	/* XEN_ELFNOTE_PHYS32_ENTRY */
	.section .note.pvh, "a", @note
	.p2align 2
	.long	4, 4, 18
	.asciz	"Xen"
	.long	enter32

	.text
	.code32
enter32:
	cld
	mov	$directories, %edi
	mov	$0x83, %eax /* present, writable, 2 MiB */
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	1b
	mov	$directories + 3, %eax
	mov	$middle, %edi
	mov	$4, %ecx
2:	mov	%eax, (%edi)
	add	$8, %edi
	add	$4096, %eax
	loop	2b
	movl	$middle + 3, top
	mov	$top, %eax
	mov	%eax, %cr3
	mov	$0x20, %eax /* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	mov	$0x100, %eax /* EFER.LME */
	xor	%edx, %edx
	wrmsr
	lgdt	gdt_pointer
	mov	$0x80000011, %eax /* paging, protection */
	mov	%eax, %cr0
	ljmp	$0x10, $on_qemu

	.code64
on_qemu:
	mov	$0x18, %eax
	mov	%eax, %ss
	mov	$QEMU_DEVICE, %ebx
	mov	$QEMU_LINE, %ebp
	jmp	begin

	.globl	_start
_start:
	mov	$SBX_DEVICE, %ebx
	mov	$SBX_LINE, %ebp
begin:
	mov	$stack_top, %esp

.macro mark letter
	mov	$CONSOLE, %dx
	mov	$\letter, %al
	out	%al, %dx
	mov	$'\n', %al
	out	%al, %dx
.endm
.macro set register, value
	movl	$\value, \register(%rbx)
.endm

	mark	'm'
	mov	$TIMES, %ecx
1:	mov	MAGIC(%rbx), %eax
	dec	%ecx
	jnz	1b

	mark	'p'
	mov	$CONSOLE_STATUS, %dx
	mov	$TIMES, %ecx
1:	in	%dx, %al
	dec	%ecx
	jnz	1b

	set	STATUS, 0
	set	STATUS, 3
	set	DRIVER_FEATURES_SEL, 1
	set	DRIVER_FEATURES, 1 /* VIRTIO_F_VERSION_1 */
	set	STATUS, 0xb
	set	QUEUE_NUM, 8
	set	QUEUE_DESC, descriptors
	set	QUEUE_AVAIL, available
	set	QUEUE_USED, used
	set	QUEUE_READY, 1
	set	STATUS, 0xf

	mark	'd'
	xor	%eax, %eax
	mov	$TIMES, %ecx
1:	mov	%eax, QUEUE_NOTIFY(%rbx)
	dec	%ecx
	jnz	1b

	/* The line becomes an interrupt that wakes. */
	mov	$handler, %eax
	mov	$idt + 16 * VECTOR, %edi
	mov	%ax, (%rdi)
	movl	$0x8e000010, 2(%rdi)
	shr	$16, %eax
	mov	%ax, 6(%rdi)
	lidt	idt_pointer
	mov	$LAPIC, %edi
	movl	$0x1ff, 0xf0(%rdi)
	movl	$0x10000, 0x350(%rdi)
	mov	$IOAPIC, %edi
	lea	0x11(,%ebp,2), %eax
	mov	%eax, (%rdi)
	movl	$0, 0x10(%rdi)
	dec	%eax
	mov	%eax, (%rdi)
	movl	$VECTOR, 0x10(%rdi)

	mark	'r'
	movl	$byte, descriptors
	movl	$1, descriptors + 8
	movw	$2, descriptors + 12 /* the device writes */
	xor	%ecx, %ecx
1:	inc	%ecx
	mov	%cx, available + 2
	mfence
	set	QUEUE_NOTIFY, 0
2:	cli
	cmp	%cx, used + 2
	je	3f
	sti
	hlt
	jmp	2b
3:	sti
	cmp	$REQUESTS, %ecx
	jne	1b

	mark	'e'
1:	pause
	jmp	1b

handler:
	push	%rdi
	set	INTERRUPT_ACK, 1
	mov	$LAPIC, %edi
	movl	$0, 0xb0(%rdi)
	pop	%rdi
	iretq

	.p2align 3
gdt:	.quad	0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	31
	.long	gdt
idt_pointer:
	.word	0xfff
	.quad	idt

	.bss
	.p2align 12
top:	.skip	4096
middle:	.skip	4096
directories:
	.skip	4 * 4096
idt:	.skip	4096
descriptors:
	.skip	4096
available:
	.skip	4096
used:	.skip	4096
	.skip	4096
stack_top:
byte:	.skip	4096

	.section .note.GNU-stack, "", @progbits
