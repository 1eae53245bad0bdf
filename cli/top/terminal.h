/* cli/top/terminal.h — a terminal taken for a full screen, and given back as it was.
 *
 * It is given back also when the process dies of a failed assertion or a bad access: signal
 * handlers of those do it. One terminal per process: stdin is read, stdout written.
 */
#ifndef PINION_CLI_TOP_TERMINAL_H
#define PINION_CLI_TOP_TERMINAL_H

#include <stdbool.h>
#include "base/error.h"
#include "base/text.h"

bool terminal_there(void); /* stdin and stdout are one, and can do more than a typewriter */
/* Columns and rows of stdout; 80 x 24 where it does not tell. */
void terminal_size(unsigned *ret_width, unsigned *ret_height);

/* No echo, no line editing, the other screen, no cursor. Ctrl-C still sends its signal. */
enum pinion_err terminal_take(struct error *why) must_use;
void            terminal_give_back(void); /* twice: no-op */
void            terminal_write(struct span); /* all of it; what cannot be written is lost */

#endif
