# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks' command lines share."""

import argparse


def some_of(known):
    """A type for argparse: words of a list, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        words = tuple(text.split(","))
        for word in words:
            if word not in known:
                raise argparse.ArgumentTypeError(f"no {word!r}; known: {', '.join(known)}")
        return words

    return parse
