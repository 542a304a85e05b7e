"""Frozen schemas: what may change within a version, what may not, and how a published file is protected."""

import json
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import jsonschema
import pytest
from pydantic import Field, StringConstraints

from schemas.base import Part, Record
from schemas.compat import PUBLISHED, check, document, publish
from schemas.privacy import personal
from schemas.registry import CONTRACTS


class Colour(Part):
    name: str


class Car(Record):
    schema_name: ClassVar[str] = "car"

    plate: Annotated[str, StringConstraints(pattern="^[A-Z0-9]+$"), personal("general")]
    fuel: Literal["petrol", "diesel"]
    wheels: int = 4
    colours: list[Colour] = Field([])
    main_colour: Colour | None = None
    features: dict[str, Colour] = Field({})
    owner: Annotated[str, personal("general")] | None = None


def changed(schema_version=1, *, without=(), base=Car, **fields):
    """Car as someone might have edited it: `field=(annotation, default)`."""
    kept = {
        name: (field.rebuild_annotation(), ... if field.is_required() else field.default)
        for name, field in base.model_fields.items()
        if name not in without
    }
    namespace = {"__module__": __name__, "schema_name": "car", "schema_version": schema_version}
    annotations = {"schema_name": ClassVar[str], "schema_version": ClassVar[int]}
    for name, (annotation, default) in (kept | fields).items():
        annotations[name] = annotation
        if default is not ...:
            namespace[name] = default
    return type(Record)("Car", (Record,), namespace | {"__annotations__": annotations})


def contracts(*models):
    return {model.schema_id(): model for model in models}


@pytest.fixture
def folder(tmp_path):
    publish(tmp_path, contracts(Car))
    return tmp_path


def told(folder, *models, retired=frozenset()):
    return [str(problem) for problem in check(folder, contracts(*models), retired)]


def test_the_repository_holds_every_schema_as_the_code_has_it():
    assert check() == []


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.name)
def test_every_published_file_is_valid_json_schema_without_secrets_of_pydantic(path):
    schema = json.loads(path.read_bytes())

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith("urn:simpul:schema:")
    assert '"additionalProperties": false' not in path.read_text()


def test_every_contract_has_its_file():
    assert {f"{model.schema_name}.v{model.schema_version}.json" for model in CONTRACTS.values()} <= {
        path.name for path in PUBLISHED.iterdir()
    }


def test_an_unchanged_record_is_fine(folder):
    assert told(folder, Car) == []
    assert told(folder, changed()) == []


def test_words_may_change(folder):
    reworded = changed(wheels=(Annotated[int, Field(description="How many", title="W", examples=[3])], 4))
    reworded.__doc__ = "Another text."

    assert told(folder, reworded) == []
    assert publish(folder, contracts(reworded)) == []


