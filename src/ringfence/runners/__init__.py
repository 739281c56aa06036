"""Where tools run: one runner per tier. `inline` calls the developer's own function; the others are added by plugins."""
