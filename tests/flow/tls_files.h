/* tests/flow/tls_files.h — certificates for localhost and 127.0.0.1, made on the spot. */
#ifndef PINION_TESTS_FLOW_TLS_FILES_H
#define PINION_TESTS_FLOW_TLS_FILES_H

/* Its number tells one certificate from another; it is valid for this many days from now on, which
 * may be behind us. The key goes to `key`; "" for `cert` or `key`: not written. */
void tls_files_make(const char *cert, const char *key, long number, long days);

#endif
