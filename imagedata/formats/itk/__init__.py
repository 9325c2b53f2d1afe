"""Reading and writing the formats of ITK; `kinds` says what each is known by."""
