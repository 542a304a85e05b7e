"""The utilities' own shapes [G]: an envelope with a response code, and data with Indonesian names."""

from typing import Any

from pydantic import Field

from connectors.toolkit.wire import Shape


class Answer(Shape):
    """The envelope: `rc` is 00 for good, whatever the HTTP status."""

    code: str = Field(alias="rc")
    message: str | None = Field(default=None, alias="pesan")
    data: Any = None


class Account(Shape):
    """A connection, or the application for one. Amounts are whole rupiah, as numbers or strings."""

    kind: str = Field(alias="jenis")
    customer_number: str | None = Field(default=None, alias="idpel")
    name: str | None = Field(default=None, alias="nama")
    address: str | None = Field(default=None, alias="alamat")
    tariff: str | None = Field(default=None, alias="tarif")
    arrears: Any = Field(default=None, alias="total_tunggakan")
    unpaid_bills: int | None = Field(default=None, alias="lembar_tunggakan")
    fee: Any = Field(default=None, alias="biaya")
    application: str | None = Field(default=None, alias="no_agenda")
    status: str | None = None
    reference: str | None = Field(default=None, alias="no_referensi")


class Place(Shape):
    """`lokasi` of a new connection."""

    street: str | None = Field(default=None, alias="alamat")
    rt: str | None = None
    rw: str | None = None
    village: str | None = Field(default=None, alias="kode_kelurahan")
    postal_code: str | None = Field(default=None, alias="kode_pos")


class Connection(Shape):
    """Body of an application for a connection."""

    partner: str = Field(alias="kode_mitra")
    reference: str = Field(alias="no_referensi")
    kind: str = Field(alias="jenis")
    nik: str
    name: str = Field(alias="nama")
    place: Place = Field(alias="lokasi")
    tariff: str = Field(alias="tarif")
    phone: str | None = Field(default=None, alias="no_hp")


class Cancellation(Shape):
    """Body that cancels an application for a connection."""

    partner: str = Field(alias="kode_mitra")
    reference: str = Field(alias="no_referensi")
    application: str = Field(alias="no_agenda")


class Transfer(Shape):
    """Body of an application for another holder."""

    partner: str = Field(alias="kode_mitra")
    reference: str = Field(alias="no_referensi")
    customer_number: str = Field(alias="idpel")
    nik: str = Field(alias="nik_baru")
    name: str = Field(alias="nama_baru")
    ground: str = Field(alias="dasar")
    deed_number: str | None = Field(default=None, alias="no_akta")
