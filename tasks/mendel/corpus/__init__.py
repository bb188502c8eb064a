"""From a source to a corpus: read, clean, remove duplicates, split so that no text crosses, pin the test set."""
