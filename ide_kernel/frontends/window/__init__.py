"""A window on a kernel, with Tk: what an IDE would build, small enough to read."""
