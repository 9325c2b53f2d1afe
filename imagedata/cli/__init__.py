"""The console programs: each module is one of them, or what they share."""
