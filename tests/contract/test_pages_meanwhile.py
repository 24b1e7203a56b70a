"""Pages of a feed while others send, edit, delete and restore: no row twice, none left out.

What counts is what was there all the time. A row of a repeat is the same while its `__id` is, which
tells where it stands in its submission.
"""

from __future__ import annotations

import itertools
import random
from urllib.parse import urlencode

import pytest

from tests import families

ORIGIN = "https://api.example.org"
CHILD = "Submissions.children.child"
TOY = f"{CHILD}.toys.toy"
# Of each family, how many toys each child has.
FAMILIES = {f"f{number}": [2, 0, 3, 1][: number % 5] for number in range(6)}


def family(id_, toys, *, deprecated=None):
    children = {
        f"{id_} child {at}": [f"{id_} child {at} toy {number}" for number in range(count)]
        for at, count in enumerate(toys)
    }
    return families.xml(id_, id_, children, age=len(toys), deprecated=deprecated)


class World:
    """A form, or its draft, in which something happens between two pages."""

    def __init__(self, cast, seed, *, draft):
        self.alice, self.random, self.draft = cast.alice, random.Random(seed), draft
        families.form(cast)
        if draft:
            assert self.alice.post(f"{families.FORM}/draft").status == 200
        self.base = f"{families.FORM}/draft" if draft else families.FORM
        self.now = {id_: (id_, list(toys)) for id_, toys in FAMILIES.items()}
        self.trash: set[str] = set()
        self.last = ""
        self.numbers = itertools.count(1)
        for id_, toys in FAMILIES.items():
            self.ok(self.alice.post(f"{self.base}/submissions", family(id_, toys)))

    @staticmethod
    def ok(answer):
        assert answer.status == 200, answer.text
        return answer

    def change(self):
        """Send, edit, delete or restore something; drafts know only the first two."""
        choices = [self.send, self.edit, self.edit] + [self.delete, self.restore] * (not self.draft)
        self.random.choice(choices)()

    def send(self):
        id_ = f"new{next(self.numbers)}"
        self.ok(self.alice.post(f"{self.base}/submissions", family(id_, [1, 1])))
        self.now[id_] = (id_, [1, 1])

    def edit(self):
        """Give a family another child, take one away, or change how many toys one has.

        Most often it is the one with which the page has ended.
        """
        there = sorted(self.now.keys() - self.trash)
        last = self.last if self.last in there and self.random.random() < 0.7 else None
        id_ = last or self.random.choice(there)
        current, toys = self.now[id_]
        toys = list(toys)
        if toys and self.random.random() < 0.7:
            at = self.random.randrange(len(toys))
            toys[at : at + 1] = self.random.choice([[], [toys[at] + 1], [toys[at], 1], [0]])
        else:
            toys.append(2)
        edited = f"{id_}-{next(self.numbers)}"
        text = family(edited, toys, deprecated=current)
        self.ok(self.alice.put(f"{self.base}/submissions/{id_}", text))
        self.now[id_] = (edited, toys)

    def delete(self):
        id_ = self.random.choice(sorted(self.now.keys() - self.trash))
        self.ok(self.alice.delete(f"{self.base}/submissions/{id_}"))
        self.trash.add(id_)

    def restore(self):
        if self.trash:
            id_ = self.random.choice(sorted(self.trash))
            self.ok(self.alice.post(f"{self.base}/submissions/{id_}/restore"))
            self.trash.remove(id_)

    def ids(self, table, options):
        """The `__id`s of all rows as they are now."""
        return [row["__id"] for row in self.get(table, options).json["value"]]

    def get(self, table, options):
        query = urlencode({f"${name}": value for name, value in options.items()})
        return self.ok(self.alice.get(f"{self.base}.svc/{table}?{query}"))


ORDERS = [{}, {"orderby": "__system/submitterId desc", "filter": "__system/submitterId ne 77"}]


def rooted(options):
    """The same options for rows of a repeat."""
    return {
        name: value.replace("__system", "$root/Submissions/__system")
        for name, value in options.items()
    }


@pytest.mark.parametrize(
    ("table", "draft"), [("Submissions", False), (CHILD, True), (TOY, False), (TOY, True)]
)
def test_what_was_there_all_the_time_is_given_once(cast, table, draft):
    world = World(cast, 1, draft=draft)
    for options in ORDERS:
        asked = options if table == "Submissions" else rooted(options)
        always = set(world.ids(table, asked))
        page = world.get(table, asked | {"top": 2}).json
        given = [row["__id"] for row in page["value"]]
        while link := page.get("@odata.nextLink"):
            world.last = page["value"][-1].get("name", "").partition(" ")[0]
            world.change()
            always &= set(world.ids(table, asked))
            page = world.ok(world.alice.get(link.removeprefix(ORIGIN))).json
            given += [row["__id"] for row in page["value"]]
            assert len(given) < 500
        assert len(given) == len(set(given)), "a row came twice"
        assert always <= set(given), "a row was left out"


def test_rows_that_come_before_the_last_one_do_not_move_the_next_page(cast):
    """In its submission; whether more or fewer than there were."""
    families.form(cast)
    for toys, later in (([2, 3], [4, 3]), ([2, 3], [1, 3]), ([2, 3], [0, 3])):
        id_ = f"f{later[0]}"
        assert cast.alice.post(f"{families.FORM}/submissions", family(id_, toys)).status == 200
        one = f"{families.FEED}/Submissions('{id_}')/children/child/toys/toy?$top=3"
        page = cast.alice.get(one).json
        assert page["value"][-1]["name"] == f"{id_} child 1 toy 0"
        edited = family(f"{id_}-2", later, deprecated=id_)
        assert cast.alice.put(f"{families.FORM}/submissions/{id_}", edited).status == 200
        rest = cast.alice.get(page["@odata.nextLink"].removeprefix(ORIGIN)).json
        assert [row["name"] for row in rest["value"]] == [
            f"{id_}-2 child 1 toy 1",
            f"{id_}-2 child 1 toy 2",
        ]
        assert "@odata.nextLink" not in rest
