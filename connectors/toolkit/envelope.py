"""SOAP envelopes as sandbox agencies read and write them. Connectors leave envelopes to zeep.

A server reads XML from strangers, so this refuses document types, entities and anything that is not small, before it looks
at what was sent.
"""

from typing import Any, Final

from lxml import etree

from connectors.toolkit.sandbox import Answer

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
MAX_BYTES: Final = 256 * 1024

XML: Final = "text/xml; charset=utf-8"

Tree = dict[str, Any]
"""Element name to text, a nested tree, or a list of those."""


class EnvelopeError(ValueError):
    """Not an envelope this service reads. The message never holds any of it."""


def read(body: bytes) -> tuple[str, Tree]:
    """The operation's element name and what is in it: text, a nested tree, or a list where an element is repeated.

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


def write(namespace: str, element: str, content: Tree) -> bytes:
    """An envelope with one element of the service's namespace.

    What is inside is unqualified, as WSDLs have it by default. A list repeats its element, None leaves it out.
    """
    root, body = _envelope()
    _fill(etree.SubElement(body, f"{{{namespace}}}{element}", nsmap={"svc": namespace}), content)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def answer(namespace: str, element: str, content: Tree) -> Answer:
    """An answer with such an envelope."""

    def encode(value: Any) -> bytes:
        return write(namespace, element, value)

    return Answer(encode(content), media_type=XML, value=content, encode=encode)


def fault_answer(code: str, message: str) -> Answer:
    """An answer with a fault, and HTTP 500 as SOAP 1.1 wants it."""
    return Answer(fault(code, message), 500, XML)


def fault(code: str, message: str) -> bytes:
    """A SOAP fault; `code` is `Client` or `Server`, or has a prefix of its own, such as `wsse:FailedAuthentication`."""
    root, body = _envelope()
    named = code if ":" in code else f"soapenv:{code}"
    _fill(etree.SubElement(body, f"{{{SOAP}}}Fault"), {"faultcode": named, "faultstring": message})
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _envelope() -> tuple[etree._Element, etree._Element]:
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soapenv": SOAP})
    return root, etree.SubElement(root, f"{{{SOAP}}}Body")


def _tree(element: etree._Element) -> Tree:
    tree: Tree = {}
    for child in element:
        name, value = etree.QName(child).localname, _tree(child) if len(child) else (child.text or "")
        known = tree.get(name)
        tree[name] = value if known is None else [*(known if isinstance(known, list) else [known]), value]
    return tree


def _fill(element: etree._Element, content: Tree) -> None:
    for name, value in content.items():
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            child = etree.SubElement(element, name)
            if isinstance(one, dict):
                _fill(child, one)
            else:
                child.text = str(one)
