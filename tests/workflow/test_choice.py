import pytest

from simpul.expressions import ExpressionError, build
from simpul.workflow.paths import choose


def test_a_choice_takes_the_entry_for_what_stands_at_its_path() -> None:
    amount = choose("form.book", {"5 years": 650_000, "10 years": 950_000})
    assert build({"amount": amount}, {"form": {"book": "10 years"}}) == {"amount": 950_000}


def test_a_choice_without_an_entry_is_an_error_that_does_not_quote_the_value() -> None:
    with pytest.raises(ExpressionError, match="no entry") as error:
        build({"amount": choose("form.book", {"5 years": 1})}, {"form": {"book": "SECRET"}})
    assert "SECRET" not in str(error.value)
