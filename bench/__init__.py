"""`make bench`: completed checkouts a second, what each costs, and the physical limit beside it, in one run.

`__main__` tells the story; `stack` runs a Checkie of its own; `driver` is the process of the buyers, on `http1` and
`buyers`; `limit` writes the same rows with pgbench; `processes` and `statements` count; `report` prints and keeps.
"""
