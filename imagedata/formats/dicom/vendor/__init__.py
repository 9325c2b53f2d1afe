"""What each vendor writes in its own way, one module each, with its source; `diffusion` lists them."""
