"""The values of a submission, taken out of its XML once, for every format alike.

Texts of a field's several elements are joined; elements that the form does not know are left out;
what is there is never trimmed or judged.

There are two ways to the same result. Plain texts, which almost all are, are read by their outlines
(`outlines`); whatever is unusual goes the scanner's way (`markup`), some fifty times slower.
"""

from __future__ import annotations

from sheaf.data import places, values
from sheaf.data.outlines import IrregularError, Outlines
from sheaf.data.places import Place
from sheaf.data.tables import Table
from sheaf.data.values import Record
from sheaf.submissions import markup

_ENVELOPE = "/base64EncryptedKey"


class Extraction:
    """Takes values out of submissions, for the tables of a form."""

    def __init__(self, root: Table) -> None:
        self._place = places.of(root)
        self._outlines = Outlines(self._place, root)

    def read(self, text: str) -> Record | None:
        """Give a submission's row of the root table, with all below it.

        None for an encrypted envelope, which holds no data.

        Raises:
            UnexpectedValue: unreasonable depth (400.8).
        """
        # Only an envelope has the word, so that other texts are spared a search for the element.
        if _ENVELOPE[1:] in text and next(markup.texts(text, {_ENVELOPE}), None):
            return None
        try:
            return self._outlines.read(text)
        except IrregularError:
            return self._scanned(text)

    def _scanned(self, text: str) -> Record:
        """Read any text, as the scanner does."""
        root = Record()
        found: dict[Record, dict[int, list[str]]] = {}
        levels: list[tuple[Place, Record, list[str]]] = []
        for event in markup.scan(text):
            if isinstance(event, markup.Open):
                levels.append(self._opened(event.local, levels, root))
            elif isinstance(event, markup.Text):
                levels[-1][2].append(event.value)
            else:
                place, record, pieces = levels.pop()
                if place.index is not None and (value := "".join(pieces)):
                    found.setdefault(record, {}).setdefault(place.index, []).append(value)
        for record, texts in found.items():
            record.cells, record.several = values.joined(texts)
        return root

    def _opened(
        self, name: str, levels: list[tuple[Place, Record, list[str]]], root: Record
    ) -> tuple[Place, Record, list[str]]:
        if not levels:
            return self._place, root, []
        above, record, _ = levels[-1]
        place = above.below.get(name, places.UNKNOWN)
        return place, record.start(place.table) if place.table else record, []
