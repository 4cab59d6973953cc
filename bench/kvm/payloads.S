/*
 * Guests that do one thing over and over; entered in 64-bit mode at 0x8000,
 * the first 4 GiB mapped onto themselves. RSI: how often.
 */
	.section .rodata

.macro payload name
	.globl \name
	.p2align 4
\name:
.endm
.macro end name
	.globl \name\()_end
\name\()_end:
.endm

	payload payload_mmio
	mov	$0xd0000000, %ebx
1:	mov	(%rbx), %eax
	jmp	1b
	end payload_mmio

	payload payload_port
	mov	$0x3f8, %dx
1:	in	%dx, %al
	jmp	1b
	end payload_port

	payload payload_doorbell
	mov	$0xd0000050, %ebx
	xor	%eax, %eax
1:	mov	%eax, (%rbx)
	dec	%rsi
	jnz	1b
	out	%al, $0xe9
	hlt
	end payload_doorbell

	/* Each interrupt of line 5 is answered by the doorbell; between them it halts. */
	payload payload_echo
	lea	handler(%rip), %rax
	mov	$0x9400, %ebx
	mov	%ax, (%rbx)
	movw	$0x10, 2(%rbx)
	movw	$0x8e00, 4(%rbx)
	shr	$16, %rax
	mov	%ax, 6(%rbx)
	movq	$0, 8(%rbx)
	lidt	idt_pointer(%rip)
	mov	$0xfee00000, %ebx
	movl	$0x1ff, 0xf0(%rbx)
	movl	$0x10000, 0x350(%rbx)
	mov	$0xfec00000, %ebx
	movl	$0x1b, (%rbx)
	movl	$0, 0x10(%rbx)
	movl	$0x1a, (%rbx)
	movl	$0x40, 0x10(%rbx)
	mov	$0xd0000050, %edi
	movl	$0, (%rdi)
1:	sti
	hlt
	jmp	1b
handler:
	movl	$0, (%rdi)
	mov	$0xfee00000, %ecx
	movl	$0, 0xb0(%rcx)
	iretq
	.p2align 3
idt_pointer:
	.word	0xfff
	.quad	0x9000
	end payload_echo

	.section .note.GNU-stack, "", @progbits
