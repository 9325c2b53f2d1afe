"""Reading and writing of NIfTI files; `layout` says what the two agree on."""
