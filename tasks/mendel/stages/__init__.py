"""One file for each arrow of the flow: what it reads, what it makes, what its version rests on."""
