"""Explanations of terms, and the (i) that opens them."""

from __future__ import annotations

import re

from mnistlab.glossary import TERMS, glossary, info
from mnistlab.markup import table


def test_each_button_opens_an_explanation() -> None:
    ids = re.findall(r"id='([^']+)'", glossary())
    assert len(set(ids)) == len(TERMS)
    for term in TERMS:
        found = re.search(r"popovertarget='([^']+)'", info(term))
        assert found
        assert found[1] in ids
        assert f"What is {term.replace(chr(39), '&#x27;')}?" in info(term)


def test_a_term_without_an_explanation_has_no_button() -> None:
    assert info("Epoch of reason") == ""


def test_a_table_explains_its_columns_only_where_a_page_has_the_glossary() -> None:
    assert "popovertarget" in table(["Model", "ECE"], [], "t", explained=True)
    assert "popovertarget" not in table(["Model", "ECE"], [], "t")
