"""The recipes of the cookbook, loaded as a company's folder would be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from cli.flow import loaded
from workflows.library import Library

DOC = Path(__file__).parents[2] / "docs" / "cookbook.md"
IMPORTS = """\
from activities.catalog import create_project, create_sales_order, price_quote, sum_up_lines
from facts import deal
from workflows.language import *

"""
LETTER = """\
title = "Short letter"
kind = "other"

[variables]
account = "text"
amount = "money"
"""


class Recipe(NamedTuple):
    """One section: its number and title, its code (a file when it has a name), and what it says people see."""

    number: int
    title: str
    file: str
    code: str
    seen: str


def facts() -> str:
    """Return the facts all recipes are about."""
    return re.findall(r"```python facts\.py\n(.*?)```", DOC.read_text("utf-8"), re.DOTALL)[0]


def recipes() -> list[Recipe]:
    """Return every section with its code."""
    found = []
    for section in re.split(r"(?m)^## ", DOC.read_text("utf-8"))[1:]:
        title = section.splitlines()[0]
        [(file, code)] = re.findall(r"```python ?(\S*)\n(.*?)```", section, re.DOTALL)
        number, _, name = title.partition(". ")
        found.append(Recipe(int(number), name, file, code, section.partition("**What people see.**")[2]))
    return found


def cooked(recipe: Recipe, folder: Path) -> Library:
    """Write a recipe into a folder as its author would, and load it."""
    folder.mkdir(exist_ok=True)
    (folder / "facts.py").write_text(facts())
    letter = folder / "templates" / "documents" / "letter" / "short"
    letter.mkdir(parents=True)
    (letter / "manifest.toml").write_text(LETTER)
    (letter / "template.typ.j2").write_text("= Dear {{ account }} <dear>\n\nIt costs {{ amount }}.\n")
    text = recipe.code if recipe.file else f'{IMPORTS}recipe = Flow("recipe", {recipe.code.strip()}, version=1)\n'
    (folder / (recipe.file or "recipe.py")).write_text(text)
    return loaded([folder], shipped=False)
