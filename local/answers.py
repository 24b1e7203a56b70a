"""Think up plausible answers by kind of question: names, numbers, days, places."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random

NAMES = ["Amina", "Bashir", "Dalia", "Esi", "Farid", "Grace", "Hawa", "Idris", "Kofi", "Leila"]
PLACES = ["Amber Ridge", "Old Harbour", "Stonegate", "Millfield", "West Plateau", "Lagoon Side"]
REMARKS = [
    "Seen on the spot, all as described.",
    "The caretaker was there and helped.",
    "To be visited again after the rains.",
    "Neighbours told the same story.",
]
# What a question's name says about its answer: (pattern, lowest, highest), first match wins.
NUMBERS = [
    (r"age\b|_age|age_|^age", 1, 80),
    (r"year|built", 1985, 2025),
    (r"household|famil|people|population", 12, 240),
    (r"phone|contact|number$", 700_000_000, 799_999_999),
    (r"muac|height", 110, 175),
    (r"income|price|cost|amount", 20, 900),
]

PROPERTIES = {
    "deviceid": "sample-device-01",
    "username": "collector",
    "phonenumber": "+254700000001",
    "email": "collector@example.org",
}


class Answers:
    """Answers of one visit: one day, one place, one seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.moment = datetime(2026, 1, 5, 7, tzinfo=timezone(timedelta(hours=3))) + timedelta(
            days=rng.randrange(290), seconds=rng.randrange(7 * 3600)
        )
        self.latitude, self.longitude = rng.uniform(-12, 12), rng.uniform(28, 38)
        self.kinds: dict[str, Callable[[str], str]] = {
            "int": self.integer,
            "integer": self.integer,
            "decimal": self.decimal,
            "date": self.day,
            "time": self.hour,
            "dateTime": self.hour_of_day,
            "geopoint": lambda _: self._point(),
            "geotrace": lambda _: self._trace(4),
            "geoshape": lambda _: self._shape(),
            "barcode": lambda _: f"{rng.randrange(10**12, 10**13)}",
            "boolean": lambda _: "true",
        }

    def of(self, kind: str, name: str, constraint: str | None, attempt: int) -> str:
        """Return an answer to a question.

        Args:
            kind: the bind's type, without prefix; what is unknown is text.
            name: the question's name, which hints at what is asked.
            constraint: the expression to satisfy; its numbers are tried.
            attempt: 0 for the likeliest answer, higher for ever more of a guess.
        """
        if attempt and constraint and kind in {"int", "integer", "decimal", "string", "text"}:
            return self._guess(kind, constraint)
        return self.kinds.get(kind, self.words)(name.lower())

    def _guess(self, kind: str, constraint: str) -> str:
        """Return a number between or beside those of a constraint, or so many digits."""
        bounds = sorted(float(n) for n in re.findall(r"(?<![\w'])\d+(?:\.\d+)?", constraint))
        low, high = (bounds[0], bounds[-1]) if bounds else (0, 100)
        guess = self.rng.uniform(low - 1, high + 1)
        if kind == "decimal":
            return f"{guess:.1f}"
        if kind.startswith("int"):
            return str(round(guess))
        digits = min(int(self.rng.choice(bounds or [6])), 40)
        return "".join(self.rng.choices("0123456789", k=digits))

    def words(self, name: str) -> str:
        """Return text: a name, a place, a telephone number or a remark, as the name suggests."""
        if re.search(r"phone|contact|mobile|number", name):
            return f"07{self.rng.randrange(10**7, 10**8)}"
        if re.search(r"mail", name):
            return f"{self.rng.choice(NAMES).lower()}@example.org"
        if re.search(r"villag|commun|place|town|address|district|region|country", name):
            return self.rng.choice(PLACES)
        if re.search(r"name|person|who|respondent|caretaker", name):
            return self.rng.choice(NAMES)
        return self.rng.choice(REMARKS)

    def integer(self, name: str) -> str:
        """Return a whole number that suits a question's name."""
        bounds = next((low_high for p, *low_high in NUMBERS if re.search(p, name)), [1, 12])
        return str(self.rng.randint(*bounds))

    def decimal(self, name: str) -> str:
        """Return a number with one decimal place that suits a question's name."""
        return f"{int(self.integer(name))}.{self.rng.randrange(1, 10)}"

    def day(self, name: str) -> str:
        """Return a day: today, or years ago for a birth."""
        back = self.rng.randrange(200, 1700) if "birth" in name else self.rng.randrange(1, 60)
        return (self.moment - timedelta(days=back)).date().isoformat()

    def hour(self, _name: str) -> str:
        """Return a time of the visit, with its offset from UTC."""
        later = self.moment + timedelta(minutes=self.rng.randrange(40))
        return later.timetz().isoformat(timespec="milliseconds")

    def hour_of_day(self, name: str) -> str:
        """Return a moment with its offset from UTC: of the visit, or weeks later for a `next`."""
        later = timedelta(days=28 if "next" in name else 0, minutes=self.rng.randrange(40))
        return (self.moment + later).isoformat(timespec="milliseconds")

    def preloaded(self, kind: str, what: str) -> str:
        """Return what a client fills in by itself, by a bind's jr:preload and jr:preloadParams."""
        if kind == "timestamp":
            moment = self.moment.replace(minute=0 if what == "start" else 59)
            return moment.isoformat(timespec="milliseconds")
        if kind == "date":
            return self.moment.date().isoformat()
        if kind == "uid":
            return f"uuid:{uuid.UUID(int=self.rng.getrandbits(128), version=4)}"
        return PROPERTIES.get(what, f"sample-{what or kind}")

    def place(self) -> list[str]:
        """Return latitude, longitude (degrees) and accuracy (metres) of the visit."""
        return [f"{self.latitude:.6f}", f"{self.longitude:.6f}", "4.5"]

    def _point(self, north: float = 0, east: float = 0) -> str:
        latitude, longitude = self.latitude + north, self.longitude + east
        return f"{latitude:.6f} {longitude:.6f} {self.rng.randrange(900, 1400)}.0 4.5"

    def _trace(self, points: int) -> str:
        steps = [(n * 0.0004, self.rng.uniform(0, 0.0003)) for n in range(points)]
        return "; ".join(self._point(*step) for step in steps)

    def _shape(self) -> str:
        start = self._point()
        around = [self._point(*c) for c in ((0.0006, 0.0001), (0.0005, 0.0008), (-0.0001, 0.0006))]
        return "; ".join([start, *around, start])
