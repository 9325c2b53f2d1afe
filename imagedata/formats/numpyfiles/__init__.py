"""Reading and writing of NumPy files."""
