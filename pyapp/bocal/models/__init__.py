"""Which models exist, and where their files and library are."""
