/* What is kept lies on the stack that is left, below its return address:
 *
 *      x86-64   sp ──► control words, r15 r14 r13 r12 rbx rbp, return address
 *      aarch64  sp ──► x19 .. x28, x29, x30 (the return address), d8 .. d15
 *
 * A new stack looks as if it had been left in the same way, just before context_first.
 */
#include "workers/context.h"

#include <stdint.h>
#include <string.h>

#ifdef PINION_CONTEXT_BY_LIBRARY

/* makecontext() hands over int arguments only. */
static void first(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
    context_fn *entry = (context_fn *)(((uintptr_t)entry_high << 16 << 16) | entry_low);

    entry((void *)(((uintptr_t)arg_high << 16 << 16) | arg_low));
}

void context_make(struct context *c, void *base, size_t bytes, context_fn *entry, void *arg)
{
    uintptr_t e = (uintptr_t)entry, a = (uintptr_t)arg;

    getcontext(&c->library);
    c->library.uc_stack.ss_sp = base;
    c->library.uc_stack.ss_size = bytes;
    c->library.uc_link = NULL;
    makecontext(&c->library, (void (*)(void))first, 4, (unsigned)(e >> 16 >> 16), (unsigned)e,
                (unsigned)(a >> 16 >> 16), (unsigned)a);
}

void context_switch(struct context *from, struct context *to)
{
    swapcontext(&from->library, &to->library);
}

#else

void context_jump(void **save_sp, void *sp);
void context_first(void);

#ifdef __x86_64__

__asm__(".text\n"
        ".hidden context_jump, context_first\n"
        ".globl context_jump, context_first\n"
        ".type context_jump, @function\n"
        "context_jump:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size context_jump, . - context_jump\n"
        ".type context_first, @function\n"
        "context_first:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n" /* nobody called it: here a backtrace ends */
        "    movq %r13, %rdi\n"
        "    call *%r12\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size context_first, . - context_first\n");

/* Of the words at sp, in the order in which context_jump takes them off. */
enum { CONTROL, R15, R14, R13, R12, RBX, RBP, RETURN, WORDS };

void context_make(struct context *c, void *base, size_t bytes, context_fn *entry, void *arg)
{
    uintptr_t top = ((uintptr_t)base + bytes) & ~(uintptr_t)15;
    uint64_t *word = (uint64_t *)(top - 16 - WORDS * sizeof *word); /* aligned at the call */
    uint32_t mxcsr;
    uint16_t fpu;

    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(fpu));
    memset(word, 0, 16 + WORDS * sizeof *word);
    word[CONTROL] = (uint64_t)fpu << 32 | mxcsr;
    word[R12] = (uintptr_t)entry;
    word[R13] = (uintptr_t)arg;
    word[RETURN] = (uintptr_t)context_first;
    c->sp = word;
}

#else /* __aarch64__ */

__asm__(".text\n"
        ".hidden context_jump\n"
        ".hidden context_first\n"
        ".globl context_jump\n"
        ".globl context_first\n"
        ".type context_jump, %function\n"
        "context_jump:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size context_jump, . - context_jump\n"
        ".type context_first, %function\n"
        "context_first:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined x30\n" /* nobody called it: here a backtrace ends */
        "    mov x0, x20\n"
        "    blr x19\n"
        "    brk #0\n"
        "    .cfi_endproc\n"
        ".size context_first, . - context_first\n");

enum { X19, X20, X30 = 11, WORDS = 20 };

void context_make(struct context *c, void *base, size_t bytes, context_fn *entry, void *arg)
{
    uintptr_t top = ((uintptr_t)base + bytes) & ~(uintptr_t)15;
    uint64_t *word = (uint64_t *)(top - WORDS * sizeof *word);

    memset(word, 0, WORDS * sizeof *word);
    word[X19] = (uintptr_t)entry;
    word[X20] = (uintptr_t)arg;
    word[X30] = (uintptr_t)context_first;
    c->sp = word;
}

#endif

void context_switch(struct context *from, struct context *to)
{
    context_jump(&from->sp, to->sp);
}

#endif
