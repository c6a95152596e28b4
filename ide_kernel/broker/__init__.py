"""The broker: a process beside the kernel that starts, watches, reads and ends it, and serves any number of frontends."""
