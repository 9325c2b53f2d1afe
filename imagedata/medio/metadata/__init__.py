"""What medio's users know of an image: its affine, orientation code and coordinate system."""
