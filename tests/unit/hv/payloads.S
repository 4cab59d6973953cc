/*
 * Guests of a few instructions. Each runs in 64-bit mode with the first 4 GiB
 * mapped onto themselves, its code copied to 0x8000, its stack below 0x100000,
 * RAM up to 0x200000. payload NAME makes NAME and NAME_end.
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

	/* A byte out, a word in and out again incremented, a string out, halt. */
	payload payload_ports
	mov	$0x5a, %al
	out	%al, $0xe9
	mov	$0x3f8, %dx
	in	%dx, %ax
	inc	%ax
	out	%ax, $0xe9
	lea	1f(%rip), %rsi
	mov	$3, %ecx
	mov	$0xe9, %dx
	rep outsb
	hlt
1:	.ascii	"abc"
	end payload_ports

	/* Writes of every width to what is no memory, then a read told back through a port. */
	payload payload_mmio
	mov	$0xd0000000, %ebx
	movb	$0x11, (%rbx)
	movw	$0x2222, 2(%rbx)
	movl	$0x33333333, 4(%rbx)
	mov	$0x4444444455555555, %rax
	mov	%rax, 8(%rbx)
	mov	0x100(%rbx), %eax
	out	%eax, $0xe9
	hlt
	end payload_mmio

	/* An exception without any IDT: the third fault on the way shuts the machine down. */
	payload payload_triple_fault
	lidt	1f(%rip)
	ud2
	.p2align 3
1:	.quad	0, 0
	end payload_triple_fault

	/* The keyboard controller's reset line, as Linux pulls it. */
	payload payload_reset
	mov	$0xfe, %al
	out	%al, $0x64
	hlt
	end payload_reset

	/* Fetches its next instruction from where no memory is. */
	payload payload_lost
	mov	$0xd0000000, %eax
	jmp	*%rax
	end payload_lost

	payload payload_spin
1:	pause
	jmp	1b
	end payload_spin

	/*
	 * Line 5 of the IOAPIC becomes vector 0x40; each interrupt is told through
	 * port 0xe9, between them the processor halts with interrupts on.
	 */
	payload payload_interrupts
	lea	handler(%rip), %rax
	mov	$0x9400, %ebx		/* entry 0x40 of an IDT at 0x9000 */
	mov	%ax, (%rbx)
	movw	$0x10, 2(%rbx)
	movw	$0x8e00, 4(%rbx)
	shr	$16, %rax
	mov	%ax, 6(%rbx)
	movq	$0, 8(%rbx)
	lidt	idt_pointer(%rip)
	mov	$0xfee00000, %ebx
	movl	$0x1ff, 0xf0(%rbx)	/* local APIC on, spurious vector 0xff */
	movl	$0x10000, 0x350(%rbx)	/* the old 8259 has no say */
	mov	$0xfec00000, %ebx
	movl	$0x1b, (%rbx)		/* redirection of line 5, high half: APIC 0 */
	movl	$0, 0x10(%rbx)
	movl	$0x1a, (%rbx)		/* low half: fixed, edge, vector 0x40 */
	movl	$0x40, 0x10(%rbx)
	mov	$0x52, %al		/* 'R': ready */
	out	%al, $0xe9
1:	sti
	hlt
	jmp	1b
handler:
	mov	$0x49, %al		/* 'I' */
	out	%al, $0xe9
	mov	$0xfee00000, %ecx
	movl	$0, 0xb0(%rcx)		/* end of interrupt */
	iretq
	.p2align 3
idt_pointer:
	.word	0xfff
	.quad	0x9000
	end payload_interrupts

	/*
	 * A producer: 1000 times, waits until its slot is empty, fills it with the
	 * next number and rings. RSI is 0 or 1; slot at 0x10000 + 64 * RSI, doorbell
	 * 0xd0000050 with value RSI.
	 */
	payload payload_producer
	mov	%rsi, %rbx
	shl	$6, %rbx
	add	$0x10000, %rbx
	mov	$0xd0000050, %edx
	mov	$1, %ecx
1:	cmpl	$0, (%rbx)
	je	2f
	pause
	jmp	1b
2:	mov	%ecx, (%rbx)
	mov	%esi, (%rdx)
	inc	%ecx
	cmp	$1000, %ecx
	jbe	1b
	hlt
	end payload_producer

	.section .note.GNU-stack, "", @progbits
