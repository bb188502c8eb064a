"""`python -m mendel.cli`: the command, where nothing has put it on the path."""

from mendel.cli.main import main

main()
