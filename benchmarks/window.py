"""How awake the window stays in a flood: how late its timers are, how often it draws, how soon an interrupt is seen (3.8+).

    python3 benchmarks/window.py [--seconds 5]

It needs tkinter, and a display or Xvfb. Each flood runs beside the same window at rest. It exits with 1 when one thing that the
event loop does takes longer than the limit.
"""
import argparse
import os
import subprocess
import sys
import time

from measure import ROOT, exit_with, machine, percentile, table

FLOODS = (
    ("at rest", None),
    ("print(time.time())", "import time\nwhile True: print(time.time())"),
    ("stderr and stdout", "import sys\nwhile True: print(1); print(2, file=sys.stderr)"),
    ("lines of 1 MB", "line = 'x' * 10**6\nwhile True: print(line)"),
    ("lines of colours", "import time\nwhile True: print('\\x1b[31mred\\x1b[0m \\x1b[1;38;5;208mfox\\x1b[0m', time.time())"),
    ("a progress bar", "n = 0\nwhile True:\n    n += 1\n    print('\\r%9d %s' % (n, '#' * (n % 70)), end='', flush=True)"),
    ("one endless line", "while True: print('x' * 1000, end='')"),
)
#: Milliseconds between two turns of the timer that is measured.
TURN = 5
#: Milliseconds for which the event loop may be away: a person who types begins to notice more.
LIMIT = 50


class Loop(object):
    """The event loop, measured: the processor time of each thing that it does, and the time from each drawing to the next.

    Timers are late because of both, and because of all other processes that want a core. Tk draws when it has nothing else to do.
    """

    def __init__(self, root):
        self.root = root
        self.begin()
        self._drawn()

    def begin(self):
        """Forget what was measured."""
        self.work, self.drawings, self._last = [], [], time.monotonic()

    def _drawn(self):
        now = time.monotonic()
        self.drawings.append(now - self._last)
        self._last = now
        self.root.after(TURN, lambda: self.root.after_idle(self._drawn))

    def until(self, condition):
        """Run until the condition holds."""
        while not condition():
            before = time.thread_time()
            self.root.tk.dooneevent()
            self.work.append(time.thread_time() - before)


def measure_flood(window, loop, code, seconds):
    """(lateness of each turn in seconds, characters that came, seconds from interrupt to the traceback)."""
    root, late, due, chars = window.root, [], [0.0], [0]
    loop.begin()
    count = window.kernel.on_output(lambda output: chars.__setitem__(0, chars[0] + len(output.text)))
    if code:
        window.execute(code)
        loop.until(lambda: chars[0] > 100000)
    chars[0], end = 0, time.monotonic() + seconds

    def turn():
        late.append(max(0.0, time.monotonic() - due[0]))
        due[0] = time.monotonic() + TURN / 1000.0
        root.after(TURN, turn)

    due[0] = time.monotonic() + TURN / 1000.0
    root.after(TURN, turn)
    loop.until(lambda: time.monotonic() > end)
    came, begun = chars[0], time.monotonic()
    if code:
        window.interrupt()
        loop.until(lambda: "KeyboardInterrupt" in window.output.text.get("end-3l", "end"))
    stopped = time.monotonic() - begun
    loop.until(lambda: not window.kernel.executions)
    window.kernel.off(count)
    return late, came, stopped


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each flood")
    given = parser.parse_args()
    if not os.environ.get("DISPLAY"):
        return subprocess.call(["xvfb-run", "-a", "-s", "-screen 0 1200x900x24", sys.executable, __file__,
                                "--seconds", str(given.seconds)])
    sys.path.insert(0, ROOT)
    import tkinter

    import ide_kernel
    from ide_kernel.frontends.window.window import Window
    print(machine())
    rows, longest = [], []
    with ide_kernel.start(name="window", linger=0) as kernel:
        root = tkinter.Tk()
        window = Window(kernel, root)
        loop = Loop(root)
        loop.until(lambda: kernel.status.state == "idle")
        for name, code in FLOODS:
            late, came, stopped = measure_flood(window, loop, code, given.seconds)
            longest.append(1000 * max(loop.work))
            rows.append([name] + ["%.1f" % (1000 * percentile(late, part)) for part in (50, 95, 99, 100)]
                        + ["%.0f" % (1000 * max(loop.drawings)), "%.1f" % longest[-1], "%.2f" % (longest[-1] / LIMIT),
                           "%.2f" % (came / given.seconds / 1e6), "%.0f" % (1000 * stopped)])
        window.leave()
    table("Timers of Tk, in ms late; ms from one drawing to the next, at most; the longest thing that the event loop did, in\n"
          "ms of processor time, and as a part of the limit, %d ms; and the interrupt, in ms until the traceback is seen" % LIMIT,
          ["", "median", "p95", "p99", "most", "drawn", "longest", "/ limit", "MB/s", "interrupt"], rows)
    return max(longest) > LIMIT


if __name__ == "__main__":
    exit_with(main)
