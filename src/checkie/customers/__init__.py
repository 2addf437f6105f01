"""Customers: a store's buyers, one for each email address.

Owns schema `customers`. Publishes `customer.created`.
Invariant: one customer per store and address, regardless of case.
"""

from checkie.customers.ensure import ensure
from checkie.customers.model import InvalidEmail, parse_email
from checkie.customers.queries import Customer, list_by_ids

__all__ = ["Customer", "InvalidEmail", "ensure", "list_by_ids", "parse_email"]
