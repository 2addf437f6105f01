"""Customers: a store's buyers, one for each email address.

Owns schema `customers`. Publishes `customer.created`.
Invariant: one customer per store and address, regardless of case.
"""

from checkie.customers.ensure import ensure
from checkie.customers.model import InvalidEmail, parse_email

__all__ = ["InvalidEmail", "ensure", "parse_email"]
