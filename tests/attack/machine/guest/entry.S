/*
 * Where the hostile guest begins, on each of its processors. The first comes in
 * 64-bit mode with the machine's first page tables and GDT, which it keeps; the
 * second in real mode, at the page that its start-up signal names, and takes
 * over both.
 */
#define CODE_SELECTOR 0x10
#define DATA_SELECTOR 0x18
#define CR4_PAE 0x20
#define CR0_PROTECTED_PAGED 0x80000001
#define MSR_EFER 0xc0000080
#define EFER_LONG_MODE 0x100
#define STACK 0x4000
#define LAPIC_END_OF_INTERRUPT 0xfee000b0

	.section .text.entry, "ax"
	.globl	_start
_start:
	lea	first_stack_top(%rip), %rsp
	mov	%rsi, %rdi
	call	board_begin
1:	hlt
	jmp	1b

	/* What woke us is looked for by whoever halted. */
	.globl	interrupted
interrupted:
	push	%rax
	mov	$LAPIC_END_OF_INTERRUPT, %eax
	movl	$0, (%rax)
	pop	%rax
	iretq

	/* Copied to SECOND_PAGE; addresses are counted from there. */
	.globl	second_begin, second_end, second_gdt, second_cr3, second_target
	.code16
second_begin:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	second_gdt - second_begin
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	second_cr3 - second_begin, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LONG_MODE, %eax
	wrmsr
	mov	$CR0_PROTECTED_PAGED, %eax
	mov	%eax, %cr0
	ljmpl	*(second_target - second_begin)
	.p2align 3
second_gdt:
	.word	0, 0, 0, 0
second_cr3:
	.long	0
second_target:
	.long	second_long
	.word	CODE_SELECTOR
second_end:

	.code64
second_long:
	mov	$DATA_SELECTOR, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	lea	second_stack_top(%rip), %rsp
	call	board_second
2:	hlt
	jmp	2b

	.section .bss
	.p2align 4
	.skip	STACK
first_stack_top:
	.skip	STACK
second_stack_top:

	.section .note.GNU-stack, "", @progbits
