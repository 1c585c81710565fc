"""From bytes to parsed lines: archives, encodings, collectors' wrappings."""
