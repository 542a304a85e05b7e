"""`Shape`: the base of agencies' own shapes, as they come on the wire. Nothing here judges an answer."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Extra fields are let through unread, numbers may come where text is expected, and errors show no input."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True, hide_input_in_errors=True
    )
