/* control/api/web.h — the dashboard, one page and its files, and what describes the API: embedded
 * in the program.
 *
 * They are the same for everybody and hold nothing of anybody's, so nobody needs a token for them;
 * what the page shows comes by /v1, with the token of whoever looks.
 */
#ifndef PINION_CONTROL_API_WEB_H
#define PINION_CONTROL_API_WEB_H

#include "control/http/route.h"

/* A file of control/web/, Chart.js of the distribution, or openapi.json: see
 * cmake/embed_web.cmake. */
struct web_file {
    const char *name, *type;
    const char *hash; /* of its bytes: its ETag, gzipped or not */
    const unsigned char *data;
    size_t len;
    const unsigned char *gzip; /* NULL: there was no gzip when it was built */
    size_t gzip_len;
};

extern const struct web_file web_files[]; /* made when it is built */
extern const size_t web_files_count;

route_fn web_page; /* GET / */
route_fn web_show; /* GET /web/{file} */
route_fn web_openapi; /* GET /openapi.json */

#endif
