"""Everything that runs in the sandbox. It is copied there beside `attnkit` and imports nothing else of ours."""
