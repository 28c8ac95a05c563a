"""Files that other readers get wrong, and what must come: the source of docs/tables-nasty.md.

Each row states the bytes, and either the kind and the cells of each column, or part of the error.
What is expected is written by hand. test_nasty_tables.py holds the reader against it.
"""

from __future__ import annotations

import gzip
from typing import Any, NamedTuple

Cells = tuple[str, list[Any]]


class Nasty(NamedTuple):
    """A file: what is odd about it, its bytes, and what must come of it.

    Attributes:
        columns: kind and cells by name; numbers as floats, all else as text, None where missing.
        error: part of the message, where it is refused.
        said: parts of what must be said.
        options: arguments of read_table besides the path.
        name: the file's name.
    """

    title: str
    data: bytes
    columns: dict[str, Cells] | None = None
    error: str = ""
    said: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012
    name: str = "table.csv"


def number(*cells: float | None) -> Cells:
    return "number", list(cells)


def category(*cells: str | None) -> Cells:
    return "category", list(cells)


def date(*cells: str | None) -> Cells:
    return "date", list(cells)


def text(*cells: str | None) -> Cells:
    return "text", list(cells)


def ids(*cells: str | None) -> Cells:
    return "id", list(cells)


def constant(*cells: str | None) -> Cells:
    return "constant", list(cells)


NAN = None
INF = float("inf")
MANY = range(1, 31)
THIRTY = [float(i % 7) for i in MANY]
INTEGERS = b"".join(b"%d\n" % (i % 7) for i in MANY)
LONG = [f"{i}{'0' * 20}{i:09d}" for i in range(1, 5)]

ENCODINGS = [
    Nasty(
        "a byte-order mark",
        b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
        {"a": number(1, 2), "b": category("x", "y")},
    ),
    Nasty(
        "Latin-1",
        "größe,ort\n1,Köln\n2,Bonn\n".encode("latin-1"),
        {"größe": number(1, 2), "ort": category("Köln", "Bonn")},
        said=("Not UTF-8 from line 1 on",),
    ),
    Nasty(
        "Windows' euro sign",
        b"price;n\n1,50 \x80;1\n2,00 \x80;3\n",
        {"price": number(1.5, 2), "n": number(1, 3)},
        said=("Western encoding",),
    ),
    Nasty(
        "UTF-16 with a mark",
        "a\tb\n1\tä\n2\tö\n".encode("utf-16"),
        {"a": number(1, 2), "b": category("ä", "ö")},
    ),
    Nasty(
        "UTF-16 without a mark",
        "a,b\n1,x\n2,y\n".encode("utf-16-be"),
        {"a": number(1, 2), "b": category("x", "y")},
    ),
    Nasty(
        "UTF-32", "a,b\n1,x\n2,y\n".encode("utf-32"), {"a": number(1, 2), "b": category("x", "y")}
    ),
    Nasty(
        "UTF-8 with one damaged byte",
        "a,b\n1,äöü\n2,öä".encode() + b"\xc3\n3,\xc3\xa4\n",
        error="must be UTF-8 throughout, got byte 0xc3 in line 3, character 5",
    ),
    Nasty(
        "another encoding, told",
        "имя,n\nАня,1\nБор,2\n".encode("cp1251"),
        {"имя": category("Аня", "Бор"), "n": number(1, 2)},
        options={"encoding": "cp1251"},
    ),
    Nasty("a NUL byte", b"a,b\n1,x\n2,y\0z\n", error="got a NUL byte in line 3, character 4"),
    Nasty(
        "gzipped",
        gzip.compress(b"a,b\n1,2\n3,5\n", mtime=0),
        {"a": number(1, 3), "b": number(2, 5)},
        name="t.csv.gz",
    ),
    Nasty(
        "gzipped, cut off",
        gzip.compress(b"a,b\n" + b"1,2\n" * 50, mtime=0)[:-9],
        error="cannot be unpacked",
        name="t.csv.gz",
    ),
]

