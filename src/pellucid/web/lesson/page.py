"""The HTML of a lesson: scripts, style and data in one file, and a policy that allows nothing else.

Scripts and style are allowed by their hash, so nothing that stands in the data can run. The page
fetches nothing: there is no source that it may fetch from.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from typing import Any

from pellucid.web.lesson.words import RIGHT_TO_LEFT

_HERE = Path(__file__).parent
_SCRIPTS = ("engine", "plane", "network", "curves", "questions", "page")


def html(title: str, text: str, language: str, words: dict[str, str], page: dict[str, Any]) -> str:
    """The file.

    Args:
        page: what `page.js` reads.
    """
    script = '"use strict";\n' + "".join(_short(f"{name}.js") for name in _SCRIPTS)
    style = (_HERE / "page.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)} 'wasm-unsafe-eval'; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    direction = "rtl" if language.split("-")[0].lower() in RIGHT_TO_LEFT else "ltr"
    blocks = text.replace("\r\n", "\n").split("\n\n")
    paragraphs = "".join(
        f"<p>{escape(' '.join(one.split()))}</p>\n" for one in blocks if one.strip()
    )
    # "<" stands in no JSON but inside texts; as an escape it can end no element.
    data = json.dumps(page, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}" dir="{direction}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{paragraphs}"
        f'<div id="page"><noscript>{escape(words["unsupported"])}</noscript></div>\n</main>\n'
        f'<script id="data" type="application/json">{data}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _short(name: str) -> str:
    """A script without comments and indentation, which no line of it needs."""
    lines = [line.strip() for line in (_HERE / name).read_text("utf-8").splitlines()]
    kept = [line for line in lines if line and not line.startswith(("//", '"use strict"'))]
    return "\n".join(kept) + "\n"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
