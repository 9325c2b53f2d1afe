"""MRtrix images for imagedata."""
