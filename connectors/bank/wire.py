"""SNAP BI's own shapes for virtual accounts (contract section 8). Nothing here judges an answer."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from connectors.toolkit.wire import Shape


class Money(Shape):
    """An amount: text with two decimals."""

    value: str
    currency: str = "IDR"


class TokenAnswer(Shape):
    """The answer to a request for an access token."""

    code: str = Field(alias="responseCode")
    token: str | None = Field(default=None, alias="accessToken")
    expires_in: str | None = Field(default=None, alias="expiresIn")


class AccountData(Shape):
    """`virtualAccountData` of services 24, 26 and 27; each fills in its own part."""

    number: str | None = Field(default=None, alias="virtualAccountNo")
    name: str | None = Field(default=None, alias="virtualAccountName")
    total: Money | None = Field(default=None, alias="totalAmount")
    expires: str | None = Field(default=None, alias="expiredDate")
    transaction_id: str | None = Field(default=None, alias="trxId")
    payment_request_id: str | None = Field(default=None, alias="paymentRequestId")
    payment_status: str | None = Field(default=None, alias="paymentFlagStatus")
    paid: Money | None = Field(default=None, alias="paidAmount")
    paid_at: str | None = Field(default=None, alias="trxDateTime")
    reference_no: str | None = Field(default=None, alias="referenceNo")


class Answer(Shape):
    """The answer to a transaction."""

    code: str = Field(alias="responseCode")
    data: AccountData | None = Field(default=None, alias="virtualAccountData")


_Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class PaidMoney(Shape):
    """An amount as the bank must write it."""

    value: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,16}\.[0-9]{2}$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class PaymentCall(Shape):
    """Service 25: the bank tells us that a virtual account was paid. Strict and bounded, because anybody may have sent it."""

    model_config = ConfigDict(coerce_numbers_to_str=False)

    partner_service_id: Annotated[str, StringConstraints(pattern=r"^ {0,7}[0-9]{1,8}$", max_length=8)] = Field(
        alias="partnerServiceId"
    )
    customer_no: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")] = Field(alias="customerNo")
    number: Annotated[str, StringConstraints(pattern=r"^ {0,7}[0-9]{1,28}$", max_length=28)] = Field(
        alias="virtualAccountNo"
    )
    payment_request_id: _Id = Field(alias="paymentRequestId")
    paid: PaidMoney = Field(alias="paidAmount")
    name: Annotated[str, StringConstraints(max_length=255)] | None = Field(default=None, alias="virtualAccountName")
    at: Annotated[str, StringConstraints(max_length=32)] | None = Field(default=None, alias="trxDateTime")
    reference_no: Annotated[str, StringConstraints(max_length=64)] | None = Field(default=None, alias="referenceNo")
    advice: Annotated[str, StringConstraints(pattern=r"^[YN]$")] | None = Field(default=None, alias="flagAdvise")
    total: PaidMoney | None = Field(default=None, alias="totalAmount")
    more: dict[str, Any] | None = Field(default=None, alias="additionalInfo")
