"""Immigration's own shapes, as zeep gives them; the elements are in `LayananPaspor.wsdl`. Nothing here judges an answer."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Common to the agency's shapes: extra fields are let through unread, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Data(Shape):
    """What an answer says; each operation fills in its own part."""

    noPermohonan: str | None = None  # noqa: N815  (the agency's name)
    status: str | None = None
    nik: str | None = None
    nama: str | None = None
    jenisPaspor: str | None = None  # noqa: N815
    kantor: str | None = None
    batasBayar: str | None = None  # noqa: N815
    noAntrean: str | None = None  # noqa: N815
    jadwal: str | None = None
    berlakuSampai: str | None = None  # noqa: N815
    noPaspor: str | None = None  # noqa: N815
    tglTerbit: str | None = None  # noqa: N815
    tglHabis: str | None = None  # noqa: N815


class Answer(Shape):
    """The answer to every operation."""

    kode: str
    data: Data | None = None
