"""Names: of a user to that of an account, of a certificate's subject to that of an identity. Pure.

IAM has subjects as RFC 2253 does (``CN=Jane Doe,O=Example,DC=org``, the most specific part first); Rucio has what its web server
passes on, which is OpenSSL's one-line form (``/DC=org/O=Example/CN=Jane Doe``; Apache's option LegacyDNStringFormat, nginx's
``ssl_client_s_dn_legacy``). `cryptography.x509.Name.from_rfc4514_string` was looked at: it reads neither values in quotes or
hexadecimal form nor most attributes' names, and refuses blanks around commas, all of which RFC 2253 allows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from lakescope.core.messages import quote

ACCOUNT = re.compile(r"[a-z0-9-_]+")
ACCOUNT_MAX = 25
"""Of Rucio's schemas generic and generic_multi_vo (rucio/common/schema), ACCOUNT."""
ATTRIBUTE = re.compile(r"[a-zA-Z0-9-_.]{1,30}")
"""A key that can be set and removed: ACCOUNT_ATTRIBUTE of the schema allows the slash and the backslash too, which no
path of the API can hold."""


class InvalidNameError(ValueError):
    """What cannot be converted: expected, found, remedy."""


class _Attribute(NamedTuple):
    oid: str
    short: str
    """Of OpenSSL."""


_ATTRIBUTES = {
    "CN": _Attribute("2.5.4.3", "CN"),
    "SURNAME": _Attribute("2.5.4.4", "SN"),
    "SERIALNUMBER": _Attribute("2.5.4.5", "serialNumber"),
    "C": _Attribute("2.5.4.6", "C"),
    "L": _Attribute("2.5.4.7", "L"),
    "ST": _Attribute("2.5.4.8", "ST"),
    "S": _Attribute("2.5.4.8", "ST"),
    "STREET": _Attribute("2.5.4.9", "street"),
    "O": _Attribute("2.5.4.10", "O"),
    "OU": _Attribute("2.5.4.11", "OU"),
    "T": _Attribute("2.5.4.12", "title"),
    "TITLE": _Attribute("2.5.4.12", "title"),
    "POSTALCODE": _Attribute("2.5.4.17", "postalCode"),
    "GIVENNAME": _Attribute("2.5.4.42", "GN"),
    "GN": _Attribute("2.5.4.42", "GN"),
    "INITIALS": _Attribute("2.5.4.43", "initials"),
    "GENERATIONQUALIFIER": _Attribute("2.5.4.44", "generationQualifier"),
    "GENERATION": _Attribute("2.5.4.44", "generationQualifier"),
    "DNQUALIFIER": _Attribute("2.5.4.46", "dnQualifier"),
    "DNQ": _Attribute("2.5.4.46", "dnQualifier"),
    "PSEUDONYM": _Attribute("2.5.4.65", "pseudonym"),
    "ORGANIZATIONIDENTIFIER": _Attribute("2.5.4.97", "organizationIdentifier"),
    "UID": _Attribute("0.9.2342.19200300.100.1.1", "UID"),
    "USERID": _Attribute("0.9.2342.19200300.100.1.1", "UID"),
    "DC": _Attribute("0.9.2342.19200300.100.1.25", "DC"),
    "EMAILADDRESS": _Attribute("1.2.840.113549.1.9.1", "emailAddress"),
    "EMAIL": _Attribute("1.2.840.113549.1.9.1", "emailAddress"),
    "E": _Attribute("1.2.840.113549.1.9.1", "emailAddress"),
}
"""Names that Java and Bouncy Castle write. SN is missing on purpose: a surname to OpenSSL, a serial number to Bouncy Castle."""
_OIDS = {attribute.oid: attribute for attribute in _ATTRIBUTES.values()}

_KEY = re.compile(r" *(?:OID\.)?([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+) *= *", re.IGNORECASE | re.ASCII)
_HEX = re.compile(r"#((?:[0-9A-Fa-f]{2})+) *")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)" *', re.DOTALL)
_PLAIN = re.compile(r'(?:[^,+;"\\]|\\.)*', re.DOTALL)
_ESCAPE = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii"}
"""Tags of DER whose bytes OpenSSL prints as they are: UTF8String, PrintableString, IA5String."""
_CONFUSING = re.compile(r"/[A-Za-z][A-Za-z0-9.]*=")


def account_name(user_name: str) -> str:
    """The account of a user: the name in lower case. Raises `InvalidNameError` for what Rucio refuses."""
    name = user_name.lower()
    if not ACCOUNT.fullmatch(name) or len(name) > ACCOUNT_MAX:
        raise InvalidNameError(
            f"expected a user name of {ACCOUNT_MAX} characters at most out of a-z, 0-9, - and _, found {quote(user_name)}"
            f" ({len(name)} characters); change it in IAM"
        )
    return name


