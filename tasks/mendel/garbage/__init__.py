"""What nobody needs any more: attempts that were killed, and versions that nothing refers to."""
