import pytest
from misbehaving import Ask, Example, ExampleSettings, answering, http

from connectors.toolkit import Connector, ConnectorSettings, errors, operation
from connectors.toolkit.diagnoses import AGENCY_FAULT
from schemas.civil import ChildCard


class Failing(Connector[ExampleSettings]):
    """Raises what it is told to."""

    agency = "failing"

    def __init__(self, error: Exception) -> None:
        super().__init__(ExampleSettings(base_url="https://x"))
        self.error = error

    @operation(effect="read", purpose="test", contract="G")
    def read(self, query: Ask) -> ChildCard:
        """Reads."""
        raise self.error

    @operation(effect="write", purpose="test", contract="G")
    def write(self, query: Ask, *, reference: str) -> ChildCard:
        """Writes."""
        raise self.error

    @write.reconcile
    def find(self, query: Ask, *, reference: str) -> ChildCard | None:
        """Looks it up."""
        raise self.error


def test_an_operation_says_what_its_decorator_and_signature_say():
    found = Example.operations()

    assert list(found) == ["read", "put", "write"]
    assert found["write"].qualified == "example.write"
    assert (found["write"].effect, found["write"].purpose, found["write"].legal_basis) == ("write", "test", "none")
    assert (found["write"].request, found["write"].record) == (Ask, ChildCard)
    assert (found["write"].reconcile, found["read"].reconcile) == ("find", None)
    assert found["read"].doc == "Reads."


def test_a_doubtful_failure_is_in_doubt_only_for_a_write():
    failing = Failing(errors.Retriable("X", diagnosis=AGENCY_FAULT, doubtful=True))

    with pytest.raises(errors.Retriable):
        failing.read(Ask())
    with pytest.raises(errors.InDoubt) as caught:
        failing.write(Ask(), reference="R")
    with pytest.raises(errors.Retriable):
        failing.find(Ask(), reference="R")

    assert caught.value.code == "X"


@pytest.mark.parametrize(
    "error",
    [
        errors.Retriable("X", diagnosis=AGENCY_FAULT),
        errors.Rejected("X", reason=AGENCY_FAULT),
        errors.Misconfigured("X", diagnosis=AGENCY_FAULT),
        errors.BadData("X", diagnosis=AGENCY_FAULT, doubtful=False),
    ],
)
def test_a_failure_without_doubt_is_what_it_is_for_a_write_too(error):
    with pytest.raises(type(error)) as caught:
        Failing(error).write(Ask(), reference="R")

    assert caught.value is error


def test_a_mapping_that_stumbles_names_the_place_and_quotes_nothing():
    failing = Failing(ValueError("9999010101900001 is not a date"))

    with pytest.raises(errors.BadData) as reading:
        failing.read(Ask())
    with pytest.raises(errors.InDoubt) as writing:
        failing.write(Ask(), reference="R")

    for error in (reading.value, writing.value):
        assert "9999010101900001" not in f"{error} {error.detail}"
        assert error.detail.startswith("ValueError in Failing.")
        assert error.__suppress_context__


def test_invoke_calls_with_our_reference_and_look_up_asks_by_it(serve):
    server = serve(answering(http(), http(b"null"), http()))
    found = Example.operations()["write"]
    with Example(ExampleSettings(base_url=server.url)) as connector:
        assert found.invoke(connector, Ask(), "R-1").reference == "R-1"
        assert found.look_up(connector, Ask(), "R-2") is None
        assert found.look_up(connector, Ask(), "R-3").reference == "R-3"

    assert server.requests[1].startswith(b"POST /find/R-2 ")


def test_what_does_something_needs_a_reference():
    found = Example.operations()
    with Example(ExampleSettings(base_url="https://x")) as connector:
        with pytest.raises(ValueError, match="needs a reference"):
            found["write"].invoke(connector, Ask())
        with pytest.raises(ValueError, match="cannot be looked up"):
            found["put"].look_up(connector, Ask(), "R")


def test_a_connector_knows_its_settings_class():
    assert Example.settings_class() is ExampleSettings
    assert issubclass(ExampleSettings, ConnectorSettings)


def test_an_error_shows_its_class_code_and_diagnosis():
    error = errors.Retriable("HTTP_503", diagnosis=AGENCY_FAULT, detail="secret path")

    assert str(error) == f"Retriable HTTP_503: {AGENCY_FAULT.en}"
    assert error.kind == "retriable"
