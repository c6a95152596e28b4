"""What runs inside the user's interpreter: the code, its streams, and one thread that talks to the broker.

``app`` composes the rest; none of it stays visible in ``sys.modules``.
"""
