"""The composition root: the only place that knows every module, reads the environment and the clock, and starts things."""
