"""The commands: a file for each group of them. Each imports what it needs when it is called."""
