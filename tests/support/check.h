/* tests/support/check.h — cmocka with the headers that it wants before it, and TEST. */
#ifndef PINION_TESTS_SUPPORT_CHECK_H
#define PINION_TESTS_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define TEST(name) static void name(void **state __attribute__((unused)))

#endif
