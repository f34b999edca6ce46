# SPDX-License-Identifier: BSD-2-Clause
"""What numbers options take, for argparse."""
import argparse


def at_least(least, kind=int):
    """The type of an option whose value is a number of so much or more."""
    def read(text):
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return value

    read.__name__ = kind.__name__  # argparse names it where the text is no number
    return read
