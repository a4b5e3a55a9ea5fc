"""The front end's files: the page that shows dashboards, the status page and what they share; nothing from elsewhere.

Lakescope serves it (lakescope/app/web/dashboards.py); the previews hold it whole, with their data (dashboards/pages/preview.py).
"""

from __future__ import annotations

import json
import re
import threading
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from lakescope.core.extras import missing
from lakescope.dashboards.kinds import KINDS
from lakescope.dashboards.pages.pictures import Picture
from lakescope.dashboards.pages.vega import is_drawable, looks, spec
from lakescope.dashboards.theme import Theme, css

View = Literal[
    "index",
    "dashboard",
    "story",
    "explanation",
    "incidents",
    "incident",
    "alerts",
    "alert",
    "runbook",
    "report",
    "sync",
    "accounts",
    "topology",
]

VEGA = f"vega.js?v={'none' if missing('vl_convert') else version('vl-convert-python')}"
"""Where the charts' library is, below /dashboards/; another version has another address, so it may be cached permanently."""

_SCRIPTS: dict[View, tuple[str, ...]] = {
    **dict.fromkeys(("incidents", "incident"), ("acts.js", "incidents.js")),
    **dict.fromkeys(("alerts", "alert"), ("acts.js", "alerts.js")),
    "sync": ("acts.js", "syncs.js"),
    "accounts": ("accounts.js",),
}
"""Beside page.js."""

_HERE = Path(__file__).parent / "static"


def html(view: View, to_dashboards: str = "", content: str = "") -> str:
    """The page, for one of its views. `to_dashboards`: from its address to /dashboards/, for proxies with prefixes; `content`:
    HTML that the server has made."""
    more = "".join(f'\n<script src="{to_dashboards}{name}"></script>' for name in _SCRIPTS.get(view, ()))
    replacements = {
        "@VIEW@": view,
        "@BELOW@": to_dashboards,
        "@VEGA@": VEGA,
        "@MORE@": more,
        "@CONTENT@": content,
    }
    text = (_HERE / "page.html").read_text()
    for mark, value in replacements.items():
        text = text.replace(mark, value)
    return text


def file(name: str) -> str:
    """A static file; ``look.*`` are those of all of Lakescope's pages, the theme's colours included."""
    text = (_HERE / name).read_text()
    return css() + text if name == "look.css" else text


def vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script module, with the interpreter that needs no ``eval``.

    Made once, in some three seconds; who asks meanwhile waits. Without the extra: what says so in each chart's place.
    """
    if missing_extra := missing("vl_convert"):
        text = json.dumps(f"charts need {missing_extra.remedy}")
        return f"window.vegaEmbed = () => Promise.reject(new Error({text}));"
    with _library_lock:
        return _bundle()


_library_lock = threading.Lock()


@cache
def _bundle() -> str:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle


def chart(picture: Picture, theme: Theme) -> dict[str, Any]:
    """What the page needs beside a picture, if it is a chart with something in it."""
    kind = KINDS[picture["kind"]]
    if not kind.is_chart or not is_drawable(picture):
        return {}
    looks_json = [look._asdict() for look in looks(picture, theme)] if kind.has_axis else []
    return {"spec": spec(picture, theme), "looks": looks_json}


def html_page(data: str) -> str:
    """A page that needs nothing beside itself, with its data (JSON)."""
    inline = {
        '<link rel="stylesheet" href="../look.css">': f"<style>{file('look.css')}</style>",
        '<link rel="stylesheet" href="page.css">': f"<style>{file('page.css')}</style>",
        '<script src="../look.js"></script>': f"<script>{_script(file('look.js'))}</script>",
        '<script src="page.js"></script>': f"<script>{_script(file('page.js'))}</script>\n"
        f'<script type="module">{_script(vega())}</script>\n'
        f'<script type="application/json" id="inlined">{_script(data)}</script>',
    }
    text = html("dashboard")
    for reference, content in inline.items():
        if reference not in text:
            raise ValueError(f"the page no longer has {reference}")
        text = text.replace(reference, content)
    return text


def _script(text: str) -> str:
    """So that no text can end its element, or begin a comment in it: in strings of JSON and JavaScript the same."""
    return re.sub("</(?=script)", r"<\\/", text, flags=re.IGNORECASE).replace("<!--", "<\\u0021--")
