/* tests/sim/load.h — random work for random servers, for a while, and then until all of it has
 * ended. */
#ifndef PINION_TESTS_SIM_LOAD_H
#define PINION_TESTS_SIM_LOAD_H

/* Servers come and go politely; nothing goes wrong. */
void load_calm(void);
/* Servers are killed and paused, connections break, answers and messages are lost, Redis restarts
 * and its clock steps. */
void load_faulty(void);

#endif
