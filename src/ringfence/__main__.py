"""`python -m ringfence` is the command `ringfence`."""

from ringfence.cli import main

main()
