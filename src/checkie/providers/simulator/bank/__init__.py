"""The simulated bank: intents, test cards, faults, refunds and the outbox of webhooks. It imports no HTTP.

`Bank` is what callers use. `intents`, `cards` and `faults` are pure; `Database` stores them in one SQLite file.
"""
