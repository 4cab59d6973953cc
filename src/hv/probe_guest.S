/*
 * What a kernel does first, in a few instructions; see probe.h. Entered in
 * 64-bit mode at PROBE_CODE. Each stage is told through PROBE_PORT.
 */
#include "hv/probe_guest.h"

#define CR4_OSFXSR_OSXSAVE 0x40200
#define XCR0_X87_SSE 3
#define BREAKPOINT 3
#define INTERRUPT_GATE 0x8e00
#define CODE_SELECTOR 0x10

.macro tell stage
	mov	$\stage, %al
	out	%al, $PROBE_PORT
.endm

	.section .rodata
	.globl	probe_guest, probe_guest_end
	.p2align 4
probe_guest:
	tell	PROBE_ENTERED

	/* One gate, which counts in EBP. */
	xor	%ebp, %ebp
	lea	handler(%rip), %rax
	mov	$(PROBE_IDT + 16 * BREAKPOINT), %ebx
	mov	%ax, (%rbx)
	movw	$CODE_SELECTOR, 2(%rbx)
	movw	$INTERRUPT_GATE, 4(%rbx)
	shr	$16, %eax
	mov	%ax, 6(%rbx)
	lidt	idt_pointer(%rip)
	int3
	cmp	$1, %ebp
	jne	end
	tell	PROBE_TRAPPED

	mov	%cr4, %rax
	or	$CR4_OSFXSR_OSXSAVE, %rax
	mov	%rax, %cr4
	mov	$XCR0_X87_SSE, %eax
	xor	%edx, %edx
	xor	%ecx, %ecx
	xsetbv
	mov	$PROBE_XSAVE, %edi
	xsave	(%rdi)
	xrstor	(%rdi)
	tell	PROBE_RESTORED

	/* Memory, stack and arithmetic, as any kernel code. */
	mov	$PROBE_LOOPS, %ecx
1:	push	%rcx
	pop	%rax
	add	%rax, %rbx
	dec	%ecx
	jnz	1b
	tell	PROBE_LOOPED
end:
	hlt
	jmp	end

handler:
	inc	%ebp
	iretq

	.p2align 3
idt_pointer:
	.word	0xfff
	.quad	PROBE_IDT
probe_guest_end:

	.section .note.GNU-stack, "", @progbits
