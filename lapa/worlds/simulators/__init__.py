"""The simulators, one file each; `SIMULATOR` is what the registry finds in it."""
