"""Everything that runs in the sandbox. It is copied there beside `attnkit`, so it imports nothing else of the project."""
