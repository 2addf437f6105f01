"""Money that goes back: refunds and disputes, and what providers report of them."""
