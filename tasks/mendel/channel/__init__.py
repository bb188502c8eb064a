"""The noise channel inverted: what could have become a noisy text, and how likely each is."""
