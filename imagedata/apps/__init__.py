"""Helpers for kinds of images, on top of `Series`."""
