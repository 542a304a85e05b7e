"""SIMPONI's own shapes (contract section 6): what zeep gives and takes, REST's answers, the rows of the payment push.

The elements themselves are in `SimponiBRI_Service.wsdl`. Nothing here judges an answer.
"""

from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter

from connectors.toolkit.wire import Shape


class BillData(Shape):
    """`simponiData` of a new bill. Times are Jakarta time."""

    transaction_id: str | None = Field(default=None, alias="SimponiTrxId")
    billing_code: str | None = Field(default=None, alias="KodeBillingSimponi")
    issued: str | None = Field(default=None, alias="Date")
    expires: str | None = Field(default=None, alias="ExpiredDate")


class BillVerdict(Shape):
    """`response` of PaymentRequest."""

    code: str
    message: str | None = None
    data: BillData | None = Field(default=None, alias="simponiData")


class BillAnswer(Shape):
    """The whole answer to PaymentRequest."""

    response: BillVerdict


class StatusData(Shape):
    """`ResponseData` of a paid bill."""

    transaction_id: str | None = Field(default=None, alias="SimponiTrxId")
    ntb: str | None = Field(default=None, alias="NTB")
    ntpn: str | None = Field(default=None, alias="NTPN")
    paid: str | None = Field(default=None, alias="TrxDate")
    bank: str | None = Field(default=None, alias="BankPersepsi")
    channel: str | None = Field(default=None, alias="ChannelPembayaran")
    booked: str | None = Field(default=None, alias="TglBuku")


class StatusAnswer(Shape):
    """The whole answer to BillingStatus."""

    code: str = Field(alias="ResponseCode")
    message: str | None = Field(default=None, alias="ResponseMessage")
    data: StatusData | None = Field(default=None, alias="ResponseData")


class Positional(Shape):
    """`response` of the REST service: what `data` means goes by position."""

    code: str
    message: str | None = None
    data: list[Any] | str | None = None


class PositionalAnswer(Shape):
    """The whole answer of the REST service."""

    response: Positional


_Short = Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)]


class PaymentRow(Shape):
    """One row of the payment push. Bounded, because anybody may have sent it."""

    user_id: _Short | None = Field(default=None, alias="usr_id_SIMPONI")
    transaction_id: _Short | None = Field(default=None, alias="trx_id_SIMPONI")
    billing_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{15}$")] = Field(alias="kode_billing_SIMPONI")
    ntpn: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,32}$")] = Field(alias="NTPN")
    ntb: _Short | None = Field(default=None, alias="NTB")
    paid: _Short | None = Field(default=None, alias="tgl_jam_pembayaran")
    bank: _Short | None = Field(default=None, alias="bank_persepsi")
    channel: _Short | None = Field(default=None, alias="channel_pembayaran")
    booked: _Short | None = Field(default=None, alias="tgl_buku")


MAX_ROWS = 500
PAYMENT_ROWS: TypeAdapter[list[PaymentRow]] = TypeAdapter(
    Annotated[list[PaymentRow], Field(min_length=1, max_length=MAX_ROWS)]
)