DIALECTS = [
    Nasty(
        "tabs",
        b"a\tb\n1\tx y\n2\tz\n",
        {"a": number(1, 2), "b": category("x y", "z")},
        name="t.tsv",
    ),
    Nasty(
        "semicolons and decimal commas",
        b"a;b\n1,5;x\n2,25;y\n",
        {"a": number(1.5, 2.25), "b": category("x", "y")},
    ),
    Nasty("bars", b"a|b\n1|2\n3|5\n", {"a": number(1, 3), "b": number(2, 5)}),
    Nasty(
        "blanks, several of them",
        b"a   b\n1.5   2\n3     5\n",
        {"a": number(1.5, 3), "b": number(2, 5)},
    ),
    Nasty("Excel's sep= line", b"sep=|\na|b\n1|2\n3|5\n", {"a": number(1, 3), "b": number(2, 5)}),
    Nasty(
        "semicolons, commas inside cells",
        b'a;b\n"1,2";x,y\n"3,4";z,w\n',
        {"a": number(1.2, 3.4), "b": category("x,y", "z,w")},
    ),
    Nasty(
        "carriage returns and line feeds",
        b"a,b\r\n1,x\r\n2,y\r\n",
        {"a": number(1, 2), "b": category("x", "y")},
    ),
    Nasty(
        "carriage returns alone", b"a,b\r1,x\r2,y\r", {"a": number(1, 2), "b": category("x", "y")}
    ),
    Nasty(
        "both ends of lines in one file",
        b"a,b\r\n1,x\n2,y\r\n",
        {"a": number(1, 2), "b": category("x", "y")},
    ),
    Nasty(
        "no line feed at the end", b"a,b\n1,x\n2,y", {"a": number(1, 2), "b": category("x", "y")}
    ),
    Nasty(
        "single quotes",
        b"a,b\n1,'x, y'\n2,'z'\n3,'w'\n4,'v'\n",
        {"a": number(1, 2, 3, 4), "b": category("x, y", "z", "w", "v")},
    ),
    Nasty(
        "blanks after commas",
        b'a, b\n1, "x, y"\n2, "z"\n',
        {"a": number(1, 2), "b": category("x, y", "z")},
    ),
    Nasty(
        "lines above the table",
        b"Sales of 2024\nmade by hand\n\na,b\n1,2\n3,5\n4,6\n",
        {"a": number(1, 3, 4), "b": number(2, 5, 6)},
        said=("Left out 3 lines above the table",),
    ),
    Nasty(
        "a comment above the table",
        b"# written by a, b and c\na,b\n1,2\n3,5\n4,6\n",
        {"a": number(1, 3, 4), "b": number(2, 5, 6)},
        said=("Left out a line above the table",),
    ),
    Nasty(
        "blank lines between rows",
        b"a,b\n1,2\n\n3,5\n\n\n",
        {"a": number(1, 3), "b": number(2, 5)},
        said=("Left out 1 blank line",),
    ),
    Nasty("one column", b"a\n1.5\n2\n", {"a": number(1.5, 2)}),
    Nasty(
        "every cell in quotes",
        b'"a","b"\n"1","x"\n"2",""\n',
        {"a": number(1, 2), "b": category("x", None)},
    ),
    Nasty(
        "a delimiter that is told",
        b"a^b\n1^2\n3^5\n",
        {"a": number(1, 3), "b": number(2, 5)},
        options={"delimiter": "^"},
    ),
    Nasty(
        "a letter above ASCII as delimiter",
        "a§b\n1§2\n3§5\n".encode(),
        {"a": number(1, 3), "b": number(2, 5)},
        options={"delimiter": "§"},
    ),
]

