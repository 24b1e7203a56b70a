"""The pages of docs/ that are catalogues say what is so."""

import ast
from pathlib import Path

from bench import cost
from tests.api import routes

ROOT = Path(__file__).parents[2]


def rows_of(page):
    lines = [
        line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("|")
    ]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_route_has_its_row_in_the_order_of_the_map():
    said = [tuple(cell.strip("`") for cell in row[:3]) for row in rows_of("api.md")]
    assert said == [
        (method.replace("ANY", "GET"), path, function)
        if path != "/$default"
        else ("ANY", "$default", function)
        for method, path, function in routes()
    ]


def test_a_route_does_what_its_function_says():
    for _, _, function, what, _ in rows_of("api.md"):
        source = (ROOT / "functions" / function.strip("`") / "app.py").read_text()
        first = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
        assert what == first.partition(": ")[2], function


def test_every_route_says_where_it_differs():
    assert all(len(row) == 5 and row[4] for row in rows_of("api.md"))


def test_the_page_of_costs_is_the_counted_bill():
    text = (ROOT / "docs" / "cost.md").read_text()
    said = text.split("<!-- cost -->")[1].split("<!-- /cost -->")[0]
    assert said.strip() == cost.tables().strip()


def test_what_the_page_of_costs_claims_is_so():
    units = cost.Units.read()
    with_hook, without = (
        sum(line.dollars for line in cost.bill(units, hook=hook)) for hook in (True, False)
    )
    assert without < cost.TARGET < with_hook < 18


def test_links_between_pages_lead_somewhere():
    import re

    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"
