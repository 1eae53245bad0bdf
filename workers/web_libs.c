#include "workers/web_libs.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct web_libs web;

enum lib { LIB_CURL, LIB_CRYPTO, LIBS };

/* The names of their interfaces: a library that changes that has another one. */
static const char *const lib_names[LIBS] = {
    [LIB_CURL] = "libcurl.so.4",
    [LIB_CRYPTO] = "libcrypto.so.3",
};

#define FIELD(name) offsetof(struct web_libs, name)

/* clang-format off */
static const struct {
    enum lib lib;
    const char *name;
    size_t field;
} calls[] = {
    {LIB_CURL,   "curl_version_info",        FIELD(version_info)},
    {LIB_CURL,   "curl_global_init",         FIELD(global_init)},
    {LIB_CURL,   "curl_global_cleanup",      FIELD(global_cleanup)},
    {LIB_CURL,   "curl_easy_init",           FIELD(easy_init)},
    {LIB_CURL,   "curl_easy_cleanup",        FIELD(easy_cleanup)},
    {LIB_CURL,   "curl_easy_setopt",         FIELD(easy_setopt)},
    {LIB_CURL,   "curl_easy_getinfo",        FIELD(easy_getinfo)},
    {LIB_CURL,   "curl_easy_strerror",       FIELD(easy_strerror)},
    {LIB_CURL,   "curl_multi_init",          FIELD(multi_init)},
    {LIB_CURL,   "curl_multi_cleanup",       FIELD(multi_cleanup)},
    {LIB_CURL,   "curl_multi_setopt",        FIELD(multi_setopt)},
    {LIB_CURL,   "curl_multi_add_handle",    FIELD(multi_add_handle)},
    {LIB_CURL,   "curl_multi_remove_handle", FIELD(multi_remove_handle)},
    {LIB_CURL,   "curl_multi_socket_action", FIELD(multi_socket_action)},
    {LIB_CURL,   "curl_multi_info_read",     FIELD(multi_info_read)},
    {LIB_CURL,   "curl_multi_assign",        FIELD(multi_assign)},
    {LIB_CURL,   "curl_slist_append",        FIELD(slist_append)},
    {LIB_CURL,   "curl_slist_free_all",      FIELD(slist_free_all)},
    {LIB_CURL,   "curl_url",                 FIELD(url)},
    {LIB_CURL,   "curl_url_cleanup",         FIELD(url_cleanup)},
    {LIB_CURL,   "curl_url_set",             FIELD(url_set)},
    {LIB_CURL,   "curl_url_get",             FIELD(url_get)},
    {LIB_CURL,   "curl_free",                FIELD(free)},
    {LIB_CURL,   "curl_getdate",             FIELD(getdate)},
    {LIB_CRYPTO, "HMAC",                     FIELD(hmac)},
    {LIB_CRYPTO, "EVP_sha256",               FIELD(sha256)},
};
/* clang-format on */

_Static_assert(countof(calls) * sizeof(void *) == sizeof(struct web_libs), "each call has a row");
_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, too");

enum pinion_err web_libs_load(struct error *why)
{
    static bool is_loaded;
    struct web_libs found;
    void *libs[LIBS];

    if (is_loaded) return PINION_OK;
    for (unsigned i = 0; i < LIBS; i++) {
        libs[i] = dlopen(lib_names[i], RTLD_NOW | RTLD_LOCAL);
        if (!libs[i])
            return error_set(why, PINION_UNAVAILABLE, "webhooks need %s: %s", lib_names[i],
                             dlerror());
    }
    for (size_t i = 0; i < countof(calls); i++) {
        void *call = dlsym(libs[calls[i].lib], calls[i].name);
        if (!call)
            return error_set(why, PINION_UNAVAILABLE, "webhooks need a newer %s, one with %s",
                             lib_names[calls[i].lib], calls[i].name);
        memcpy((char *)&found + calls[i].field, &call, sizeof call);
    }
    web = found; /* for good: what a library leaves behind would not survive its end */
    is_loaded = true;
    return PINION_OK;
}
