"""One module a format: from bytes to a document whose segments are its prose."""
