"""`checkie demo`: PostgreSQL, API, worker, simulator and a webhook listener on one machine, as one process group.

`run` starts and stops them; `parts` says what they are and where they listen; `supervise` restarts a part that ends;
`seed` creates the demo store; `listener` is a merchant's server that records the webhooks it receives.
"""
