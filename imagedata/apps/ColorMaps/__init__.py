"""Colour maps for kinds of images."""
