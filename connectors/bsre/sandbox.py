"""The simulated Esign Client: it answers as the contract's section 10 says. Its signatures are marks, not cryptography."""

import email.parser
import email.policy
import itertools
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from connectors.bsre.settings import BsreSettings
from connectors.toolkit import paper
from connectors.toolkit.examples import Example
from connectors.toolkit.population import Population, SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

USER, PASSWORD, PASSPHRASE = "sandbox-user", "sandbox-password", "sandbox-passphrase"
HEAD, EXPIRED, SEAL = "head-of-dukcapil", "expired-head", "office-seal"

_MARK = re.compile(rb"%SIGNED ([^\n]*)\n")
_REFERENCE = re.compile(r"\[ref ([^\]]+)\]$")


def signers(population: Population) -> dict[str, tuple[str, str]]:
    """NIK and status of who can sign here, by name."""
    niks = [population.family(900 + number).father.nik for number in range(3)]
    return dict(zip((HEAD, SEAL, EXPIRED), zip(niks, ("ISSUE", "ISSUE", "EXPIRED"), strict=True), strict=True))


class _Refused(Exception):  # noqa: N818
    """The call is refused; the arguments are the HTTP status, the error and its code."""


class Bsre:
    """The client's data and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.statuses = dict(signers(world.population).values())
        self.reset()

    def reset(self) -> None:
        """Nothing is signed."""
        self.held: dict[str, bytes] = {}
        self.given: set[str] = set()
        self.serial = itertools.count(1)

    def sign(self, request: Incoming) -> Answer:
        """Signs, anew each time."""
        fields = multipart(request)
        nik = fields.get("nik", b"").decode()
        if nik not in self.statuses:
            raise _Refused(400, "Proses signing gagal : User tidak terdaftar 2011", 2011)
        if fields.get("passphrase", b"").decode() != PASSPHRASE:
            raise _Refused(400, "Proses signing gagal : Passphrase anda salah 2031", 2031)
        if self.statuses[nik] != "ISSUE" or not fields.get("file", b"").startswith(b"%PDF-"):
            raise _Refused(400, "Proses signing gagal : Dokumen atau sertifikat tidak sesuai 2000", 2000)
        reason = fields.get("reason", b"").decode()
        number = f"99{next(self.serial):030d}"
        person = self.world.person(nik)
        mark = {"name": person.name if person else "", "at": f"{self.world.now():%Y-%m-%d %H:%M:%S}", "reason": reason}
        self.held[number] = fields["file"] + b"%SIGNED " + json.dumps(mark).encode() + b"\n%%EOF\n"
        reference = _REFERENCE.search(reason)
        self.agency.wrote("sign_pdf", reference[1] if reference else "")
        return Answer(self.held[number], media_type="application/pdf", headers={"id_dokumen": number})

    def download(self, request: Incoming) -> Answer:
        """Gives a signed document out, once."""
        number = request.parameters["number"]
        if number not in self.held or number in self.given:
            raise _Refused(404, "Dokumen telah didownload sebelumnya", 404)
        self.given.add(number)
        self.agency.wrote("download_signed", request.headers.get("x-reference", ""))
        return Answer(self.held[number], media_type="application/pdf", headers={"id_dokumen": number})

    def status(self, request: Incoming) -> Answer:
        """Whether somebody may sign."""
        found = self.statuses.get(request.parameters["nik"])
        if found is None:
            return json_answer({"status_code": 1110, "status": "NOT_REGISTERED", "message": "User tidak terdaftar"})
        return json_answer({"status_code": 1111, "status": found, "message": ""})

    def verify(self, request: Incoming) -> Answer:
        """What the marks in a document say."""
        content = multipart(request).get("signed_file", b"")
        marks = [json.loads(mark) for mark in _MARK.findall(content)]
        details = [
            {
                "info_tsa": {"name": "Timestamp Authority Contoh"},
                "signature_field": f"sig{number}",
                "info_signer": {"signer_name": mark["name"], "cert_user_certified": True},
                "signature_document": {
                    "signed_in": mark["at"],
                    "reason": mark["reason"],
                    "location": " ",
                    "document_integrity": content in self.held.values(),
                },
            }
            for number, mark in enumerate(marks, 1)
        ]
        said = "Dokumen valid" if marks else "Dokumen tidak memiliki tanda tangan"
        return json_answer(
            {
                "nama_dokumen": "dokumen.pdf",
                "jumlah_signature": len(marks),
                "notes": "",
                "details": details,
                "summary": said,
            }
        )


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("bsre", world)
    client = Bsre(agency, world)
    routes: tuple[tuple[str, str, str, Callable[[Incoming], Answer]], ...] = (
        ("POST", "/api/sign/pdf", "sign_pdf", client.sign),
        ("GET", "/api/sign/download/{number}", "download_signed", client.download),
        ("GET", "/api/user/status/{nik}", "user_status", client.status),
        ("POST", "/api/sign/verify", "verify", client.verify),
    )
    for method, path, operation, handler in routes:
        agency.on(method, path, operation, _handler(handler), _matched)
    agency.on_reset(client.reset)
    return agency


def settings(base_url: str) -> BsreSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    known = {name: {"nik": nik, "passphrase": PASSPHRASE} for name, (nik, _) in sorted(signers(Population()).items())}
    return BsreSettings(
        base_url=f"{base_url}/bsre",
        user=USER,
        password=SecretStr(PASSWORD),
        signers=SecretStr(json.dumps(known)),
    )


def _pdf(number: int) -> str:
    return b64encode(paper.pdf(f"Surat contoh {number}")).decode()


EXAMPLES: dict[str, Example] = {
    "sign_pdf": lambda scene: {"content": _pdf(scene.number), "signer": HEAD, "reason": "Persetujuan"},
    "user_status": lambda scene: {"nik": signers(scene.world.population)[HEAD][0]},
    "verify": lambda scene: {
        "content": scene.call("sign_pdf", {"content": _pdf(scene.number), "signer": HEAD}).model_dump()["content"]
    },
    "download_signed": lambda scene: {
        "document_id": scene.call("sign_pdf", {"content": _pdf(scene.number), "signer": HEAD}).model_dump()[
            "document_id"
        ]
    },
}
"""A request of each operation that this sandbox answers with a record."""


def multipart(request: Incoming) -> dict[str, bytes]:
    """The fields of a `multipart/form-data` body; empty where it is none."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    fields: dict[str, bytes] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content
    return fields


def _handler(handler: Callable[[Incoming], Answer]) -> Callable[[Incoming], Answer]:
    def answer(request: Incoming) -> Answer:
        scheme, _, login = request.headers.get("authorization", "").partition(" ")
        try:
            known = scheme == "Basic" and b64decode(login) == f"{USER}:{PASSWORD}".encode()
        except ValueError:
            known = False
        if not known:
            return json_answer({"error": "Unauthorized", "status_code": 401}, 401)
        try:
            return handler(request)
        except _Refused as refused:
            status, words, code = refused.args
            return json_answer({"error": words, "status_code": code}, status)

    return answer


def _matched(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    fields = multipart(request) if request.method == "POST" else {}
    reference = _REFERENCE.search(fields.get("reason", b"").decode(errors="replace"))
    return {**request.parameters, "reference": reference[1] if reference else request.headers.get("x-reference")}
