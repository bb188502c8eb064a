"""Commands: what a person or a task types. Each file is one group of them; the work is done below."""
