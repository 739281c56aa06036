"""The layers of the cage, one file each: `probe()` tells what the machine gives, `apply()` takes it, in the process that is to be held."""
