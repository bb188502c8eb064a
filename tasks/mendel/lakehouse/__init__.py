"""The lake's datasets as Delta tables over the same Parquet files, and SQL over them."""
