"""The simulator's HTTP service: what merchants, buyers' browsers and tests call, its pages, and its webhook sender.

It parses, calls `bank`, and renders; `bank` imports nothing from here.
"""

from checkie.providers.simulator.http.serve import serve

__all__ = ["serve"]
