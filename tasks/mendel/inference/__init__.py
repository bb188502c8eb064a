"""A day's inbox and what lies between its files and the restored dataset."""