QUOTES = [
    Nasty(
        "line feeds inside quotes",
        b'a,b\n1,"x\ny"\n2,z\n',
        {"a": number(1, 2), "b": category("x\ny", "z")},
    ),
    Nasty(
        "doubled quotes",
        b'a,b\n1,"6"" pipe"\n2,z\n',
        {"a": number(1, 2), "b": category('6" pipe', "z")},
    ),
    Nasty(
        "a stray quote inside a cell",
        b'a,b\n1,5" pipe\n2,z\n',
        {"a": number(1, 2), "b": category('5" pipe', "z")},
    ),
    Nasty(
        "a stray quote inside quotes",
        b'a,b\n1,"5" pipe"\n2,z\n',
        {"a": number(1, 2), "b": category('5" pipe', "z")},
    ),
    Nasty(
        "quotes escaped by a backslash",
        b'a,b\n1,"say \\"hi\\" now"\n2,z\n',
        {"a": number(1, 2), "b": category('say "hi" now', "z")},
    ),
    Nasty(
        "a quote that is not closed",
        b'a,b\n1,x\n2,"y\n3,z\n',
        error="stays open from line 3, column 2",
    ),
    Nasty(
        "a quote that is closed by another cell's",
        b'a,b\n1,"x\n2,"y"\n3,z\n',
        error="stays open from line 2, column 2",
    ),
    Nasty(
        "a quoted NA is a text",
        b'a,b\n1,"NA"\n2,NA\n3,"x"\n',
        {"a": number(1, 2, 3), "b": category("NA", None, "x")},
    ),
    Nasty(
        "blanks inside quotes are kept",
        b'a,b\n1," x"\n2, y \n',
        {"a": number(1, 2), "b": category(" x", "y")},
    ),
    Nasty(
        "a row counted after quoted line feeds",
        b'a,b\n1,"x\n\n\ny"\n' + b"2,z\n" * 20 + b"no,z\n",
        {"a": number(1, *[2.0] * 20, NAN), "b": category("x\n\n\ny", *["z"] * 21)},
        said=("line 26: 'no' is no number",),
    ),
]

WIDTHS = [
    Nasty(
        "a row with too few cells",
        b"a,b,c\n1,2,x\n4,5\n7,8,y\n",
        {"a": number(1, 4, 7), "b": number(2, 5, 8), "c": category("x", None, "y")},
        said=("A row has fewer than 3 cells (the first: line 3, 2)",),
    ),
    Nasty(
        "a row with too many cells",
        b"a,b\n1,2\n3,4,5\n",
        error="got 3 in line 3: column 3 holds '5'",
    ),
    Nasty("empty cells too many", b"a,b\n1,2,,\n3,5\n", {"a": number(1, 3), "b": number(2, 5)}),
    Nasty(
        "a delimiter at the end of each row",
        b"a,b,\n1,2,\n3,5,\n",
        {"a": number(1, 3), "b": number(2, 5), "column_3": constant(None, None)},
    ),
    Nasty(
        "delimiters at the ends of rows but the first",
        b"a,b\n1,2,\n3,5,\n",
        {"a": number(1, 3), "b": number(2, 5)},
    ),
    Nasty(
        "another table below, wider",
        b"a,b\n1,2\n3,5\nx,y,z\n1,2,3\n",
        error="got 3 in line 4: column 3 holds 'z'",
    ),
    Nasty(
        "another table below, narrower",
        b"a,b,c\n1,2,3\n" + b"4,5\n" * 5,
        error="rows must have 3 cells, as the first one, got 2 in line 3",
    ),
    Nasty(
        "names of rows without a name, as R writes them",
        b'"a" "b"\n"r1" 1 "x"\n"r2" 2 "y"\n',
        {"row": category("r1", "r2"), "a": number(1, 2), "b": category("x", "y")},
    ),
    Nasty(
        "two hundred columns",
        b",".join(b"c%d" % i for i in range(200))
        + b"\n"
        + b",".join(b"%d" % i for i in range(200))
        + b"\n"
        + b",".join(b"%d" % (2 * i + 1) for i in range(200))
        + b"\n",
        {f"c{i}": number(i, 2 * i + 1) for i in range(200)},
    ),
    Nasty(
        "a cell of 100,000 letters",
        b"a,b\n1," + b"x" * 100_000 + b"\n2,y\n",
        {"a": number(1, 2), "b": category("x" * 100_000, "y")},
    ),
]

