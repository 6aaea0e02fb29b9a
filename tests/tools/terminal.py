#!/usr/bin/env python3
"""terminal.py COMMAND ... - runs a command in a terminal of its own and plays a person from the script on standard input:

    wait TEXT    until TEXT was shown since the last wait (at most TERMINAL_TIMEOUT seconds, default 60)
    type TEXT    TEXT and the Enter key
    keys TEXT    TEXT as it is, with \\x03 (Ctrl-C), \\x04 (Ctrl-D), \\t, \\x1b[A (the up key)
    pause S      S seconds
    raw          keys must reach the command one by one now (no line waits for its Enter)

Then it waits for the command to end.  What was shown goes to standard output, then a line "exit N" (N: the exit status,
"signal N" or "timeout").  Python's standard library only.
"""
import codecs
import os
import pty
import select
import signal
import sys
import termios
import time

TIMEOUT = float(os.environ.get("TERMINAL_TIMEOUT", "60"))


class Terminal:
    def __init__(self, command):
        self.shown, self.mark, self.open = b"", 0, True
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp(command[0], command)

    def read(self, seconds):
        """Takes what comes within that time; False when nothing did."""
        if not self.open or not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:         # Linux: the other side is closed
            data = b""
        self.open = bool(data)
        self.shown += data
        return bool(data)

    def wait(self, text):
        end = time.monotonic() + TIMEOUT
        while text not in self.shown[self.mark:]:
            left = end - time.monotonic()
            if left <= 0 or not self.open:
                return False
            self.read(min(left, 0.5))
        self.mark += self.shown[self.mark:].index(text) + len(text)
        return True

    def finish(self):
        end = time.monotonic() + TIMEOUT
        while self.open and time.monotonic() < end:
            self.read(0.5)
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return "timeout"


def main():
    terminal, missed = Terminal(sys.argv[1:]), None
    for line in sys.stdin.read().splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "wait" and not terminal.wait(rest.encode()):
            missed = rest
            break
        if verb == "type":
            os.write(terminal.fd, rest.encode() + b"\r")
        elif verb == "keys":
            os.write(terminal.fd, codecs.decode(rest, "unicode_escape").encode("latin-1"))
        elif verb == "raw" and termios.tcgetattr(terminal.fd)[3] & termios.ICANON:
            missed = "the terminal in its raw mode"
            break
        elif verb == "pause":
            terminal.read(0)
            time.sleep(float(rest))
    if missed is not None:
        os.kill(terminal.pid, signal.SIGKILL)
    status = terminal.finish()
    sys.stdout.buffer.write(terminal.shown)
    print(f"\nnever shown: {missed}" if missed is not None else "", status, sep="\n")
    return 1 if missed is not None else 0


if __name__ == "__main__":
    sys.exit(main())
