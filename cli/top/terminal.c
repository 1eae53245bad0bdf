#include "cli/top/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "base/macros.h"

#define OTHER_SCREEN "\033[?1049h\033[?25l"
#define FIRST_SCREEN "\033[0m\033[?25h\033[?1049l"

static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};

/* For the handlers of a crash, which find nothing else. */
static struct termios before;
static volatile sig_atomic_t taken;

bool terminal_there(void)
{
    const char *term = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
           strcmp(term, "dumb") != 0;
}

void terminal_size(unsigned *ret_width, unsigned *ret_height)
{
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;

    *ret_width = known && size.ws_col ? size.ws_col : 80;
    *ret_height = known && size.ws_row ? size.ws_row : 24;
}

/* A terminal may be slow, or set to not wait for. */
void terminal_write(struct span text)
{
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};

    while (text.len) {
        ssize_t sent = write(STDOUT_FILENO, text.data, text.len);
        if (sent < 0 && errno == EAGAIN && poll(&fd, 1, -1) >= 0) continue;
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        text.data += sent;
        text.len -= (size_t)sent;
    }
}

/* Calls nothing that a signal handler may not call. */
void terminal_give_back(void)
{
    if (!taken) return;
    taken = 0;
    terminal_write((struct span){FIRST_SCREEN, sizeof FIRST_SCREEN - 1});
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

/* The handler is gone by then (SA_RESETHAND): the signal ends the process as it would have. */
static void on_crash(int number)
{
    int saved = errno;

    terminal_give_back();
    errno = saved;
    raise(number);
}

static void watch_crashes(void)
{
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < countof(crashes); i++) sigaction(crashes[i], &action, NULL);
}

enum pinion_err terminal_take(struct error *why)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &before))
        return error_set(why, PINION_INTERNAL, "the terminal: %s", strerror(errno));
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
        return error_set(why, PINION_INTERNAL, "the terminal: %s", strerror(errno));
    taken = 1;
    watch_crashes();
    terminal_write((struct span){OTHER_SCREEN, sizeof OTHER_SCREEN - 1});
    return PINION_OK;
}
