"""Where prose stands in a file, and at which line."""

from pathlib import PurePosixPath

from infra.words.passages import Kind, passages


def texts(name: str, text: str) -> list[tuple[Kind, int, str]]:
    return [(it.kind, it.line, it.text) for it in passages(PurePosixPath(name), text)]


DOCUMENT = """\
# No prose

One
two.
- item
  goes on
- next

| a | b c |
|---|---|

```sh
# no prose
```
after <!-- not
this --> all
"""

MODULE = '''\
"""Module."""

X = """no docstring"""


def f(
    a: str = """none""",
) -> None:
    """First.

    - item
      goes on

        indented code
    """


class A:
    a: int
    """A field."""
'''

TEMPLATE = """\
# one
# two
# ------- banner
A:
  Description: A queue.
  Type: String  # trailing
B:
  Description: >-
    folded
    text
  Type: X
"""


def test_a_document_is_paragraphs_items_and_cells() -> None:
    assert [(line, text) for _, line, text in texts("a.md", DOCUMENT)] == [
        (3, "One two."),
        (5, "item goes on"),
        (7, "next"),
        (9, "a"),
        (9, "b c"),
        (15, "after all"),
    ]


def test_python_has_docstrings_of_modules_functions_and_fields() -> None:
    assert texts("a.py", MODULE) == [
        (Kind.DOCSTRING, 1, "Module."),
        (Kind.DOCSTRING, 9, "First."),
        (Kind.DOCSTRING, 11, "item goes on"),
        (Kind.DOCSTRING, 20, "A field."),
    ]


def test_neighbouring_comments_are_one_and_trailing_ones_stand_alone() -> None:
    source = "# one\n# two\na = 1  # three\nb = '# no comment'  # noqa: S101\n# type: ignore\n\n# four\n"
    assert texts("a.py", source) == [(Kind.COMMENT, 1, "one two"), (Kind.COMMENT, 3, "three"), (Kind.COMMENT, 7, "four")]


def test_texts_of_raised_errors_are_messages() -> None:
    source = 'raise InvalidValue("A_CODE", f"the {value} is"\n    "too large")\nlog("no message")\n'
    assert texts("a.py", source) == [(Kind.MESSAGE, 1, "the `field` is too large")]


def test_templates_have_comments_and_descriptions() -> None:
    assert texts("template.yaml", TEMPLATE) == [
        (Kind.COMMENT, 1, "one two"),
        (Kind.COMMENT, 6, "trailing"),
        (Kind.DESCRIPTION, 5, "A queue."),
        (Kind.DESCRIPTION, 8, "folded text"),
    ]


def test_other_files_hold_no_prose() -> None:
    assert texts("a.bin", "# one") == []