NAMES = [
    Nasty(
        "no names",
        b"1,x\n2,y\n3,x\n",
        {"column_1": number(1, 2, 3), "column_2": category("x", "y", "x")},
    ),
    Nasty(
        "a name twice",
        b"a,a,b\n1,2,3\n4,5,7\n",
        {"a": number(1, 4), "a_2": number(2, 5), "b": number(3, 7)},
        said=("Column 2 is called 'a_2'",),
    ),
    Nasty(
        "an empty name",
        b"a,,b\n1,2,3\n4,5,7\n",
        {"a": number(1, 4), "column_2": number(2, 5), "b": number(3, 7)},
        said=("Column 2 is called 'column_2'",),
    ),
    Nasty(
        "a name that a doubled one would take",
        b"a,a,a_2\n1,2,3\n4,5,7\n",
        {"a": number(1, 4), "a_3": number(2, 5), "a_2": number(3, 7)},
    ),
    Nasty(
        "years as names",
        b"land,2019,2020\nA,1,2\nB,3,5\n",
        {"land": category("A", "B"), "2019": number(1, 3), "2020": number(2, 5)},
    ),
    Nasty(
        "all text, with names",
        b"name,city\nAnn,Rom\nBob,Bonn\n",
        {"name": category("Ann", "Bob"), "city": category("Rom", "Bonn")},
        said=("the first row is read as names",),
    ),
    Nasty(
        "all text, no names",
        b"Ann,Rom\nBob,Bonn\nCid,Rom\n",
        {"column_1": category("Ann", "Bob", "Cid"), "column_2": category("Rom", "Bonn", "Rom")},
        said=("the first row is read as cells",),
    ),
    Nasty(
        "no names, told",
        b"Ann,Rom\nBob,Bonn\n",
        {"column_1": category("Ann", "Bob"), "column_2": category("Rom", "Bonn")},
        options={"header": False},
    ),
    Nasty(
        "numbers as names, told",
        b"1,2\n3,4\n5,7\n",
        {"1": number(3, 5), "2": number(4, 7)},
        options={"header": True},
    ),
    Nasty("names alone", b"a,b,c\n", error="got names of columns alone"),
    Nasty(
        "names in quotes with line feeds",
        b'"a\nb",c\n1,2\n3,5\n',
        {"a\nb": number(1, 3), "c": number(2, 5)},
    ),
    Nasty("blanks around names", b" a , b\n1,2\n3,5\n", {"a": number(1, 3), "b": number(2, 5)}),
]

