"""How the argument of a listed function is read: one function for each form of the catalogue."""
