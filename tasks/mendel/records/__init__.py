"""The one reader of records: files of text, JSON Lines and Parquet, for what is learned from and for what is restored.

Whatever the bytes, each line, row or document is a record or a fault with its reason, exactly once; a file that cannot
be read to its end gives nothing. What a record is then called, and how long it may be, its users decide.
"""