NUMBERS = [
    Nasty(
        "a fraction after many integers",
        b"a\n" + INTEGERS + b"2.75\n",
        {"a": number(*THIRTY, 2.75)},
    ),
    Nasty(
        "007 after many integers",
        b"a\n" + INTEGERS + b"007\n",
        {"a": number(*THIRTY, 7)},
        said=("1 number with a zero in front, the first in line 32",),
    ),
    Nasty(
        "1_000 after many integers",
        b"a\n" + INTEGERS + b"1_000\n",
        {"a": number(*THIRTY, NAN)},
        said=("line 32: '1_000' is no number",),
    ),
    Nasty(
        "zip codes",
        b"zip\n01067\n10115\n01067\n80331\n",
        {"zip": category("01067", "10115", "01067", "80331")},
    ),
    Nasty(
        "decimal commas",
        b"a\tb\n1,5\tx\n2,25\ty\n-0,5\tx\n",
        {"a": number(1.5, 2.25, -0.5), "b": category("x", "y", "x")},
    ),
    Nasty(
        "1,234 throughout",
        b'a,b\n"1,234",x\n"5,678",y\n',
        {"a": number(1234, 5678), "b": category("x", "y")},
        said=("1,234 is read as 1234",),
    ),
    Nasty(
        "1,234 throughout, in a file of semicolons",
        b"a;b\n1,234;x\n5,678;y\n",
        {"a": number(1.234, 5.678), "b": category("x", "y")},
        said=("1,234 is read as 1.234",),
    ),
    Nasty(
        "1,234 throughout, told",
        b'a,b\n"1,234",x\n"5,678",y\n',
        {"a": number(1.234, 5.678), "b": category("x", "y")},
        options={"types": {"a": "number:1.234,5"}},
    ),
    Nasty(
        "1,234 throughout, other columns tell",
        b"a\tb\n1,234\t0,5\n5,678\t1,25\n",
        {"a": number(1.234, 5.678), "b": number(0.5, 1.25)},
    ),
    Nasty(
        "1.234 throughout, other columns tell",
        b"a;b\n1.234;0,5\n5.678;1,25\n",
        {"a": number(1234, 5678), "b": number(0.5, 1.25)},
        said=("decimals are read after a comma, as in other columns",),
    ),
    Nasty(
        "1.234 throughout, in a file of semicolons",
        b"a;b\n1.234;x\n5.678;y\n",
        {"a": number(1.234, 5.678), "b": category("x", "y")},
        said=("1.234 is read as 1.234",),
    ),
    Nasty(
        "1.234 throughout",
        b"a,b\n1.234,x\n5.678,y\n",
        {"a": number(1.234, 5.678), "b": category("x", "y")},
    ),
    Nasty(
        "thousands and decimals, English",
        b'a,b\n"1,234.56",x\n"12,345",y\n7.5,x\n',
        {"a": number(1234.56, 12345, 7.5), "b": category("x", "y", "x")},
    ),
    Nasty(
        "thousands and decimals, German",
        b"a;b\n1.234,56;x\n12.345;y\n7,5;x\n",
        {"a": number(1234.56, 12345, 7.5), "b": category("x", "y", "x")},
    ),
    Nasty(
        "thousands, Swiss and French",
        "a;b\n1'234.5;1\u202f234,5\n2'000'000;12 000\n".encode(),
        {"a": number(1234.5, 2e6), "b": number(1234.5, 12000)},
    ),
    Nasty(
        "thousands, Indian",
        b'a,b\n"12,34,567.5",x\n"1,00,000",y\n',
        {"a": number(1234567.5, 100000), "b": category("x", "y")},
    ),
    Nasty(
        "decimal points and commas in one column",
        b"a;b\n1.5;x\n2.5;y\n3,5;x\n" + b"4.5;y\n" * 9,
        {"a": number(1.5, 2.5, NAN, *[4.5] * 9), "b": category("x", "y", "x", *["y"] * 9)},
        said=(
            "11 cells with a decimal point and 1 cell with a decimal comma",
            "line 4: '3,5' is no number",
        ),
    ),
    Nasty("per cent", b"a,b\n10 %,x\n2.5%,y\n", {"a": number(0.1, 0.025), "b": category("x", "y")}),
    Nasty(
        "dollars",
        b'a,b\n"$1,000",x\n-$2.50,y\n"($3.00)",x\n',
        {"a": number(1000, -2.5, -3), "b": category("x", "y", "x")},
    ),
    Nasty(
        "euros and codes of currencies",
        "a,b\n€5,x\n7 EUR,y\nCHF 2.50,x\n".encode(),
        {"a": number(5, 7, 2.5), "b": category("x", "y", "x")},
    ),
    Nasty(
        "words for missing",
        b"a,b\n1,x\nNA,y\n?,x\n-,y\nnull,x\n#N/A,y\n,x\n2,y\n",
        {"a": number(1, NAN, NAN, NAN, NAN, NAN, NAN, 2), "b": category(*"xyxyxyxy")},
    ),
    Nasty(
        "one word among numbers",
        b"a,b\n" + b"1,x\n2,y\n" * 10 + b"many,x\n",
        {"a": number(*[1.0, 2.0] * 10, NAN), "b": category(*["x", "y"] * 10, "x")},
        said=("line 22: 'many' is no number",),
    ),
    Nasty(
        "words among numbers, a third",
        b"a,b\n1,x\n2,y\nlow,x\n",
        {"a": category("1", "2", "low"), "b": category("x", "y", "x")},
        said=("2 of 3 cells are numbers",),
    ),
    Nasty(
        "words among numbers, told",
        b"a,b\n1,x\n2,y\nlow,x\n",
        {"a": number(1, 2, NAN), "b": category("x", "y", "x")},
        said=("line 4: 'low' is no number",),
        options={"types": {"a": "number"}},
    ),
    Nasty(
        "integers of 30 digits",
        b"a,b\n" + b"".join(f"{one},x\n".encode() for one in LONG),
        {"a": ids(*LONG), "b": constant(*["x"] * 4)},
    ),
    Nasty(
        "integers beyond 2^53",
        b"a,b\n9007199254740993,1\n9007199254740995,3\n",
        {"a": ids("9007199254740993", "9007199254740995"), "b": number(1, 3)},
    ),
    Nasty(
        "exponents",
        b"a,b\n1e3,x\n-2.5E-2,y\n+4,x\n",
        {"a": number(1000, -0.025, 4), "b": category("x", "y", "x")},
    ),
    Nasty(
        "infinity and NaN",
        b"a,b\ninf,x\n-Infinity,y\nNaN,x\n1,y\n",
        {"a": number(INF, -INF, NAN, 1), "b": category("x", "y", "x", "y")},
    ),
    Nasty(
        "a number that no float64 holds",
        b"a,b\n" + b"1,x\n2,y\n" * 10 + b"1e999,x\n",
        {"a": number(*[1.0, 2.0] * 10, NAN), "b": category(*["x", "y"] * 10, "x")},
        said=("'1e999' is no number",),
    ),
    Nasty(
        "17 digits",
        b"a,b\n0.1234567890123456,x\n-32.49821436516184,y\n2.2250738585072014e-308,x\n",
        {
            "a": number(0.1234567890123456, -32.49821436516184, 2.2250738585072014e-308),
            "b": category("x", "y", "x"),
        },
    ),
    Nasty(
        "a long minus sign",
        "a,b\n−5,x\n3,y\n".encode(),
        {"a": number(-5, 3), "b": category("x", "y")},
    ),
    Nasty(
        "hexadecimal numbers are no numbers",
        b"a,b\n0x10,1\n0x20,3\n",
        {"a": category("0x10", "0x20"), "b": number(1, 3)},
    ),
    Nasty(
        "digits of other scripts are no numbers",
        "a,b\n١٢,1\n٣٤,3\n".encode(),
        {"a": category("١٢", "٣٤"), "b": number(1, 3)},
    ),
    Nasty(
        "blanks around numbers",
        b"a,b\n 1 ,x\n  2,y\n",
        {"a": number(1, 2), "b": category("x", "y")},
    ),
]

