/* workers/web_libs.h — libcurl and libcrypto, loaded when the first webhook is named.
 *
 * Linked, they and the thirty libraries behind them would cost every command of this program 8 ms
 * at its start (docs/decisions/0012). The calls are as their own headers say.
 */
#ifndef PINION_WORKERS_WEB_LIBS_H
#define PINION_WORKERS_WEB_LIBS_H

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/error.h"

struct web_libs {
    __typeof__(curl_version_info)        *version_info;
    __typeof__(curl_global_init)         *global_init;
    __typeof__(curl_global_cleanup)      *global_cleanup;
    __typeof__(curl_easy_init)           *easy_init;
    __typeof__(curl_easy_cleanup)        *easy_cleanup;
    __typeof__(curl_easy_setopt)         *easy_setopt;
    __typeof__(curl_easy_getinfo)        *easy_getinfo;
    __typeof__(curl_easy_strerror)       *easy_strerror;
    __typeof__(curl_multi_init)          *multi_init;
    __typeof__(curl_multi_cleanup)       *multi_cleanup;
    __typeof__(curl_multi_setopt)        *multi_setopt;
    __typeof__(curl_multi_add_handle)    *multi_add_handle;
    __typeof__(curl_multi_remove_handle) *multi_remove_handle;
    __typeof__(curl_multi_socket_action) *multi_socket_action;
    __typeof__(curl_multi_info_read)     *multi_info_read;
    __typeof__(curl_multi_assign)        *multi_assign;
    __typeof__(curl_slist_append)        *slist_append;
    __typeof__(curl_slist_free_all)      *slist_free_all;
    __typeof__(curl_url)                 *url;
    __typeof__(curl_url_cleanup)         *url_cleanup;
    __typeof__(curl_url_set)             *url_set;
    __typeof__(curl_url_get)             *url_get;
    __typeof__(curl_free)                *free;
    __typeof__(curl_getdate)             *getdate;
    __typeof__(HMAC)                     *hmac;
    __typeof__(EVP_sha256)               *sha256;
};

extern struct web_libs web; /* filled by web_libs_load */

/* Once, or again: no-op. PINION_UNAVAILABLE: one of them is not installed, or too old. One thread
 * at a time. */
enum pinion_err web_libs_load(struct error *why) must_use;

#endif
