"""What several benches share: a portal of their own, documents in it, and how figures are printed."""