DATES = [
    Nasty(
        "01/02/2024 throughout",
        b"d,n\n01/02/2024,1\n03/04/2024,3\n",
        {"d": date("2024-02-01", "2024-04-03"), "n": number(1, 3)},
        said=("no date says whether the day or the month stands first; the day is read first",),
    ),
    Nasty(
        "01/02/2024 throughout, told",
        b"d,n\n01/02/2024,1\n03/04/2024,3\n",
        {"d": date("2024-01-02", "2024-03-04"), "n": number(1, 3)},
        options={"types": {"d": "date:mdy"}},
    ),
    Nasty(
        "01/02/2024 throughout, another column tells",
        b"d,e\n01/02/2024,12/31/2024\n03/04/2024,01/05/2024\n",
        {"d": date("2024-01-02", "2024-03-04"), "e": date("2024-12-31", "2024-01-05")},
        said=("the month is read first, as in other columns",),
    ),
    Nasty(
        "one date that tells the order",
        b"d,n\n01/02/2024,1\n12/31/2024,3\n",
        {"d": date("2024-01-02", "2024-12-31"), "n": number(1, 3)},
    ),
    Nasty(
        "three forms in one column",
        b"d,n\n2024-01-31,1\n31.01.2024,3\n31 Jan 2024,4\n",
        {"d": date("2024-01-31", "2024-01-31", "2024-01-31"), "n": number(1, 3, 4)},
    ),
    Nasty(
        "days first and months first in one column",
        b"d,n\n25/12/2024,1\n12/26/2024,3\n27/12/2024,2\n01/02/2024,4\n",
        {
            "d": date("2024-12-25", "2024-12-26", "2024-12-27", "2024-02-01"),
            "n": number(1, 3, 2, 4),
        },
        said=("2 dates with the day first, 1 with the month; of the 1 that could be either",),
    ),
    Nasty(
        "years of two digits",
        b"d,n\n31.12.69,1\n01.01.68,3\n",
        {"d": date("1969-12-31", "2068-01-01"), "n": number(1, 3)},
        said=("two digits are read as 1969 to 2068",),
    ),
    Nasty(
        "names of months",
        b'd,n\n"March 3, 2024",1\n4-Apr-2024,3\n5. Mai 2024,2\n',
        {"d": date("2024-03-03", "2024-04-04", "2024-05-05"), "n": number(1, 3, 2)},
    ),
    Nasty(
        "times",
        b"d,n\n2024-01-31 12:30,1\n2024-01-31T12:30:15.5,3\n1/31/2024 2:05 PM,2\n",
        {
            "d": date("2024-01-31 12:30:00", "2024-01-31 12:30:15.500000", "2024-01-31 14:05:00"),
            "n": number(1, 3, 2),
        },
    ),
    Nasty(
        "times of zones",
        b"d,n\n2024-01-31T12:00:00Z,1\n2024-01-31T12:00:00+02:00,3\n",
        {"d": date("2024-01-31 12:00:00", "2024-01-31 10:00:00"), "n": number(1, 3)},
        said=("times of a zone are read as UTC",),
    ),
    Nasty(
        "a day that no month has",
        b"d,n\n" + b"2024-01-31,1\n" * 6 + b"2024-02-29,3\n" * 6 + b"2023-02-29,3\n",
        {
            "d": date(*["2024-01-31"] * 6, *["2024-02-29"] * 6, None),
            "n": number(*[1.0] * 6, *[3.0] * 7),
        },
        said=("line 14: '2023-02-29' is no date",),
    ),
    Nasty(
        "20240131 under a name that says date",
        b"order_date,n\n20240131,1\n20240201,3\n",
        {"order_date": date("2024-01-31", "2024-02-01"), "n": number(1, 3)},
    ),
    Nasty(
        "20240131 under another name",
        b"a,n\n20240131,1\n20240201,3\n",
        {"a": number(20240131, 20240201), "n": number(1, 3)},
    ),
    Nasty(
        "zeros for dates are missing dates",
        b"d,n\n" + b"2024-01-31,1\n2024-02-01,2\n" * 5 + b"0000-00-00,3\n",
        {"d": date(*["2024-01-31", "2024-02-01"] * 5, None), "n": number(*[1.0, 2.0] * 5, 3)},
        said=("line 12: '0000-00-00' is no date",),
    ),
    Nasty(
        "numbers of versions are no dates",
        b"v,n\n1.2.10,1\n2.0.1,3\n1.10.3,2\n",
        {"v": category("1.2.10", "2.0.1", "1.10.3"), "n": number(1, 3, 2)},
    ),
]

