"""The composition root: it alone knows every module, reads the environment and the clock, and starts things."""
