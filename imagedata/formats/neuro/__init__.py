"""Reading formats of neuroimaging through nibabel, and writing MGH; `kinds` says what each is known by."""