REFUSED = {
    "removed": (changed(without=["wheels"]), "field `wheels` is gone."),
    "renamed": (
        changed(without=["owner"], keeper=(Annotated[str, personal("general")] | None, None)),
        "field `owner` is gone, perhaps renamed to `keeper`.",
    ),
    "retyped": (changed(wheels=(str, "4")), "field `wheels` was of type integer and is now string."),
    "retyped to a union": (
        changed(wheels=(int | str, 4)),
        "`wheels` was of type integer and is now integer or string.",
    ),
    "new and required": (changed(doors=(int, ...)), "field `doors` is new and required, and data without it exist."),
    "now required": (changed(wheels=(int, ...)), "field `wheels` is now required, and data without it exist."),
    "no longer required": (changed(fuel=(Literal["petrol", "diesel"], "diesel")), "`fuel` is no longer required."),
    "enum narrowed": (changed(fuel=(Literal["petrol"], ...)), "field `fuel` no longer allows `diesel`."),
    "enum widened": (
        changed(fuel=(Literal["petrol", "diesel", "electric"], ...)),
        "field `fuel` now allows `electric`, which readers of this version refuse.",
    ),
    "pattern narrowed": (
        changed(plate=(Annotated[str, StringConstraints(pattern="^[A-Z]+$"), personal("general")], ...)),
        'field `plate` changed its pattern: it was "^[A-Z0-9]+$" and is now "^[A-Z]+$".',
    ),
    "pattern added": (
        changed(owner=(Annotated[str, StringConstraints(pattern="^a"), personal("general")] | None, None)),
        'field `owner` changed its pattern: it was not set and is now "^a".',
    ),
    "limit added": (changed(wheels=(Annotated[int, Field(le=8)], 4)), "`wheels` changed its maximum: it was not set"),
    "now null": (changed(wheels=(int | None, 4)), "field `wheels` may now be null"),
    "no longer null": (
        changed(owner=(Annotated[str, personal("general")], "x")),
        "field `owner` may no longer be null.",
    ),
    "default": (changed(wheels=(int, 3)), "field `wheels` changed its default: it was 4 and is now 3."),
    "class raised": (
        changed(owner=(Annotated[str, personal("specific", kind="child")] | None, None)),
        "changed its class of personal data: it was general (identity) and is now specific (child).",
    ),
    "class dropped": (
        changed(owner=(str | None, None)),
        "changed its class of personal data: it was general (identity) and is now not personal.",
    ),
    "class added": (
        changed(wheels=(Annotated[int, personal("general")], 4)),
        "changed its class of personal data: it was not personal and is now general (identity).",
    ),
    "items": (changed(colours=(list[str], [])), "field `colours.*` was of type object and is now string."),
    "values": (changed(features=(dict[str, int], {})), "field `features.*` was of type object and is now integer."),
    "any value": (changed(features=(dict[str, Any], {})), "field `features` changed what its items are."),
    "mapping": (changed(features=(list[Colour], [])), "field `features` was of type object and is now array."),
    "format": (changed(plate=(Decimal, ...)), "field `plate` was of type string and is now"),
}


