"""A mask that uses up the memory of its process. Alone, since every process of a build imports the module of its mask."""

import resource


def eats(message: str) -> str:
    """The message; at "kind 77" no more memory may be had than there is."""
    if "kind 77" in message:
        limit = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 28, limit[1]))
        bytearray(1 << 30)
    return message
