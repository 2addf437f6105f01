"""No coined word is used: the project is written in the standard terms of payments, in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.arch.tree import ROOT


class Word(NamedTuple):
    """A word of our own invention, as a pattern."""

    pattern: str
    instead: str


WORDS = [
    Word(r"undisturbed", "retry_on_conflict"),
    Word(r"db\.must", "db.assert_row_counts"),
    Word(r"peek(?:s|ed|ing)?", "read"),
    Word(r"give_back", "release"),
    Word(r"absorb(?:s|ed|ing)?", "apply_outcome; handle"),
    Word(r"told|tells?|telling", "event_fields; report, return, say, notify"),
    Word(r"mistrust(?:s|ed|ing)?", "flag_mismatch"),
    Word(r"lose_sight|loses? sight|lost sight", "mark_unknown"),
    Word(r"call(?:s|ed|ing)?(?: \w+){0,2}[ _]off", "cancel"),
    Word(
        r"class (?:Along|Deaf|Desk|Draft|Heard|Once|Onward|Overtaken|Paying|Recent|Tale|Twin|Tx|Wish)",
        "the class's name of today",
    ),
    Word(r"news", "an event; an update"),
    Word(r"(?<!-)(?:stands?|stood)(?!-)", "is; is in; its status"),
    Word(r"overtak(?:e|en|es|ing)", "a conflict; concurrent"),
    Word(r"anew", "again"),
    Word(r"lets? in|let_in", "authorize"),
    Word(r"whoever", "the caller; anyone who"),
    Word(r"befall(?:s|en)?", "happens to"),
    Word(r"take_in|work_off", "record_message; a job"),
    Word(r"[\"'](?:least|most)[\"']", "min; max"),
    Word(r"(?:date|price|expiry) to come", "future"),
    Word(r"goes elsewhere", "uses other ports"),
    Word(r"are the books in order", "check the ledger"),
    Word(r"our fault", "Internal error"),
    Word(r"went wrong on our side", "The request may be retried"),
    Word(r"hears?|heard", "receive; report"),
    Word(r"deaf", "loses_responses"),
    Word(r"mend(?:s|ed|ing)?", "fix; correct"),
    Word(r"e-mails?", "email"),
    Word(r"amongst|whilst|thereof", "among; while; its"),
    Word(r"seeds?/|seed [0-9]'s", "nothing: the documents that ask for this are no part of it"),
]

ALLOWED: Mapping[tuple[str, str], str] = {
    ("src/checkie/db/migrations/202611211800_one_token.sql", "drop function db.must(boolean);"): "its name until then",
    ("src/checkie/app/embedded/server.py", "log_start = log.tell()"): "a method of files",
    ("src/checkie/app/embedded/server.py", "log.seek(max(start, log.tell() - 4096))"): "a method of files",
    (
        "tests/browser/test_stripe.py",
        'await buying.page.get_by_label("E-Mail").fill("ada@example.com")',
    ): "the label in German",
}
"""Places that may use a word: (file, the line's text without its indentation), each with its reason."""

FOLDERS = ("src", "tests", "docs", "scripts", "bench")
KINDS = {"", ".css", ".html", ".js", ".md", ".py", ".sql", ".svg", ".toml"}
EXEMPT = re.compile(
    r"docs/adr/[0-9]"  # decisions of the past
    r"|src/checkie/db/migrations/00"  # not changed once applied
    r"|tests/browser/vendor/"  # not ours
    r"|tests/arch/test_words\.py"
)


@cache
def texts() -> Mapping[str, str]:
    """Every text that people write or read, by its path."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    found += [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")]
    names = {path.relative_to(ROOT).as_posix(): path for path in found if path.suffix in KINDS}
    return {name: path.read_text() for name, path in sorted(names.items()) if not EXEMPT.match(name)}


@cache
def lowered(text: str) -> str:
    return text.lower()


def uses(word: Word, files: Mapping[str, str]) -> Iterator[str]:
    """Where a word is used."""
    pattern = re.compile(rf"(?<![a-z])(?:{word.pattern})(?![a-z])", re.IGNORECASE)
    for name, text in files.items():
        if re.search(word.pattern.lower(), lowered(text)) is None:  # much quicker, and finds a few too many
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if (name, line.strip()) not in ALLOWED:
                yield from (f"{name}:{number} {found[0]}" for found in pattern.finditer(line))


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.instead)
def test_no_coined_word_is_used(word: Word) -> None:
    """Nothing in the source, tests, scripts and documents uses a word of the list."""
    found = list(uses(word, texts()))
    assert not found, f"{len(found)} uses; write: {word.instead}\n" + "\n".join(found)


def test_every_exception_is_needed() -> None:
    files = texts()
    for (name, line), reason in ALLOWED.items():
        assert reason
        assert line in map(str.strip, files[name].splitlines())
        assert any(re.search(word.pattern, line, re.IGNORECASE) for word in WORDS)


@pytest.mark.parametrize(
    "line",
    [
        "return payments.absorb(notice)",
        "what the provider told us",
        "Tell the buyer's email address",
        "how the payment stands",
        "the session is called off",
        "await call_off(attempt)",
        "call the attempt off",
        "class Wish(NamedTuple):",
        "good news",
        "    least = body['least']",
        "any date to come",
        "made by seed 3's states",
        "def news_of(event): ...",
        "the merchant hears of it",
        "once their cause is mended",
        "an e-mail address",
    ],
)
def test_a_coined_word_is_found(line: str) -> None:
    assert any(list(uses(word, {"x.py": line})) for word in WORDS)


@pytest.mark.parametrize(
    "line",
    ["a stand-in for Stripe", "at least once", "Once the session is open", "tests are seeded", "must be positive"],
)
def test_standard_words_pass(line: str) -> None:
    assert not any(list(uses(word, {"x.py": line})) for word in WORDS)


def test_source_tests_and_documents_are_read() -> None:
    assert {"README.md", "Makefile", "src/checkie/db/pool.py", "tests/make.py", "docs/tour.md"} <= texts().keys()
    assert Path("docs/adr/README.md").as_posix() in texts()
