"""A Marlin 2.1 firmware simulator behind a real pseudo-terminal."""
