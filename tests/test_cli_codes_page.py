"""``gradcheck explain --html``: every code on one page, from the same texts."""

import re
from html.parser import HTMLParser

import pytest

from gradcheck.cli import main
from gradcheck.explanations import BEFORE, codes, explanation


class Page(HTMLParser):
    """The page's links, ids, text by article, and which elements are left open."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.articles, self.open, self.text = [], [], {}, [], ""
        self._article = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag != "meta":
            self.open.append(tag)
        self.links += [found["href"]] if "href" in found else []
        self.ids += [found["id"]] if "id" in found else []
        self._article = found["id"] if tag == "article" else self._article

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._article = None if tag == "article" else self._article

    def handle_data(self, data):
        self.text += data
        if self._article:
            # words of one element do not run into those of the next
            self.articles[self._article] = self.articles.get(self._article, "") + data + "\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "codes.html"
    assert main(["explain", "--html", str(file)]) == 0
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def test_every_code_is_on_the_page_and_in_its_list(page):
    assert page.ids == codes()
    assert set(page.articles) == set(codes())
    assert page.open == []
    for code in codes():
        assert page.links.count(f"#{code}") >= 1
        assert page.text.count(f"{code} {explanation(code).title}") == 2


def test_every_link_leads_somewhere(page):
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


@pytest.mark.parametrize("code", codes())
def test_the_text_is_that_of_explain(code, page):
    told = explanation(code)
    words = re.sub(r"^(\w+):$", r"\1", told.body, flags=re.MULTILINE).split()
    assert "".join(words) in "".join(page.articles[code].split())
    flat = [line.strip() for line in page.articles[code].splitlines()]
    assert all(line.strip() in flat for block in told.blocks.values() for line in block.splitlines())


def test_another_code_in_a_text_is_a_link(page):
    mentioned = {other for code in codes() for other in re.findall(r"GC\d{3}", explanation(code).body) if other != code}
    assert mentioned <= set(codes())
    for other in mentioned:
        assert page.links.count(f"#{other}") >= 2


def test_it_stands_alone_and_runs_nothing(source, page):
    assert BEFORE.splitlines()[0] in page.text
    assert "prefers-color-scheme: dark" in source
    assert not re.search(r"<(script|link|iframe|object|img)|@import| on[a-z]+=|href=\"(?!#)|url[(]", source)


def test_misuse_is_told(tmp_path, capsys):
    assert main(["explain", "GC202", "--html", str(tmp_path / "codes.html")]) == 2
    assert "--html writes all codes; leave the codes out" in capsys.readouterr().err
    assert main(["explain", "--html", str(tmp_path / "nowhere" / "codes.html")]) == 2
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
