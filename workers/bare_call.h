/* workers/bare_call.h — a system call and nothing else: it leaves errno alone.
 *
 * For a child that borrows the memory of a thread, and with it that thread's errno, while the
 * thread goes on. A dozen instructions on x86-64 and aarch64. Elsewhere, or with
 * PINION_BARE_BY_LIBRARY defined, it goes through the library, which writes to errno: then the
 * thread has to stand still.
 */
#ifndef PINION_WORKERS_BARE_CALL_H
#define PINION_WORKERS_BARE_CALL_H

#include <sys/syscall.h>

/* For what a child does in our memory: a sanitizer must not look at it. */
#define in_child __attribute__((no_sanitize("address", "undefined", "thread")))

#if !defined __x86_64__ && !defined __aarch64__ && !defined PINION_BARE_BY_LIBRARY
#define PINION_BARE_BY_LIBRARY
#endif

/* What the kernel answers: -4095 to -1 is an error, as in errno, but negative. */
#ifdef PINION_BARE_BY_LIBRARY
#include <errno.h>
#include <unistd.h>

in_child static inline long bare_call(long number, long a, long b, long c, long d, long e)
{
    long answer = syscall(number, a, b, c, d, e);

    return answer == -1 ? -errno : answer;
}
#elif defined __x86_64__
in_child static inline long bare_call(long number, long a, long b, long c, long d, long e)
{
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    long answer;

    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return answer;
}
#else /* __aarch64__ */
in_child static inline long bare_call(long number, long a, long b, long c, long d, long e)
{
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register long fifth __asm__("x4") = e;
    register long which __asm__("x8") = number;

    __asm__ volatile("svc #0"
                     : "+r"(first)
                     : "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(which)
                     : "memory");
    return first;
}
#endif

#endif
