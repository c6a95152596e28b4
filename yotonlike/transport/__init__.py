"""Sockets, time and threads: what drives the protocol."""
