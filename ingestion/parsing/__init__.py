"""A file's bytes become text, blocks, pages and boxes, in a child process that may die without harm."""
