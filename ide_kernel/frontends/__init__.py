"""Small reference frontends on top of the client: a terminal, a program from stdin, and a script with its exit status."""
