"""Reading documents as pictures of their pages."""
