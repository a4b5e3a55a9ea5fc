"""Error texts to classes: ``error -> template (what varies is masked) -> class (a short hash)``.

The same fault on another file, host or day must give the same template, and two faults two: FTS alone had
271,795 distinct strings among 4.7 million failures in four days of 2019. Masked are URLs, certificate
subjects, addresses, hosts, users, pools, paths, file names, UUIDs, times and numbers. Words of any language
stay, and so do the numbers that name a fault: HTTP's statuses, errnos, the codes of curl, XRootD, dCache and LFC.

The texts are those of gfal2, davix, XRootD, Globus, SRM, dCache, EOS, StoRM, FTS and Rucio; some 340 real ones
with the class that a person gives them are in tests/transformers/error_texts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

from lakescope.core.user_errors import user_remedy

LONGEST = 1024
"""Characters of an error that count: FTS cuts the texts of its CO messages there."""

LONGEST_TEMPLATE = 350
"""Characters of a template, to the last whole word. FTS of before 2020 cut its texts at 511 characters, and of those
some 160 are gone once their names are masked: a text that was cut and the same text whole have one template."""

_SCOPE = re.compile(
    r"(?P<scope>SOURCE|DESTINATION|TRANSFER|GENERAL_FAILURE|AGENT|STAGING|ARCHIVING|UNKNOWN)? ?"
    r"\[(?P<code>\d{1,6})\] "
)
"""``SOURCE [2] No such file or directory``: how FTS writes a reason (its REST API and SS messages)."""

# FTS's CO messages have lost quotation marks and line ends, its SS messages and Rucio's events have not
_UNPRINTABLE_CHARACTERS = dict.fromkeys((*range(32), 127), " ") | {ord("'"): None, ord('"'): None}
_WRITTEN_LINE_END = re.compile(r"(?:\\r)?\\n(?![a-z])")
"""Two characters, a backslash and an n, where a client wrote what it got as text. Not so in a path ``C:\\new``."""
_EMPTY_LINE = re.compile(r"(?<![\w.-])(\d{3})- (?=\1[ -])")
"""Of an FTP reply of many lines (RFC 959, 4.2): some servers end theirs with one."""

_IN_PATH = r"[^\s<>()\[\]{},;|]"
_ATTRIBUTE = r"(?:DC|CN|OU|O|C|L|ST|UID|emailAddress)="
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_TOP_LEVELS = (
    "org|com|net|edu|gov|int|eu|ch|fr|de|it|es|nl|uk|pl|pt|se|no|fi|dk|cz|sk|si|at|be|gr|ro|bg|hu|ie|il|ru|ua"
    "|jp|cn|tw|hk|kr|in|pk|au|nz|ca|mx|br|ar|cl|za|us|cern|cloud|example|test|local|internal|localdomain"
)
_ZONE = r"(?:\ (?:UTC|GMT|CES?T|BST|E[SD]T|C[SD]T|M[SD]T|P[SD]T|JST|[+-]\d{4})\b)?"
_WEEKDAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_EXTENSIONS = (
    "root|txt|dat|data|bin|raw|tgz|gz|tar|zip|bz2|xz|zst|fits|h5|hdf5|ms|json|xml|csv|log|conf|sh|py|pem"
)

# dCache's: which of them does not answer is the fault, unlike which pool
_SERVICE = r"(?:\w*Manager|gPlazma)"

# where a mask may begin and end: not next to a word's letter, nor (that was one before) next to another mask
_BEGIN, _END = r"(?<![\w>])", r"(?![\w<])"

_MASKS = re.compile(
    rf"""
      # what varies and may look like a word, told by what stands before it
      (?<=[nl]\ |[er]=)(?:(?P<USER>(?:(?<=user=)|(?<=username=))(?:\([^\s()<>]*+\)|[^\s,;()<>]++){_END})
        | (?P<HOST>(?<=running\ on\ )[^\s,;:<>]++{_END}(?::\d{{1,5}}{_END})?)
        | (?P<POOL>(?<=\bpool\ )(?=[\w.-]*\d)[\w-]++(?:\.[\w-]++)*+(?![@<])))

      # words, up to the next: most of a text, and no mask needs to be tried at each of their letters
    | {_BEGIN}(?!(?:[a-f]{{8}}|[a-f]{{16,}}){_END})(?:[^\W\d]{{4,}}+(?:-[^\W\d]++)*+|[^\W\d_]{{1,2}}(?=\ ))
        (?![:,\ (\[]{{1,4}}-?\d)(?:[.:,;]?\ |[.:,;]?$|(?=[,;()\[\]]))
      # what stays as it is: masks, numbers that name a fault, names that hold a number
    | <(?:URL|UUID|TIME|DN|IP|PATH|HOST|FILE|USER|POOL|NUM)>
    | {_BEGIN}(?:HTTP(?:/\d(?:\.\d)?)?|status|code|errno|error|result|rc|signal|curl)[\s:=(\[]{{0,4}}-?\d{{1,5}}{_END}(?![.:,]\d)
    | {_BEGIN}srm_ifce\ :\ \d{{1,3}}{_END}
    | {_BEGIN}(?-i:[A-Z]{{2,3}}\d{{3}}(?=\ -\ )|ORA-\d{{5}}{_END})
    | {_BEGIN}(?:md5|adler32|crc32c?|sha\d{{1,3}}|ip\ ?v[46]|x509|x86_64|s3|tlsv?1(?:\.\d)?|sslv[23]|http/[123](?:\.\d)?
        |3rd){_END}(?![.:-]\w)

      # what varies
    | (?P<URL>{_BEGIN}[a-z][a-z0-9+.-]{{1,15}}://(?:\[[0-9a-f:.]{{2,45}}\])?{_IN_PATH}*+)
    | (?P<UUID>{_BEGIN}[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{_END})
    | (?P<TIME>{_BEGIN}(?:\d{{4}}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|\ ?[+-]\d\d:?\d\d)?)?
        | (?:{_WEEKDAY}[a-z]{{0,6}},?\ )?(?:{_MONTH}\ \d{{1,2}}|\d{{1,2}}\ {_MONTH}),?\ (?:\d{{4}}\ )?
          \d\d:\d\d:\d\d{_ZONE}(?:\ \d{{4}})?{_ZONE}
        | \d\d:\d\d:\d\d(?:[.,]\d+)?(?!:)){_END})
    | (?P<DN>(?:/{_ATTRIBUTE}[^/<>=]{{1,99}}(?=/{_ATTRIBUTE}))*+/{_ATTRIBUTE}[^\s/<>(),;]++
        | {_BEGIN}(?:{_ATTRIBUTE}[^,<>=]{{1,99}},\ ?(?={_ATTRIBUTE}))++{_ATTRIBUTE}[^\s<>(),;]++)
    | (?P<IP>(?:(?<![\w>/.~-])/)?(?:(?<![\w.>])(?:\d{{1,3}}\.){{3}}\d{{1,3}}{_END}(?!\.[\w<])
        | \[?(?<![\w:.>])(?:(?:[0-9a-f]{{1,4}}:){{7}}[0-9a-f]{{1,4}}
            | ::(?:ffff:)?(?:\d{{1,3}}\.){{3}}\d{{1,3}}
            | (?:[0-9a-f]{{1,4}}(?::[0-9a-f]{{1,4}}){{0,6}})?::(?:[0-9a-f]{{1,4}}(?::[0-9a-f]{{1,4}}){{0,6}})?)
            (?:%[\w.]{{1,15}})?{_END}(?:\]{_END}|(?!:[0-9a-f:<])|(?=:\d{{1,5}}{_END}(?!:\w))))
        (?::\d{{1,5}}{_END})?(?:/{_IN_PATH}*+)?)
    | (?P<PATH>(?<![\w>/.~-])(?:~|\.{{1,2}})?/{_IN_PATH}++ | {_BEGIN}[a-z]:\\{_IN_PATH}++)
    | (?P<POOL_>\[>(?!{_SERVICE}@)[^\s\[\]<]++\]{_END})
    | (?<![\w>.+-])(?=[\w.+-]++@)(?:{_SERVICE}@[\w.-]++
        | (?P<POOL__>[\w.+-]++@(?:local|[\w-]{{1,60}}Domain){_END})
        | (?P<USER_>[\w.+-]++@[a-z0-9][\w-]*+(?:\.[\w-]++)*+{_END}))
    | (?P<FILE>(?<![\w>.+-])(?:(?=[a-z_-]*[\d.])[\w.-]{{1,50}}:)?[\w+-]++(?:\.[\w+-]+)*?\.(?:{_EXTENSIONS})(?:\.\d+)*(?![\w<.-]))
    | (?P<HOST_>(?<![\w>.-])(?:(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,8}}[a-z][a-z0-9-]{{1,62}}:\d{{1,5}}{_END}
        | (?:[a-z0-9][a-z0-9-]{{0,62}}\.){{2,8}}(?-i:[a-z]{{2,12}})(?![\w<(-]|\.[\w<])
        | (?:[a-z0-9][a-z0-9-]{{0,62}}\.)(?:{_TOP_LEVELS})(?![\w<(-]|\.[\w<])
        | localhost{_END}(?::\d{{1,5}}{_END})?)(?:/{_IN_PATH}*+)?)
    | (?P<FILE_>(?<![\w>.+-])(?=[\w.+-]*\d{{4}})(?=[\d.+-]*[^\W\d])[\w+-]+(?:\.[\w+-]+)+(?<!Exception)(?<!Error)(?![\w<.(]))
    | (?P<NUM>(?:{_BEGIN}(?<!\.)[+-])?(?<![\w.>])\d+(?:[.,]\d+)*(?:e[+-]?\d+)?%?{_END}(?!\.[\d<])
        | (?<![\w.>])(?:0x[0-9a-f]++|(?=[a-f]*\d)[0-9a-f]{{6,}}+|[a-f]{{8}}|[a-f]{{16,}}+){_END}
        | (?<=[^\W\d])\d+(?:\.\d+)*{_END} | (?<![\w.>])\d+(?:\.\d+)*(?=[^\W\d_]))
    """,
    re.VERBOSE | re.IGNORECASE,
)


def classify(error: str) -> tuple[str, str]:
    """(error_class, error_template) of an error text. Failures repeat their texts, hence a cache.

    Its keys are cut at `LONGEST` characters, so that it takes some 20 MB at most, whatever errors are sent.
    """
    return _classify(error[:LONGEST])


@lru_cache(16_384)
def _classify(error: str) -> tuple[str, str]:
    return _name(error_template(error))


@lru_cache(4_096)
def _name(template: str) -> tuple[str, str]:
    """Cached as well: the many texts of a class share one object."""
    return blake2b(template.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest(), template


_OF_CREDENTIALS = re.compile(
    r"""\bcert(?:s|ificates?|_verify)?\b | \bCRLs?\b | \bx\.?509 | \bcredentials?\b | \bdelegat(?:ion|ed)\b
    | \b(?:VOMS|OIDC|IAM)\b | \bmacaroons?\b
    | \bprox(?:y|ies)\b(?=.{0,60}(?:expir|invalid|not\ found|missing|verif|lifetime))
    | (?<!space\ )\btokens?\b(?=.{0,60}(?:expir|invalid|revok|refresh|exchang|issuer|signature|audience|not\ valid|verif))
    | (?:expired|invalid|bearer|access|refresh|JWT)\ (?:\w+\ )?token | \bauthorization\ expired
    | \bauth(?:entication)?\ failed | \bauthentication\b.{0,60}\b(?:fail|error|reject|refused) | \bnot\ authenticated
    | \bHTTP(?:/[\d.]+)?[\ :]{1,3}401\b | \b401\ unauthori[sz]ed
    | \b(?:SSL|TLS)\b.{0,40}\b(?:alert|verif|expired|unknown\ CA) | \bunknown\ CA\b | \buntrusted\ issuer
    | \bgss_init_sec_context | \bGSS\b.{0,60}\b(?:expired|major|minor)""",
    re.VERBOSE | re.IGNORECASE,
)


@lru_cache(4_096)
def kinds_of(template: str) -> tuple[bool | None, bool | None]:
    """(user_error, credential_error) of an error's template: true or null. An expired proxy is both."""
    return user_remedy(template) is not None or None, _OF_CREDENTIALS.search(template) is not None or None


def error_template(error: str) -> str:
    """`error` without FTS's ``SCOPE [errno]`` prefix and quotation marks, what varies masked, spaces folded.

    A template's template is itself. The time is linear in the first `LONGEST` characters.
    """
    text = split_scope(error[:LONGEST])[2]
    if "\\" in text:
        text = _WRITTEN_LINE_END.sub(" ", text)
    text = " ".join(text.translate(_UNPRINTABLE_CHARACTERS).split())
    template = _MASKS.sub(_mask, _EMPTY_LINE.sub("", text))
    if len(template) <= LONGEST_TEMPLATE:
        return template
    start = template[:LONGEST_TEMPLATE]
    return start.rpartition(" ")[0] or start


def _mask(match: re.Match[str]) -> str:
    return f"<{match.lastgroup.rstrip('_')}>" if match.lastgroup else match[0]


def split_scope(error: str) -> tuple[str | None, int | None, str]:
    """(scope, errno, text) of ``SCOPE [errno] text``; (null, null, error) where the prefix is missing."""
    match = _SCOPE.match(error)
    if match is None:
        return None, None, error
    return match["scope"], int(match["code"]), error[match.end() :]
