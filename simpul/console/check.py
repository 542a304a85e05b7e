"""The public page that a document's QR code leads to: is it genuine, and does it still hold?

Asks for no key, because whoever is shown a document has none; what it says is printed on the document anyway. Whom the
document is about it does not say. Tokens are 160 bits, so they cannot be guessed; the limit spares the ledger.
"""

import base64
import hashlib
import re
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment

from schemas.documents import IssuedDocument
from schemas.signing import SignedDocument
from simpul.console import models
from simpul.console.context import Context, context
from simpul.console.problems import Problem
from simpul.crypto import CannotDecryptError, Keys, check_digest
from simpul.ledger import papers, transaction
from simpul.ledger.papers import Paper

router = APIRouter(tags=["documents"])

_TOKEN = re.compile(r"[a-z2-7]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@router.get(
    "/check/{token}",
    response_class=HTMLResponse,
    responses={
        200: {"model": models.Checked, "description": "A page, or JSON where `Accept` asks for it"},
        404: {"description": "No such document"},
        429: {"description": "Too many checks from one address"},
    },
)
def check(
    here: Annotated[Context, Depends(context)],
    request: Request,
    token: str,
    sha256: str = "",
    accept: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """Check a document, by what its QR code holds. With `sha256`, whether a file is that very document."""
    if not here.checks.takes(request.client.host if request.client else "", here.clock.now()):
        raise Problem(
            429, "too-many", "Too many checks from here: try again in a minute.", headers={"Retry-After": "60"}
        )
    found = None
    if _TOKEN.fullmatch(token):
        with transaction(here.engine) as connection:
            found = papers.checked(connection, check_digest(token))
    told = _told(found, here, sha256.strip().lower()) if found else None
    status = 200 if told else 404
    if "application/json" in accept:
        return JSONResponse(told.model_dump(mode="json") if told else {"state": "unknown"}, status, _HEADERS)
    page = _PAGE.render(told=told, day=told.issued_on.strftime("%d-%m-%Y") if told else "")
    return HTMLResponse(page, status, _HEADERS)


def opened(paper: Paper, keys: Keys) -> tuple[IssuedDocument, str, str]:
    """A document as it was issued, with digest and content (base64) of what is handed out: signed, once it is."""
    key = keys.data_key(paper.data_key, paper.subject)
    issued = IssuedDocument.from_json(key.open(paper.issued.record, f"{paper.issued.request_id}:record"))
    if not paper.signed:
        return issued, issued.sha256, issued.content
    signed = SignedDocument.from_json(key.open(paper.current.record, f"{paper.current.request_id}:record"))
    return issued, signed.sha256, signed.content


def _told(paper: Paper, here: Context, sha256: str) -> models.Checked | None:
    try:
        issued, digest, _ = opened(paper, here.keys)
    except CannotDecryptError:
        # Erased with its application.
        return None
    match = None
    if sha256:
        match = "malformed" if not _SHA256.fullmatch(sha256) else "same" if sha256 == digest else "different"
    return models.Checked(
        title=issued.title,
        issuer=issued.issuer,
        issued_on=issued.issued_at.astimezone(here.settings.calendar.zone).date(),
        state="valid" if paper.valid else "withdrawn",
        signed=paper.signed,
        sha256=digest,
        file=match,
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "h1{font-size:1.3rem}dt{color:#555}dd{margin:0 0 .6rem;overflow-wrap:anywhere}input{width:100%;font:inherit}"
    ".valid{color:#0a6b2d}.withdrawn,.different{color:#a3150b}"
)
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_PAGE = Environment(autoescape=True).from_string(
    """<!doctype html>
<html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Periksa dokumen</title><style>"""
    + _STYLE
    + """</style></head><body>
{% if told %}
<h1 class="{{ told.state }}">{{ {"valid": "Dokumen ini sah", "withdrawn": "Dokumen ini tidak berlaku lagi"}[told.state] }}
<br><small lang="en">{{ {"valid": "This document is genuine and in force", "withdrawn": "This document is no longer in force"}[told.state] }}</small></h1>
<dl>
<dt>Dokumen <span lang="en">(document)</span></dt><dd>{{ told.title }}</dd>
<dt>Penerbit <span lang="en">(issuer)</span></dt><dd>{{ told.issuer }}</dd>
<dt>Tanggal terbit <span lang="en">(issued on)</span></dt><dd>{{ day }}</dd>
<dt>Tanda tangan elektronik <span lang="en">(electronic signature)</span></dt><dd>{{ "ada (yes)" if told.signed else "tidak ada (none)" }}</dd>
<dt>SHA-256</dt><dd>{{ told.sha256 }}</dd>
</dl>
{% if told.file %}<p class="{{ told.file }}"><strong>{{ {
  "same": "Berkas Anda sama dengan dokumen ini. / Your file is this very document.",
  "different": "Berkas Anda BUKAN dokumen ini. / Your file is NOT this document.",
  "malformed": "SHA-256 terdiri atas 64 angka heksadesimal. / A SHA-256 is 64 hexadecimal digits."}[told.file] }}</strong></p>{% endif %}
<form method="get"><label for="sha256">SHA-256 berkas yang Anda terima <span lang="en">(of the file that you were given)</span></label>
<input id="sha256" name="sha256" maxlength="64" autocomplete="off"><button>Bandingkan / Compare</button></form>
{% else %}
<h1 class="withdrawn">Dokumen tidak dikenal<br><small lang="en">No such document was issued here</small></h1>
{% endif %}
</body></html>
"""
)
