"""How awake the window stays while a program floods it: how late Tk's timers are, and how soon an interrupt is seen (3.8+).

    python3 benchmarks/window.py [--seconds 5]

It needs tkinter, and a display or Xvfb. Each flood runs beside the same window at rest.
"""
import argparse
import os
import subprocess
import sys
import time

from measure import ROOT, machine, percentile, table

FLOODS = (
    ("at rest", None),
    ("print(time.time())", "import time\nwhile True: print(time.time())"),
    ("colours", "import time\nwhile True: print('\\x1b[31mred\\x1b[0m \\x1b[1;38;5;208mfox\\x1b[0m', time.time())"),
    ("a progress bar", "n = 0\nwhile True:\n    n += 1\n    print('\\r%9d %s' % (n, '#' * (n % 70)), end='', flush=True)"),
    ("one endless line", "while True: print('x' * 1000, end='')"),
    ("stderr and stdout", "import sys\nwhile True: print('out'); print('err', file=sys.stderr)"),
)
#: Milliseconds between two turns of the timer that is measured.
TURN = 5


def measure_flood(window, code, seconds):
    """(lateness of each turn in seconds, characters that came, seconds from interrupt to the traceback)."""
    root, late, due, chars = window.root, [], [0.0], [0]
    count = window.kernel.on_output(lambda output: chars.__setitem__(0, chars[0] + len(output.text)))
    if code:
        window.execute(code)
        until(root, lambda: chars[0] > 100000)
    chars[0], end = 0, time.monotonic() + seconds

    def turn():
        late.append(max(0.0, time.monotonic() - due[0]))
        due[0] = time.monotonic() + TURN / 1000.0
        root.after(TURN, turn)

    due[0] = time.monotonic() + TURN / 1000.0
    root.after(TURN, turn)
    until(root, lambda: time.monotonic() > end)
    came, begun = chars[0], time.monotonic()
    if code:
        window.interrupt()
        until(root, lambda: "KeyboardInterrupt" in window.output.text.get("end-3l", "end"))
    stopped = time.monotonic() - begun
    until(root, lambda: not window.kernel.executions)

    window.kernel.off(count)

    return late, came, stopped


def until(root, condition):
    """Run the event loop until the condition holds."""
    while not condition():
        root.tk.dooneevent()


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
    rows = []
    with ide_kernel.start(name="window") as kernel:
        root = tkinter.Tk()
        window = Window(kernel, root)
        root.update()
        for name, code in FLOODS:
            late, came, stopped = measure_flood(window, code, given.seconds)
            rows.append([name] + ["%.1f" % (1000 * percentile(late, part)) for part in (50, 95, 99, 100)]
                        + ["%.2f" % (came / given.seconds / 1e6), "%.0f" % (1000 * stopped)])
        window.leave()
    table("Timers of Tk, in ms late; and the interrupt, in ms until the traceback stands there",
          ["", "median", "p95", "p99", "most", "MB/s", "interrupt"], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
