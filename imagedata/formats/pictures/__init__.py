"""Reading and writing plain image files; `kinds` says what each is known by, and can hold."""
