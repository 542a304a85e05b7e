"""SOAP envelopes as the sandbox agency reads and writes them. The connector itself leaves envelopes to zeep.

A server reads XML from strangers, so this refuses document types, entities and anything that is not small, before it looks
at what was sent.
"""

from typing import Any, Final

from lxml import etree

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE: Final = "http://SimponiBRI_Service"
MAX_BYTES: Final = 256 * 1024

Tree = dict[str, "str | Tree"]


class EnvelopeError(ValueError):
    """Not an envelope this service reads. The message never holds any of it."""


def read(body: bytes) -> tuple[str, Tree]:
    """The operation's element name and what is in it: text, or a nested tree. Of repeated elements the last one counts.

    Raises:
        EnvelopeError: Too large, a document type, not XML, or not a SOAP envelope with one element in its body.
    """
    if len(body) > MAX_BYTES:
        raise EnvelopeError("larger than this service reads")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise EnvelopeError("document types are refused")
    # A parser of its own for each call: lxml's are not safe to share between threads.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise EnvelopeError("not well-formed XML") from None
    info: Any = root.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        # In an encoding in which the search above does not see it.
        raise EnvelopeError("document types are refused")
    envelope_body = root.find(f"{{{SOAP}}}Body") if root.tag == f"{{{SOAP}}}Envelope" else None
    if envelope_body is None or len(envelope_body) != 1:
        raise EnvelopeError("not a SOAP 1.1 envelope with one request")
    return etree.QName(envelope_body[0]).localname, _tree(envelope_body[0])


def write(element: str, content: Tree) -> bytes:
    """An envelope with one element of the service's namespace; what is inside is unqualified, as the WSDL says."""
    root, body = _envelope()
    _fill(etree.SubElement(body, f"{{{SERVICE}}}{element}", nsmap={"sim": SERVICE}), content)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def fault(code: str, message: str) -> bytes:
    """A SOAP fault; `code` is `Client` or `Server`."""
    root, body = _envelope()
    _fill(etree.SubElement(body, f"{{{SOAP}}}Fault"), {"faultcode": f"soapenv:{code}", "faultstring": message})
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _envelope() -> tuple[etree._Element, etree._Element]:
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soapenv": SOAP})
    return root, etree.SubElement(root, f"{{{SOAP}}}Body")


def _tree(element: etree._Element) -> Tree:
    return {etree.QName(child).localname: _tree(child) if len(child) else (child.text or "") for child in element}


def _fill(element: etree._Element, content: Tree) -> None:
    for name, value in content.items():
        child = etree.SubElement(element, name)
        if isinstance(value, str):
            child.text = value
        else:
            _fill(child, value)
