/* tests/support/no_pidfd.h — a kernel without pidfd, as valgrind shows it to a program, or
 * without clone3, as systemd's sandbox shows it. */
#ifndef PINION_TESTS_SUPPORT_NO_PIDFD_H
#define PINION_TESTS_SUPPORT_NO_PIDFD_H

/* With PINION_TEST_NO_PIDFD in the environment: from here on pidfd_open answers ENOSYS, in this
 * process and its children. For a test's main. Aborts if it cannot. */
void no_pidfd_if_asked(void);
/* The same with PINION_TEST_NO_CLONE3 and clone3. */
void no_clone3_if_asked(void);

#endif