def slash_form(subject: str) -> str:
    """A subject as OpenSSL 3 writes it on one line.

    Bytes of UTF-8 become ``\\xC3\\xA9``, a slash or plus within a value is escaped. Raises `InvalidNameError` for what is no name
    (RFC 2253, RFC 4514), and for one whose value looks like another name's end, such as a CN of ``x/CN=admin``: OpenSSL 1 does
    not escape it.
    """
    if not subject.strip():
        raise _fault(subject, "a name, found an empty one")
    rdns = _parse(subject)
    return "".join("/" + "+".join(_one_line(*pair) for pair in _order(rdn)) for rdn in reversed(rdns))


def _one_line(attribute: _Attribute, value: str) -> str:
    if _CONFUSING.search(value):
        raise InvalidNameError(
            f"expected no part of a name within another's value, found {quote(value)}: Rucio may read it as"
            " another person's"
        )
    return f"{attribute.short}={''.join(map(_byte, value.encode()))}"


def _byte(byte: int) -> str:
    if byte in b"/+":
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02X}"


def _parse(subject: str) -> list[list[tuple[_Attribute, str]]]:
    """The parts as they stand there, the most specific first."""
    rdns: list[list[tuple[_Attribute, str]]] = [[]]
    position = 0
    while True:
        key = _KEY.match(subject, position)
        if key is None:
            raise _fault(subject, f"NAME=VALUE at character {position + 1}")
        value, position = _value(subject, key.end())
        rdns[-1].append((_attribute(subject, key[1]), value))
        if position == len(subject):
            return rdns
        if subject[position] != "+":
            rdns.append([])
        position += 1


def _attribute(subject: str, key: str) -> _Attribute:
    if key[0].isdigit():
        return _OIDS.get(key, _Attribute(key, key))
    try:
        return _ATTRIBUTES[key.upper()]
    except KeyError:
        raise _fault(
            subject, f"a name of an attribute such as CN, OU, O, DC or an OID, found {quote(key)}"
        ) from None


def _value(subject: str, start: int) -> tuple[str, int]:
    """A value, and where the separator behind it stands."""
    if match := _HEX.match(subject, start):
        value = _decode_der(subject, bytes.fromhex(match[1]))
    elif subject.startswith("#", start):
        raise _fault(subject, f"pairs of hexadecimal digits behind the # of character {start + 1}")
    elif match := _QUOTED.match(subject, start):
        value = _unescape(subject, match[1])
    else:
        match = _PLAIN.match(subject, start)
        assert match is not None
        value = _unescape(subject, _strip(match[0]))
    end = match.end()
    if end < len(subject) and subject[end] not in ",;+":
        raise _fault(subject, f"a comma at character {end + 1}")
    if not value:
        raise _fault(subject, f"a value at character {start + 1}")
    return value, end


def _strip(text: str) -> str:
    """Blanks around a value do not count, unless escaped."""
    stripped = text.strip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return stripped + " " if backslashes % 2 and text.rstrip(" ") != text else stripped


def _unescape(subject: str, text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[2] is not None:
            return match[2]
        try:
            return bytes.fromhex(match[1].replace("\\", "")).decode()
        except UnicodeDecodeError:
            raise _fault(subject, f"UTF-8, found {quote(match[1])}") from None

    return _ESCAPE.sub(replace, text)


def _decode_der(subject: str, der: bytes) -> str:
    try:
        tag, length, content = der[0], der[1], der[2:]
        if length != len(content) or length > 127:
            raise ValueError
        return content.decode(_STRINGS[tag])
    except (IndexError, KeyError, ValueError):
        raise _fault(
            subject, f"a UTF8String, PrintableString or IA5String, found #{der.hex()[:40]}"
        ) from None


def _order(rdn: Sequence[tuple[_Attribute, str]]) -> list[tuple[_Attribute, str]]:
    """The parts of one RDN in the order of the certificate, which is that of their encodings (X.690, section 11.6): a text may
    have them in any."""
    return sorted(rdn, key=lambda pair: _encode(*pair)) if len(rdn) > 1 else list(rdn)


def _encode(attribute: _Attribute, value: str) -> bytes:
    first, second, *rest = map(int, attribute.oid.split("."))
    oid = b"".join(_base128(number) for number in (40 * first + second, *rest))
    return _der(0x30, _der(0x06, oid) + _der(0x0C, value.encode()))


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def _fault(subject: str, expected: str) -> InvalidNameError:
    return InvalidNameError(f"subject {quote(subject)}: expected {expected}; correct it in IAM")
