"""Holds no step of its name."""

VALUE = 1
