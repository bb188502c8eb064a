"""Models of text: the character n-gram of the first pass, the language models of the second."""
