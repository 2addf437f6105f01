"""`make bench`: completed checkouts per second, the CPU that each costs, and the physical limit, measured in one run.

`__main__` is the run; `compare` measures another release by turns with this one; `stack` starts a demo; `driver` is the
process of the buyers, built on `http1` and `buyers`; `limit` writes the same rows with pgbench; `processes` and
`statements` count; `report` prints and stores the figures.
"""
