"""The command line: parsing and printing. Nobody imports it; a command loads what it needs when it runs."""
