"""What a template's fields stand for: `@date` is a date, `@noun` a word of the list `noun`."""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from mendel.corpus.foreign import tables, words
from mendel.corpus.foreign.parts import Part


class Template(string.Template):
    """Fields begin with `@`, since code is full of `$` and braces; `@@` is the character itself."""

    delimiter = "@"
    flags = re.RegexFlag(0)  # capitals mean something
    idpattern = "(?:[a-z]+|[A-Z]+)[0-9]*"


class Fields(Mapping[str, str]):
    """The value of each field, another one every time; a name that ends in a digit (`noun1`) keeps its value.

    In capitals (`@CITY`), the value is too. A field is a list of `words`, or a method of this class. One object serves
    one text.
    """

    def __init__(self, part: Part, chance: random.Random) -> None:
        self._words = words.of(part)
        self._chance = chance
        self._values: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name.isupper():
            return self[name.lower()].upper()
        field = name.rstrip(string.digits)
        if field == name:
            return self._drawn(field)
        if name not in self._values:
            self._values[name] = self._drawn(field)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def _drawn(self, field: str) -> str:
        # a method may say how a word of its list is written
        if method := getattr(type(self), field, None):
            return str(method(self))
        return self._word(field)

    def _word(self, name: str) -> str:
        return self._chance.choice(self._words[name])

    def _moment(self) -> datetime:
        return datetime(1990, 1, 1) + timedelta(seconds=self._chance.randrange(45 * 365 * 86_400))

    def _digits(self, count: int) -> str:
        return "".join(self._chance.choices(string.digits, k=count))

    # numbers

    def small(self) -> int:
        return self._chance.randint(2, 31)

    def integer(self) -> int:
        return self._chance.randrange(10 ** self._chance.randint(2, 6))

    def number(self) -> str:
        return f"{self._chance.uniform(0, 40):.{self._chance.randint(1, 3)}f}"

    def grouped(self) -> str:
        return f"{self._chance.randrange(1000, 10**8):,}"

    def ordinal(self) -> str:
        number = self.small()
        return f"{number}{'th' if number in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"

    def percent(self) -> str:
        return f"{self._chance.uniform(0, 100):.1f}%"

    def price(self) -> str:
        amount = f"{self._chance.choice([4.99, 19.9, 250, 1250, 86_400, 1_999_999]) * self._chance.randint(1, 9):,.2f}"
        return self._chance.choice(["${}", "€{}", "£{}", "{} EUR", "US${}", "{} PLN"]).format(amount)

    def version(self) -> str:
        return ".".join(str(self._chance.randrange(20)) for _ in range(3)) + self._chance.choice(
            ["", "", "rc1", "-beta"]
        )

    # times

    def date(self) -> str:
        return f"{self._moment():%Y-%m-%d}"

    def written(self) -> str:
        return self._moment().strftime(self._word("written").replace("_", " "))

    def clock(self) -> str:
        return f"{self._moment():%H:%M}"

    def ampm(self) -> str:
        return f"{self._moment():%I:%M} {self._chance.choice(['am', 'pm', 'a.m.', 'PM'])}"

    def stamp(self) -> str:
        return self._moment().isoformat(timespec="milliseconds") + self._chance.choice(["Z", "+02:00", "-05:00"])

    def weekday(self) -> str:
        return f"{self._moment():%A}"

    def year(self) -> str:
        return f"{self._moment():%Y}"

    def duration(self) -> str:
        hours, minutes, seconds = (self._chance.randrange(60) for _ in range(3))
        return self._chance.choice(
            ["{0}h {1:02}m", "PT{0}H{1}M", "{1} min {2} s", "{0:02}:{1:02}:{2:02}", "{2}.{1}s"]
        ).format(hours, minutes, seconds)

    # names

    def person(self) -> str:
        return f"{self._word('given')} {self._word('family')}"

    def street(self) -> str:
        return self._word("street").replace("-", " ")

    def postcode(self) -> str:
        return self._chance.choice(
            [f"{self._digits(5)}", f"{self._digits(2)}-{self._digits(3)}", f"EC{self.small()}A 4QT"]
        )

    def constant(self) -> str:
        return f"{self._word('verb')}_{self._word('noun')}".upper()

    def name(self) -> str:
        return f"{self._word('verb')}_{self._word('noun')}"

    def camel(self) -> str:
        return self._word("verb") + self._word("noun").title() + self._chance.choice(["", "Id", "Url", "V2"])

    def cls(self) -> str:
        return self._word("adjective").title() + self._word("noun").title()

    # places on the net and on a disk

    def path(self) -> str:
        return "/".join(self._word("segment") for _ in range(self._chance.randint(1, 3)))

    def url(self) -> str:
        query = self._chance.choice(
            ["", "", f"?{self._word('key')}={self.integer()}", f"#{self._word('noun')}-{self.small()}"]
        )
        return f"https://{self._word('domain')}/{self.path()}{query}"

    def file(self) -> str:
        folder = self._chance.choice(["/var/lib", "include", "~/src", "C:\\Users\\j", "../data", "/etc", "./build"])
        return f"{folder}/{self._word('noun')}-{self.small()}.{self._word('extension')}"

    def email(self) -> str:
        local = f"{self._word('noun')}.{self._word('letter')}{self._chance.choice(['', '+list', '_77'])}"
        return f"{local}@{self._word('domain')}"

    def ip(self) -> str:
        return ".".join(str(self._chance.randrange(256)) for _ in range(4))

    # identifiers

    def hash(self) -> str:
        return f"{self._chance.getrandbits(160):040x}"[: self._chance.choice([7, 12, 40])]

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def isbn(self) -> str:
        digits = f"978{self._digits(9)}"
        check = -sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits)) % 10
        return f"{digits[:3]}-{digits[3]}-{digits[4:7]}-{digits[7:12]}-{check}"

    def phone(self) -> str:
        return self._chance.choice(["+48 {0} {1} {0}", "({0}) 555-01{2}", "+44 20 7946 0{0}", "0{2}-{0}{1}"]).format(
            self._digits(3), self._digits(3), self._digits(2)
        )

    def ticket(self) -> str:
        return f"{self._word('noun')[:3].upper()}-{self.integer()}"

    # tables

    def aligned(self) -> str:
        return tables.aligned(self._table())

    def piped(self) -> str:
        return tables.piped(self._table())

    def separated(self) -> str:
        return tables.separated(self._table())

    def _table(self) -> Sequence[Sequence[str]]:
        names = self._chance.sample(
            ["noun", "date", "price", "version", "percent", "hash", "person", "clock", "level", "grouped"], k=4
        )
        return [names, *([self[name] for name in names] for _ in range(self._chance.randint(1, 4)))]
