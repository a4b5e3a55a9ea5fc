"""Names of accounts and of certificates' subjects, compared with OpenSSL and with cryptography."""

from __future__ import annotations

import ctypes
import ctypes.util
import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from lakescope.sync.accounts.names import InvalidNameError, account_name, slash_form

_JAVA = {
    NameOID.EMAIL_ADDRESS: "EMAILADDRESS",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.GIVEN_NAME: "GIVENNAME",
    NameOID.SURNAME: "SURNAME",
    NameOID.TITLE: "T",
}
_OIDS = [
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.LOCALITY_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.DOMAIN_COMPONENT,
    NameOID.USER_ID,
    *_JAVA,
]
_VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFFF, exclude_categories=("Cs", "Cc", "Cn")),
    min_size=1,
    max_size=12,
) | st.text(' ,+"\\<>;=#/é', min_size=1, max_size=6)
_RDNS = st.lists(
    st.tuples(st.sampled_from(_OIDS), _VALUES), min_size=1, max_size=2, unique_by=lambda pair: pair[0]
)
_NAMES = st.lists(_RDNS, min_size=1, max_size=5)


def _name(rdns: list[list[tuple[x509.ObjectIdentifier, str]]]) -> x509.Name:
    return x509.Name(
        [
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(oid, value, x509.name._ASN1Type.UTF8String, _validate=False)
                    for oid, value in rdn
                ]
            )
            for rdn in rdns
        ]
    )


def _openssl(name: x509.Name) -> str:
    """X509_NAME_oneline, which Apache's LegacyDNStringFormat and nginx's ssl_client_s_dn_legacy call."""
    library = ctypes.CDLL(ctypes.util.find_library("crypto"))
    library.d2i_X509_NAME.restype = ctypes.c_void_p
    library.X509_NAME_oneline.restype = ctypes.c_char_p
    library.X509_NAME_oneline.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.X509_NAME_free.argtypes = [ctypes.c_void_p]
    der = name.public_bytes()
    start = ctypes.c_char_p(der)
    parsed = library.d2i_X509_NAME(None, ctypes.byref(start), ctypes.c_long(len(der)))
    text = ctypes.create_string_buffer(10_000)
    library.X509_NAME_oneline(parsed, text, 10_000)
    library.X509_NAME_free(parsed)
    return text.value.decode("ascii")


@pytest.mark.skipif(
    not ctypes.util.find_library("crypto") or ssl.OPENSSL_VERSION_INFO < (3,),
    reason="no OpenSSL 3 to compare with",
)
@given(_NAMES)
def test_subjects_are_written_as_openssl_writes_them(
    rdns: list[list[tuple[x509.ObjectIdentifier, str]]],
) -> None:
    """For any certificate: what Java's RFC 2253 (here cryptography's RFC 4514) says becomes what Rucio's web server says."""
    name = _name(rdns)
    try:
        form = slash_form(name.rfc4514_string(_JAVA))
    except InvalidNameError as error:
        assert "another's value" in str(error)
        return
    assert form == _openssl(name)


@given(st.text(max_size=40) | st.text('CNO=,+\\"#0a ;', max_size=20))
def test_no_text_breaks_it(text: str) -> None:
    try:
        assert slash_form(text).startswith("/")
    except InvalidNameError as error:
        assert "correct it" in str(error) or "another's value" in str(error)


@pytest.mark.parametrize(
    ("subject", "form"),
    [
        ("CN=Jane Doe,OU=Users,DC=cern,DC=ch", "/DC=ch/DC=cern/OU=Users/CN=Jane Doe"),
        ("CN=Doe\\, Jane,O=Example\\, Inc \\+ Co,C=CH", "/C=CH/O=Example, Inc \\+ Co/CN=Doe, Jane"),
        ("CN=Jos\\C3\\A9,O=Caf\u00e9", "/O=Caf\\xC3\\xA9/CN=Jos\\xC3\\xA9"),
        ('CN="Doe, Jane",O=Example', "/O=Example/CN=Doe, Jane"),
        ('CN=a \\"quoted\\" name', '/CN=a "quoted" name'),
        ("CN=back\\\\slash", "/CN=back\\slash"),
        ("CN=Jane, OU = Users ; O=Example", "/O=Example/OU=Users/CN=Jane"),
        ("CN=blank\\ ,O=x", "/O=x/CN=blank "),
        ("CN=Robot - host/a.example.org,O=x", "/O=x/CN=Robot - host\\/a.example.org"),
        ("CN=Jane+UID=jdoe,O=x", "/O=x/CN=Jane+UID=jdoe"),
        ("UID=jdoe+CN=Jane,O=x", "/O=x/CN=Jane+UID=jdoe"),
        (
            "1.2.840.113549.1.9.1=#160f6a616e65406578616d706c652e6f72,CN=x",
            "/CN=x/emailAddress=jane@example.or",
        ),
        ("2.5.4.3=Jane,OID.2.5.4.10=x", "/O=x/CN=Jane"),
        ("emailAddress=a@b,CN=x", "/CN=x/emailAddress=a@b"),
        ("CN=\u00a0,O=\u2003x", "/O=\\xE2\\x80\\x83x/CN=\\xC2\\xA0"),
        ("1.3.6.1.4.1.99999.1=odd,CN=x", "/CN=x/1.3.6.1.4.1.99999.1=odd"),
    ],
)
def test_what_rfc_2253_allows(subject: str, form: str) -> None:
    assert slash_form(subject) == form


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("", "found an empty one"),
        ("Jane Doe", "NAME=VALUE at character 1"),
        ("CN=Jane,", "NAME=VALUE at character 9"),
        ("CN=Jane,Doe,O=x", "NAME=VALUE at character 9"),
        ("CN=,O=x", "a value at character 4"),
        ("CN=Jane\\", "a comma at character 8"),
        ('CN="Jane', "a comma at character 4"),
        ("CN=#zz", "hexadecimal digits"),
        ("CN=#1e00", "a UTF8String, PrintableString or IA5String"),
        ("CN=\\C3x", "UTF-8"),
        ("\u017f=x", "NAME=VALUE at character 1"),
        ("SN=7,CN=x", "a name of an attribute such as CN, OU, O, DC or an OID, found SN"),
        ("CN=x/CN=admin,O=y", "Rucio may read it as another person's"),
        ("/DC=ch/CN=Jane", "NAME=VALUE at character 1"),
    ],
)
def test_what_is_no_name_says_why(subject: str, words: str) -> None:
    with pytest.raises(InvalidNameError, match="expected") as error:
        slash_form(subject)
    assert words in str(error.value)


def test_accounts_are_user_names_in_lower_case() -> None:
    assert account_name("Jane-Doe_2") == "jane-doe_2"


@pytest.mark.parametrize("name", ["", "jane.doe", "jane doe", "josé", "a" * 26, "jane\n", "İ"])
def test_names_that_rucio_refuses_are_neither_cut_nor_replaced(name: str) -> None:
    with pytest.raises(InvalidNameError, match="change it in IAM"):
        account_name(name)
