"""A context's callbacks in the event loop that a program has anyway. Import the one that is needed.

Each has ``attach(context, ...)``, which runs ``context.process_events()`` whenever callbacks wait, in the loop's thread,
and returns a function that undoes it.
"""
