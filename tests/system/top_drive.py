#!/usr/bin/env python3
"""top_drive.py STEP... -- COMMAND: drives a program at a terminal of its own.

A step is one of
    size WxH       the terminal's size from here on (the first one: before the start)
    see TEXT       until the screen shows it        lack TEXT      until it does not
    type KEYS      \\t, \\r, \\x1b and so on are read as in Python
    kill NAME      a signal
    end STATUS     until it has ended, with that exit status (-N: of signal N)
    touch FILE     so that others know how far we are
    other / first  until the other or the first screen is in use
    restored       the modes of the terminal are what they were
The screen is kept as a terminal would: what is printed, where the cursor stands, two screens.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

WAIT_S = 20


class Screen:
    def __init__(self):
        self.other, self.cursor, self.raw = False, True, b""
        self.resize(80, 24)

    def resize(self, width, height):
        self.width, self.height, self.row, self.column = width, height, 0, 0
        self.clear()

    def clear(self):
        self.cells = [[" "] * self.width for _ in range(self.height)]

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def feed(self, data):
        self.raw += data
        while self.raw:
            if self.raw[0] != 27:
                self.put(chr(self.raw[0]))
                self.raw = self.raw[1:]
                continue
            found = re.match(rb"\x1b\[(\??)([0-9;]*)([A-Za-z])", self.raw)
            if not found:
                assert len(self.raw) < 32, "what is this: %r" % self.raw[:32]
                return
            self.obey(*(part.decode() for part in found.groups()))
            self.raw = self.raw[found.end():]

    def put(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row = min(self.row + 1, self.height - 1)
        elif char == "\b":
            self.column = max(self.column - 1, 0)
        elif char >= " " and self.row < self.height and self.column < self.width:
            self.cells[self.row][self.column] = char
            self.column += 1

    def obey(self, private, numbers, final):
        if private and numbers == "1049":
            self.other = final == "h"
        elif private and numbers == "25":
            self.cursor = final == "h"
        elif final == "J":
            self.clear()
        elif final == "H":
            self.row, self.column = (int(n) - 1 for n in numbers.split(";"))


class Driver:
    def __init__(self, command):
        self.command, self.pid, self.screen, self.status = command, None, Screen(), None
        self.fd, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)

    def start(self):
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in 0, 1:
                os.dup2(self.slave, fd)
            os.execvp(self.command[0], self.command)

    def pump(self, seconds=0.05):
        if select.select([self.fd], [], [], seconds)[0]:
            self.screen.feed(os.read(self.fd, 65536))
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)

    def until(self, what, condition):
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                sys.exit("%s: not within %d s; the screen:\n%s\nstatus %s" %
                         (what, WAIT_S, self.screen.text(), self.status))
            self.pump()

    def do(self, step):
        verb, _, rest = step.partition(" ")
        screen = self.screen
        if verb == "size":
            width, height = (int(n) for n in rest.split("x"))
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            screen.resize(width, height)
            return
        if self.pid is None:
            self.start()
        if verb == "see":
            self.until(step, lambda: rest in screen.text())
        elif verb == "lack":
            self.until(step, lambda: rest not in screen.text())
        elif verb == "type":
            os.write(self.fd, rest.encode().decode("unicode_escape").encode("latin-1"))
        elif verb == "kill":
            os.kill(self.pid, getattr(signal, "SIG" + rest))
        elif verb == "end":
            self.until(step, lambda: self.status is not None)
            assert self.status == int(rest), "%s: it was %s" % (step, self.status)
        elif verb in ("other", "first"):
            self.until(step, lambda: screen.other == (verb == "other"))
        elif verb == "touch":
            open(rest, "w").close()
        elif verb == "restored":
            self.until(step, lambda: termios.tcgetattr(self.slave) == self.before)
            self.until("the cursor", lambda: screen.cursor)
        else:
            sys.exit("unknown step: " + step)


def main():
    split = sys.argv.index("--")
    driver = Driver(sys.argv[split + 1:])
    try:
        for step in sys.argv[1:split]:
            driver.do(step)
    finally:
        if driver.pid and driver.status is None:
            os.kill(driver.pid, signal.SIGKILL)


main()
