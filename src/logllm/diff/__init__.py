"""What is different from when it worked: good logs against a bad one, line by line."""
