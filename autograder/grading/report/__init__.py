"""What people are shown: pages, tables, exports and the terminal."""
