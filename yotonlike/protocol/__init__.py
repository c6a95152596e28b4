"""The protocol as pure state machines: bytes and ``now`` in, events and bytes out.

Nothing in this package knows a socket, a thread, ``select`` or a clock. A program that has its own loop drives a
:class:`~yotonlike.protocol.connection.Connection` itself; everybody else uses ``yotonlike.Context``.
"""
