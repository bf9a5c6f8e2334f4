"""Read the overview of the demo's page, as a reader sees it."""

import html
import re


def rows_of(page: str) -> dict[str, dict[str, str]]:
    """The rows of the overview by their first cell; each by the names of the columns."""
    table = page[page.index('<table class="overview">') :]
    cells = [re.findall(r"<t[hd]>([^<]*)</t[hd]>", row) for row in table[: table.index("</table>")].split("</tr>")]
    names, *rows = [[html.unescape(cell) for cell in row] for row in cells if row]
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def sums_of(page: str, name: str) -> dict[str, str]:
    return rows_of(page)[name]