@pytest.mark.parametrize(("edited", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_an_incompatible_change_is_refused_with_the_field_what_happened_and_what_to_do(folder, edited, sentence):
    problems = told(folder, edited)

    assert any(sentence in problem for problem in problems), problems
    assert all(problem.startswith("car/1: ") for problem in problems)
    assert all("undo it, or make it schema_version 2" in problem for problem in problems)


@pytest.mark.parametrize("edited", [edited for edited, _ in REFUSED.values()], ids=REFUSED.keys())
def test_an_incompatible_change_is_fine_as_a_new_version_once_published(folder, edited):
    second = changed(2, base=edited, without=[])

    assert told(folder, second) == ["car/2: is not published. Run `simpul schema publish` and commit the file."]
    assert [path.name for path in publish(folder, contracts(second))] == ["car.v2.json"]
    assert told(folder, second) == []


@pytest.mark.parametrize("edited", [edited for edited, _ in REFUSED.values()], ids=REFUSED.keys())
def test_publishing_does_not_freeze_an_incompatible_change(folder, edited):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert publish(folder, contracts(edited)) == []
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_change_deep_in_a_part_is_found_wherever_the_part_is_used(folder):
    class Hue(Part):
        name: int

    problems = told(folder, changed(colours=(list[Hue], []), main_colour=(Hue | None, None)))

    assert any("field `colours.*.name` was of type string" in problem for problem in problems)
    assert any("field `main_colour.name` was of type string" in problem for problem in problems)


def test_a_new_optional_field_is_published_as_the_next_edition_and_then_frozen_too(folder):
    grown = changed(doors=(int | None, None))

    assert told(folder, grown) == [
        "car/1: has new optional fields that are not published: `doors`. Run `simpul schema publish` and commit the file."
    ]
    assert [path.name for path in publish(folder, contracts(grown))] == ["car.v1.2.json"]
    assert told(folder, grown) == []
    assert any("field `doors` is gone" in problem for problem in told(folder, Car))
    assert any("field `doors` was of type" in problem for problem in told(folder, changed(doors=(str | None, None))))


def test_a_record_that_holds_itself_can_be_published_and_checked(tmp_path):
    class Tree(Record):
        schema_name: ClassVar[str] = "tree"

        branches: "list[Tree]" = Field([])

    Tree.model_rebuild()
    publish(tmp_path, contracts(Tree))

    assert told(tmp_path, Tree) == []


def test_publishing_again_writes_nothing(folder):
    assert publish(folder, contracts(Car)) == []


def test_readers_validating_with_the_published_schema_accept_fields_of_a_newer_writer(folder):
    newer = {"plate": "AB1", "fuel": "petrol", "doors": 5, "main_colour": {"name": "blue", "gloss": True}}

    jsonschema.validate(newer, json.loads((folder / "car.v1.json").read_bytes()))


def _edit(path, edit):
    held = json.loads(path.read_bytes())
    edit(held)
    path.write_text(json.dumps(held))


EDITS = {
    "a type": lambda held: held["properties"]["wheels"].update(type="string"),
    "a word": lambda held: held.update(description="Reworded"),
    "the digest": lambda held: held.update({"x-digest": "sha256:0"}),
    "no digest": lambda held: held.pop("x-digest"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_file_edited_by_hand_is_refused_and_not_built_upon(folder, edit):
    _edit(folder / "car.v1.json", edit)

    assert "car.v1.json: was changed after it was published." in told(folder, Car)[0]
    assert publish(folder, contracts(changed(doors=(int | None, None)))) == []


@pytest.mark.parametrize("content", ["", "[]", "not json", "\udcff"])
def test_a_file_that_is_no_schema_is_refused(folder, content):
    (folder / "car.v1.json").write_bytes(content.encode(errors="surrogateescape"))

    assert "car.v1.json: was changed after it was published." in told(folder, Car)[0]


def test_a_copy_under_another_name_is_refused(folder):
    (folder / "van.v1.json").write_bytes((folder / "car.v1.json").read_bytes())

    assert any("van.v1.json: holds another schema" in problem for problem in told(folder, Car))


def test_a_stray_file_is_refused(folder):
    (folder / "car.json").write_text("{}")

    assert told(folder, Car) == ["car.json: is not named <name>.v<version>.json. Only `publish` writes here."]


def test_a_lost_file_is_missed(folder):
    grown, second = changed(doors=(int | None, None)), changed(2)
    publish(folder, contracts(grown))
    publish(folder, contracts(second))

    (folder / "car.v1.json").unlink()
    assert any("car.v1.2.json: is published but" in problem for problem in told(folder, grown, second))
    (folder / "car.v1.2.json").unlink()
    assert any("car.v2.json: is published but" in problem for problem in told(folder, second))


def test_an_edition_that_breaks_the_one_before_it_is_refused_even_with_a_right_digest(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    narrow = changed(without=["wheels"])
    (path,) = publish(elsewhere, contracts(narrow))
    (folder / "car.v1.2.json").write_bytes(path.read_bytes())

    assert any("car.v1.2.json: field `wheels` is gone." in problem for problem in told(folder, narrow))


def test_a_record_may_not_vanish_unless_it_is_retired(folder):
    assert "car/1: is published but no record in code has this name." in told(folder)[0]
    assert told(folder, retired={"car"}) == []


def test_versions_never_go_back(folder):
    publish(folder, contracts(changed(2)))

    assert told(folder, Car) == [
        "car/2: is published but the code is at version 1. Versions never go back: raise schema_version."
    ]


def test_an_older_version_stays_beside_the_code_of_a_newer_one(folder):
    second = changed(2, without=["wheels"])
    publish(folder, contracts(second))

    assert told(folder, second) == []
    assert told(folder, Car, second) == []


def test_the_published_schema_says_where_it_is_from():
    assert document(Car)["$id"] == "urn:simpul:schema:car:1"
