"""The composition root: it assembles all modules, reads the environment and the clock, and runs the processes.

`cli` is the command line, `compose` assembles a process, `asgi` is the HTTP application, `worker` the background work,
`reactions` the table of event handlers, `embedded` the bundled PostgreSQL, `demo` everything on one machine.
"""
