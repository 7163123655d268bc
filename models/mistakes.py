"""A mistake in something an author wrote: what it is, and what to write instead."""

from __future__ import annotations


class Mistake(TypeError):
    """Something that cannot be meant as it is written; `remedy` says what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy


class Misspelt(AttributeError):
    """A name that is not there; `remedy` says which one is near."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy = what, remedy
