"""Callbacks in the event loops of a program (3.8+)."""
from __future__ import absolute_import, division, print_function

import os
import subprocess
import sys
import threading

import pytest
import yotonlike

if sys.version_info < (3, 8):
    pytest.skip("the adapters are for 3.8 and newer", allow_module_level=True)

LIMIT = 20
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def channels():
    """A publisher and a subscriber of two linked contexts."""
    one, two = yotonlike.Context(u"one", KEY), yotonlike.Context(u"two", KEY)
    two.connect(one.bind("tcp://127.0.0.1:0").address)
    sub = yotonlike.SubChannel(two, u"news")
    pub = yotonlike.PubChannel(one, u"news")
    pub.wait_for_subscriber(LIMIT)
    yield pub, sub
    two.close()
    one.close()


def test_asyncio(channels):
    import asyncio

    from yotonlike.adapters import asyncio as adapter
    pub, sub = channels
    seen = []

    loop = asyncio.new_event_loop()
    done = loop.create_future()

    def received(message):
        seen.append(message)
        if message == u"last":
            done.set_result(None)

    sub.received.connect(received)
    detach = adapter.attach(sub.context, loop)
    for text in (u"first", u"last"):
        pub.send(text)
    late = loop.call_later(LIMIT, done.cancel)
    loop.run_until_complete(done)
    late.cancel()
    detach()
    loop.close()
    assert seen == [u"first", u"last"]


AWAITING = """
async def ask(wrap, requests):
    seen = []
    for request in requests:
        try:
            seen.append(await wrap(request))
        except Exception as error:
            seen.append(type(error).__name__)
    return seen
"""


def test_a_future_is_awaited(channels):
    import asyncio

    from yotonlike.adapters.asyncio import attach, wrap
    pub, sub = channels
    space, own, cancelled = {}, yotonlike.Future(), yotonlike.Future()
    exec(AWAITING, space)  # a syntax error on 2.7, which has to be able to read this file
    rep = yotonlike.RepChannel(pub.context, u"calc", handler=lambda number: 6 // number)
    req = yotonlike.ReqChannel(sub.context, u"calc")
    loop = asyncio.new_event_loop()
    detach = attach(sub.context, loop)
    threading.Timer(0.01, own.set_result, (5,)).start()
    done = req.request(3)
    assert done.result(LIMIT) == 2
    requests = [req.request(2), req.request(0), done, own]
    assert loop.run_until_complete(asyncio.wait_for(space["ask"](wrap, requests), LIMIT)) == [3, "RemoteError", 2, 5]

    async_future = []
    loop.call_soon(lambda: async_future.append(wrap(cancelled)))
    loop.call_soon(lambda: async_future[0].cancel())
    loop.call_soon(lambda: loop.call_soon(loop.stop))
    loop.run_forever()
    assert cancelled.cancelled() and rep
    detach()
    loop.close()


def test_the_adapters_are_loaded_when_they_are_used():
    code = ("import sys; sys.path.insert(0, %r); import yotonlike\n"
            "print([name for name in ('asyncio', 'tkinter') if name in sys.modules])\n"
            "print(yotonlike.adapters.asyncio.attach.__module__, yotonlike.adapters.qt.attach.__module__)\n"
            "print(hasattr(yotonlike.adapters, 'gtk'))") % os.getcwd()
    out = subprocess.check_output([sys.executable, "-c", code])
    assert out.split() == [b"[]", b"yotonlike.adapters.asyncio", b"yotonlike.adapters.qt", b"False"]


#: Windows, until the process ends: Tcl aborts when the garbage collector takes one apart in a thread that is not its own.
_kept = []


def test_tk(channels):
    tkinter = pytest.importorskip("tkinter")
    from yotonlike.adapters import tk as adapter
    pub, sub = channels
    try:
        root = tkinter.Tk()
    except tkinter.TclError as error:
        pytest.skip("no display: %s" % error)
    _kept.append(root)
    seen = []

    def received(message):
        seen.append(message)
        if message == u"last":
            root.quit()

    sub.received.connect(received)
    detach = adapter.attach(sub.context, root)
    for text in (u"first", u"last"):
        pub.send(text)
    root.after(LIMIT * 1000, root.quit)
    root.mainloop()
    detach()
    root.destroy()
    assert seen == [u"first", u"last"]


def test_tk_draws_although_events_never_end():
    """It draws when it is idle, and a descriptor that is always readable would keep it from that."""
    tkinter = pytest.importorskip("tkinter")
    from yotonlike.adapters import tk as adapter
    turns, drawn = [], []
    root = tkinter.Tcl()  # an event loop, and no display
    _kept.append(root)
    with yotonlike.Context() as context:
        def again():
            turns.append(len(turns))
            context.post(again)

        again()
        detach = adapter.attach(context, root)
        while len(turns) < 10:
            root.tk.dooneevent()
        root.after_idle(drawn.append, True)
        while not drawn:
            root.tk.dooneevent()
            assert len(turns) < 20
        detach()


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_tk_can_be_left_at_any_time(when):
    tkinter = pytest.importorskip("tkinter")
    from yotonlike.adapters import tk as adapter
    called, root = [], tkinter.Tcl()
    _kept.append(root)

    def call():
        called.append(True)
        if when == "within":
            detach()

    with yotonlike.Context() as context:
        detach = adapter.attach(context, root)
        context.post(call)
        while when != "before" and not called:
            root.tk.dooneevent()
        if when != "within":
            detach()
        context.post(lambda: called.append(False))
        over = []
        root.after(1, lambda: root.after_idle(over.append, True))
        while not over:
            root.tk.dooneevent()
        assert called == ([] if when == "before" else [True])
        detach = adapter.attach(context, root)  # and come back to
        while False not in called:
            root.tk.dooneevent()
        detach()


def test_tk_where_it_cannot_watch_descriptors():
    tkinter = pytest.importorskip("tkinter")
    assert tkinter
    from yotonlike.adapters import tk as adapter

    class Widget(object):
        tk = None
        calls = []

        def after(self, milliseconds, function):
            self.calls.append(function)
            return "id%d" % len(self.calls)

        def after_cancel(self, which):
            self.cancelled = which

    class Fake(object):
        events = 0

        def process_events(self):
            self.events += 1

    widget, context = Widget(), Fake()
    detach = adapter.attach(context, widget)
    widget.calls[-1]()
    detach()
    assert context.events == 2 and widget.cancelled == "id2"


def test_qt(channels):
    QtCore = pytest.importorskip("PySide6.QtCore")
    from yotonlike.adapters import qt as adapter
    pub, sub = channels
    app = QtCore.QCoreApplication.instance() or QtCore.QCoreApplication([])
    seen = []

    def received(message):
        seen.append(message)
        if message == u"last":
            app.quit()

    sub.received.connect(received)
    detach = adapter.attach(sub.context)
    for text in (u"first", u"last"):
        pub.send(text)
    QtCore.QTimer.singleShot(LIMIT * 1000, app.quit)
    getattr(app, "exec")()  # noqa: B009  # a keyword on 2.7, which has to be able to read this file
    detach()
    assert seen == [u"first", u"last"]


def test_qt_has_to_be_loaded_by_the_program():
    code = ("import sys; sys.path.insert(0, %r); from yotonlike.adapters import qt\n"
            "try: qt.attach(None)\nexcept ImportError as error: print('PySide6' in str(error))\n"
            "print('yotonlike' in sys.modules)") % os.getcwd()
    out = subprocess.check_output([sys.executable, "-c", code])
    assert out.split() == [b"True", b"True"]
