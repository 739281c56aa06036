"""What calls of functions give that the scanner looks through. Pure functions of constants are in `fold/`."""
