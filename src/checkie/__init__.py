"""Checkie: a self-hosted checkout platform. Start reading at `docs/tour.md`."""

__version__ = "0.1.0"
