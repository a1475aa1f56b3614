"""Which commands a line of shell would run: a scanner of POSIX's grammar, with what bash adds and models write.

Law: it reads, and never runs. What it cannot follow is `Unreadable`, never a command passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .shell_words import BREAKS, MAX_DEPTH, Unreadable, Word, closing_at, document_at, substituted, word_at

__all__ = ["Line", "scanned"]

# A command follows each of these, or nothing does; none is a command itself.
_STEPS = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "time", "coproc")
)
_CASE_ENDS = (";;&", ";;", ";&")
_OPERATORS = ("&&", "||", "|&", ";", "&", "|", "\n")
_BARE = re.compile(r"[^\s;&|<>()'\"\\$`]+")
_REDIRECTION = re.compile(r"(?:\d+|\{\w+\})?(?:&>>|&>|<<<|<<-|<<|<>|<&|>>|>&|>\||[<>](?!\())")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^]\s]*\])?\+?=")
_CALL = re.compile(r"[ \t]*\([ \t]*\)")
_SPACES = re.compile(r"(?:[ \t]|\\\n)*")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass
class Line:
    """What a line would run. `own` are the functions that it defines; `simple` says that it needs no shell: it is
    nothing but plain words."""

    commands: list[tuple[Word, ...]] = field(default_factory=list)
    own: set[str] = field(default_factory=set)
    simple: bool = True


def scanned(text: str) -> Line:
    """The commands of `text`, in the order in which they are written, and those in their words."""
    line = Line()
    _scan(text, line, 0)
    line.simple = line.simple and len(line.commands) == 1
    return line


def _scan(text: str, line: Line, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Unreadable(f"it is nested more than {MAX_DEPTH} deep")
    scanner = _Scanner(text, line, depth)
    scanner.commands()
    if scanner.at < len(text):
        raise Unreadable(f"there is a {text[scanner.at]!r} too much")


class _Scanner:
    def __init__(self, text: str, line: Line, depth: int) -> None:
        self.text = text
        self.at = 0
        self.line = line
        self.depth = depth
        self.documents: list[tuple[Word, bool]] = []
        self.compounds: dict[str, Callable[[], None]] = {
            "for": self._for,
            "select": self._for,
            "case": self._case,
            "function": self._function,
            "[[": self._condition,
        }

    def commands(self, *ends: str) -> None:
        """Commands up to the end, a closing bracket or one of `ends`, which is left to be read."""
        while True:
            self._blanks()
            if self._over() or self._sees(")", *ends) or ("esac" in ends and self._bare() == "esac"):
                return
            if self._takes(*_OPERATORS):
                self.line.simple = False
            else:
                self._command()

    def _command(self) -> None:
        bare = self._bare()
        if self._sees("((") and self.text.startswith("))", closing_at(self.text, self.at + 2)):
            self._sum()
        elif self._takes("("):
            self._subshell()
        elif bare in _STEPS or bare in self.compounds:
            self.line.simple = False
            self.at += len(bare)
            self.compounds.get(bare, self._spaces)()
        else:
            self._simple()

    def _subshell(self) -> None:
        self.line.simple = False
        self._deeper()
        self._expect(")")

    def _deeper(self, *ends: str) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"it is nested more than {MAX_DEPTH} deep")
        self.commands(*ends)
        self.depth -= 1

    def _sum(self) -> None:
        """`((...))`: numbers, and what is substituted among them."""
        self.line.simple = False
        stop = closing_at(self.text, self.at + 2)
        self._inner(substituted(self.text[self.at + 2 : stop]))
        self.at = stop + 2

    def _simple(self) -> None:
        words: list[Word] = []
        while not self._over():
            if self._redirection() or (not words and self._assignment()):
                continue
            if self._sees(")", *_OPERATORS):
                break
            if self._sees("("):
                self._defined(words)
                return
            words.append(self._word())
            self._spaces()
        if words:
            self.line.commands.append(tuple(words))

    def _defined(self, words: list[Word]) -> None:
        if len(words) != 1 or not self._match(_CALL):
            raise Unreadable("there is a '(' where none can be")
        self.line.simple = False
        self.line.own.add(words[0].text)

    def _redirection(self) -> bool:
        sign = self._match(_REDIRECTION)
        if not sign:
            return False
        self.line.simple = False
        self._spaces()
        target = self._word()
        if sign.endswith(("<<", "<<-")):
            self.documents.append((target, sign.endswith("-")))
        self._spaces()
        return True

    def _assignment(self) -> bool:
        if not self._match(_ASSIGNMENT):
            return False
        self.line.simple = False
        if self._takes("("):
            self._blanks(newlines=True)
            while not self._takes(")"):
                self._word()
                self._blanks(newlines=True)
        elif not self._over() and self.text[self.at] not in BREAKS:
            self._word()
        self._spaces()
        return True

    def _for(self) -> None:
        self._spaces()
        if self._sees("(("):
            self._sum()
            return
        self._word()
        self._blanks(newlines=True)
        if self._bare() == "in":
            self.at += len("in")
            self._spaces()
            while not self._over() and not self._sees("\n", ";"):
                self._word()
                self._spaces()

    def _case(self) -> None:
        self._spaces()
        self._word()
        self._blanks(newlines=True)
        self._expect("in")
        self._blanks(newlines=True)
        while self._bare() != "esac":
            self._takes("(")
            while not self._takes(")"):
                self._spaces()
                if not self._takes("|"):
                    self._word()
                self._spaces()
            self._deeper(*_CASE_ENDS, "esac")
            self._takes(*_CASE_ENDS)
            self._blanks(newlines=True)
        self.at += len("esac")

    def _function(self) -> None:
        self._spaces()
        self.line.own.add(self._word().text)
        self._match(_CALL)

    def _condition(self) -> None:
        """`[[ ... ]]` has operators of its own, and runs nothing but what is substituted in it."""
        self._blanks(newlines=True)
        while self._bare() != "]]":
            if not self._takes("&&", "||", "<", ">", "(", ")", "|"):
                self._word()
            self._blanks(newlines=True)
        self.at += len("]]")

    def _word(self) -> Word:
        word, self.at = word_at(self.text, self.at)
        self.line.simple = self.line.simple and word.plain
        self._inner(word.inner)
        return word

    def _inner(self, texts: tuple[str, ...]) -> None:
        for text in texts:
            self.line.simple = False
            _scan(text, self.line, self.depth + 1)

    def _blanks(self, *, newlines: bool = False) -> None:
        """Spaces and comments, with the documents of a line that ends here; and the ends of lines where asked to."""
        self._spaces()
        while self._sees("\n") and (newlines or self.documents):
            self.at += 1
            self.line.simple = False
            self._documents()
            self._spaces()

    def _spaces(self) -> None:
        self._match(_SPACES)
        if self.at == 0 or self.text[self.at - 1] in BREAKS:
            self._match(_COMMENT)

    def _documents(self) -> None:
        for target, tabs in self.documents:
            body, self.at = document_at(self.text, self.at, target, tabs=tabs)
            if not target.quoted:
                self._inner(substituted(body))
        self.documents.clear()

    def _over(self) -> bool:
        return self.at >= len(self.text)

    def _sees(self, *signs: str) -> bool:
        return self.text.startswith(signs, self.at)

    def _takes(self, *signs: str) -> bool:
        taken = next((sign for sign in signs if self.text.startswith(sign, self.at)), "")
        self.at += len(taken)
        return bool(taken)

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise Unreadable(f"a {sign!r} is missing")

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def _bare(self) -> str:
        """The word that begins here, where it is written without a quote or an expansion; else nothing."""
        found = _BARE.match(self.text, self.at)
        behind = self.text[found.end() : found.end() + 1] if found else ""
        return found[0] if found and (not behind or behind in BREAKS) else ""
