/* tests/sim/timetable_node.h — a simulated server that has nothing but a timetable.
 *
 * node.h without workers: its heartbeat is an event that tells Redis's clock and the count of edits
 * as an answer would. What sim_link.h wants of a node is here.
 */
#ifndef PINION_TESTS_SIM_TIMETABLE_NODE_H
#define PINION_TESTS_SIM_TIMETABLE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#define TABLES_MAX    3
#define TABLE_BEAT_US UINT64_C(3000000)

struct node;
struct zone_cache;

struct node *table_start(const char *name, struct zone_cache *);
void         table_kill(struct node *);
void         table_pause(struct node *, uint64_t us);
struct node *table_at(unsigned i); /* of TABLES_MAX; NULL: none */
struct link *table_link(struct node *);
/* Since when it is connected, not paused and has heard a heartbeat; UINT64_MAX: it is not. */
uint64_t     table_serves_since_us(struct node *);

#endif
