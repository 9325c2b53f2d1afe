"""The program `imagedata`, one module for each of its commands."""
