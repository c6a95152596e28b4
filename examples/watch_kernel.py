"""An IDE in thirty lines: start a kernel, run code in it, answer its input, interrupt it, see it die."""
from __future__ import absolute_import, division, print_function

import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # so that it runs from a clone

import ide_kernel


def main():
    """Run the show; everything is printed as it comes."""
    kernel = ide_kernel.start(python=sys.argv[1] if sys.argv[1:] else None)
    kernel.on_output(lambda output: print("  [%s] %r" % (output.stream, output.text)))
    kernel.on_status(lambda status: print("  (%s)" % status.state))
    kernel.on_input(lambda request: request.reply("Ada"))

    print("a value:", kernel.execute("x = 20\nprint('hello')\nx + 22").result().value)
    kernel.execute("import sys; print(sys.stdin.readline().upper())").result()
    error = kernel.execute("def f():\n    return 1/0\nf()").result().error
    print("an error: %s: %s" % (error.type, error.message))

    threading.Timer(0.5, kernel.interrupt).start()
    print("interrupted:", kernel.execute("while True: pass").result().error.type)

    try:
        kernel.execute("print('last words'); import os; os.kill(os.getpid(), 11)").result()
    except ide_kernel.KernelDied as died:
        print("the kernel died:", died)
    kernel.restart()
    print("and lives again:", kernel.execute("6 * 7").result().value)
    kernel.close()


if __name__ == "__main__":
    main()
