"""Small helpers of medio's interface."""