KINDS = [
    Nasty(
        "yes and no in several spellings",
        b"a,n\nyes,1\nNo,3\nYES,2\nno,5\n",
        {"a": category("yes", "No", "yes", "No"), "n": number(1, 3, 2, 5)},
    ),
    Nasty(
        "ids by their name",
        b"customer_id,n\n7,1\n3,3\n9,2\n",
        {"customer_id": ids("7", "3", "9"), "n": number(1, 3, 2)},
    ),
    Nasty(
        "numbers of rows",
        b"i,n\n" + b"".join(b"%d,%d\n" % (i, i % 5) for i in range(30)),
        {"i": ids(*map(str, range(30))), "n": number(*[float(i % 5) for i in range(30)])},
    ),
    Nasty(
        "years in a row are numbers",
        b"year,n\n" + b"".join(b"%d,%d\n" % (1990 + i, i % 5) for i in range(30)),
        {
            "year": number(*[1990.0 + i for i in range(30)]),
            "n": number(*[float(i % 5) for i in range(30)]),
        },
    ),
    Nasty(
        "one value throughout",
        b"a,b,n\nx,7,1\nx,7,3\n",
        {"a": constant("x", "x"), "b": constant("7", "7"), "n": number(1, 3)},
    ),
    Nasty("an empty column", b"a,n\n,1\n,3\n", {"a": constant(None, None), "n": number(1, 3)}),
    Nasty(
        "sentences",
        b"a,n\n" + b"".join(b"the %d words of a row,%d\n" % (i, i % 5) for i in range(30)),
        {
            "a": text(*[f"the {i} words of a row" for i in range(30)]),
            "n": number(*[float(i % 5) for i in range(30)]),
        },
    ),
    Nasty(
        "codes that all differ",
        b"a,n\n" + b"".join(b"x%dy,%d\n" % (i, i % 5) for i in range(30)),
        {"a": ids(*[f"x{i}y" for i in range(30)]), "n": number(*[float(i % 5) for i in range(30)])},
    ),
    Nasty(
        "'none' is an answer, 'None' is not",
        b"a,n\nnone,1\nsome,3\nNone,2\n",
        {"a": category("none", "some", None), "n": number(1, 3, 2)},
    ),
    Nasty(
        "a number as a category, told",
        b"a,n\n10,1\n9,3\n10,2\n",
        {"a": category("10", "9", "10"), "n": number(1, 3, 2)},
        options={"types": {"a": "category"}},
    ),
    Nasty(
        "a category of numbers and words keeps its spelling",
        b"a,n\n1.0,1\nx,3\n1,2\ny,5\n",
        {"a": category("1.0", "x", "1", "y"), "n": number(1, 3, 2, 5)},
        said=("2 of 4 cells are numbers",),
    ),
]

