"""The course as a static site, and the pictures of the README: made from the real notebooks, guides and reports."""
