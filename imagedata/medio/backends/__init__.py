"""The back ends that medio's interface names: which conventions and types, over the same readers."""
