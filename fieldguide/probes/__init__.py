"""One module for each library: CELLS holds a function for every cell that the library has a notion for."""