OTHERS = [
    Nasty("an empty file", b"", error="got an empty file"),
    Nasty("blank lines alone", b"\n\n \n", error="got an empty file"),
    Nasty("an Excel file", b"PK\x03\x04rest", error="got an Excel or zip file", name="t.xlsx"),
    Nasty("a web page", b"<!doctype html><p>x", error="got a web page"),
    Nasty("random bytes", bytes(range(256)) * 4, error="got a NUL byte in line 1, character 1"),
    Nasty(
        "JSON lines",
        b'{"a": 1, "b": "x"}\n{"b": "y", "a": 2.5}\n',
        {"a": number(1, 2.5), "b": category("x", "y")},
        name="t.jsonl",
    ),
    Nasty(
        "JSON lines, a key that lacks",
        b'{"a": 1, "b": "x"}\n\n{"a": null}\n',
        {"a": number(1, NAN), "b": category("x", None)},
        name="t.jsonl",
    ),
    Nasty(
        "JSON lines, one damaged",
        b'{"a": 1}\n{"a": 2\n',
        error="got line 2, column 8",
        name="t.jsonl",
    ),
    Nasty("JSON lines, nested", b'{"a": [1]}\n', error="got a list in 'a'", name="t.jsonl"),
    Nasty("JSON, a list of objects", b'[{"a": 1}, {"a": 3}]', {"a": number(1, 3)}, name="t.json"),
    Nasty(
        "JSON, integers of 30 digits",
        b'{"a": 100000000000000000000000000001}\n{"a": 100000000000000000000000000002}\n',
        {"a": ids("100000000000000000000000000001", "100000000000000000000000000002")},
        name="t.jsonl",
    ),
]

GROUPS = {
    "Encodings": ENCODINGS,
    "Dialects": DIALECTS,
    "Quotes": QUOTES,
    "Widths": WIDTHS,
    "Names": NAMES,
    "Numbers": NUMBERS,
    "Dates": DATES,
    "Kinds": KINDS,
    "Other files": OTHERS,
}
NASTY = [case for group in GROUPS.values() for case in group]
