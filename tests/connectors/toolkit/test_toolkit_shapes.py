import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.toolkit import contracts, shapes

ANSWER = {"content": [{"NIK": 1, "NAMA": "A"}, {"NIK": 2, "NAMA": None, "RT": "01"}], "quota": 5}
WSDL = Path("connectors/simponi/SimponiBRI_Service.wsdl")


def changes(before, now):
    return [(d.path, d.change, d.before, d.now) for d in shapes.differences(shapes.of(before), shapes.of(now))]


def test_a_shape_holds_fields_and_types_and_no_values():
    assert shapes.of(ANSWER) == {
        "": {"types": ["object"], "optional": False},
        "content": {"types": ["array"], "optional": False},
        "content[]": {"types": ["object"], "optional": False},
        "content[].NIK": {"types": ["integer"], "optional": False},
        "content[].NAMA": {"types": ["null", "string"], "optional": False},
        "content[].RT": {"types": ["string"], "optional": True},
        "quota": {"types": ["integer"], "optional": False},
    }


def test_names_that_look_like_data_are_not_kept():
    assert set(shapes.of({"9974014101900001": {"a": 1}})) == {"", "*", "*.a"}


def test_the_same_shape_with_other_values_is_no_difference():
    other = {"content": [{"NIK": 7, "NAMA": "Z"}], "quota": 0}
    assert changes(ANSWER, other) == []
    assert changes(ANSWER, {"content": [], "quota": 1}) == []
    assert changes(ANSWER, {"content": None, "quota": 1}) == []


def test_what_was_renamed_retyped_added_or_left_out_is_told_field_by_field():
    assert changes(ANSWER, {"content": [{"NIK": "1", "NAME": "A"}], "quota": 5}) == [
        ("content[].NAMA", "missing", ("null", "string"), ()),
        ("content[].NAME", "added", (), ("string",)),
        ("content[].NIK", "retyped", ("integer",), ("string",)),
    ]
    assert changes(ANSWER, {"content": ANSWER["content"], "more": {"a": {"b": 1}}}) == [
        ("more", "added", (), ("object",)),
        ("quota", "missing", ("integer",), ()),
    ]


def test_samples_are_merged_and_what_only_some_have_is_optional():
    both = shapes.merged(shapes.of({"a": 1, "b": 2}), shapes.of({"a": "x"}))
    assert both["a"] == {"types": ["integer", "string"], "optional": False}
    assert both["b"] == {"types": ["integer"], "optional": True}
    assert shapes.differences(both, shapes.of({"a": 5})) == []


def test_xml_has_a_shape_as_json_has():
    envelope = (
        b"<e:Envelope xmlns:e='urn:e'><e:Body><r><row><a>1</a></row><row><a>2</a><b/></row></r></e:Body></e:Envelope>"
    )
    assert "Envelope.Body.r.row[].a" in shapes.of_body(envelope)
    assert shapes.of_body(b"%PDF-1.7") is None
    assert shapes.of_body(b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>') is None
    assert shapes.of_body(b"{") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
)


@given(JSON)
def test_nothing_differs_from_itself(value):
    assert shapes.differences(shapes.of(value), shapes.of(value)) == []


@given(JSON, JSON)
def test_a_merged_shape_knows_both_samples(one, other):
    both = shapes.merged(shapes.of(one), shapes.of(other))
    for value in (one, other):
        assert [d for d in shapes.differences(both, shapes.of(value)) if d.change != "missing"] == []


def test_a_contract_that_says_the_same_otherwise_is_the_same():
    pinned = WSDL.read_bytes()
    same = pinned.replace(b"http://127.0.0.1", b"https://elsewhere.example").replace(b"<wsdl:", b"<!-- x --><wsdl:", 1)
    assert contracts.differences(pinned, same) == []


def test_a_changed_wsdl_is_told_field_by_field():
    pinned = WSDL.read_bytes()
    found = contracts.differences(pinned, pinned.replace(b'name="NamaWajibBayar"', b'name="NamaWP"', 1))
    assert {difference.change for difference in found} == {"added", "missing"}
    assert any("NamaWajibBayar" in difference.path for difference in found)


def test_a_changed_openapi_document_is_told_field_by_field():
    schema = {"type": "object", "required": ["b", "a"], "properties": {"a": {"type": "string", "description": "x"}}}
    before = {"openapi": "3.1.0", "info": {"version": "1"}, "components": {"schemas": {"A": schema}}}
    after = json.loads(json.dumps(before))
    after["info"]["version"] = "2"
    after["components"]["schemas"]["A"]["required"].reverse()
    after["components"]["schemas"]["A"]["properties"]["a"]["description"] = "y"
    assert contracts.differences(json.dumps(before).encode(), json.dumps(after).encode()) == []
    after["components"]["schemas"]["A"]["properties"]["a"]["type"] = "integer"
    (difference,) = contracts.differences(json.dumps(before).encode(), json.dumps(after).encode())
    assert (difference.path, difference.change) == ("components.schemas.A.properties.a.type", "retyped")


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b"<a", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', b"%PDF"])
def test_what_is_no_contract_is_refused_without_quoting_it(document):
    with pytest.raises(contracts.ContractError):
        contracts.facts(document)
