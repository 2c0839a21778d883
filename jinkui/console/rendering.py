"""How does a page leave the house?

Everything is escaped; a name that a template does not know is a defect and fails
loudly; the language chosen is remembered in a cookie that carries nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from jinkui.console.phrases import LANGUAGES, say

LANGUAGE_COOKIE: Final = "jinkui_lang"
_REFUSALS: Final = (400, 403, 404, 405)
"""Statuses that have a sentence of their own."""


class Pages:
    """Renders the console's templates."""

    def __init__(self, profile: str, pause_minutes: int) -> None:
        self._profile = profile
        self._pause_minutes = pause_minutes
        self._templates = Environment(
            loader=PackageLoader("jinkui.console"), autoescape=True, undefined=StrictUndefined
        )

    def render(
        self, request: Request, name: str, context: Mapping[str, object], status: int = 200
    ) -> HTMLResponse:
        """One page."""
        response = HTMLResponse(self._templates.get_template(name).render(context), status)
        response.set_cookie(
            LANGUAGE_COOKIE,
            str(context["lang"]),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    def sign_in(self, request: Request, language: str, name: str, *, refused: bool) -> HTMLResponse:
        """The form, with what was typed kept when it was refused."""
        context = {
            **_frame(language),
            "name": name,
            "sentence": say(language, "sign_in_refused", minutes=self._pause_minutes)
            if refused
            else "",
            "profile": say(language, f"profile_{self._profile}"),
        }
        return self.render(request, "sign_in.html", context, 403 if refused else 200)

    def refusal(self, request: Request, status: int, code: str) -> HTMLResponse:
        """What a person sees instead of a page, in one sentence."""
        language = language_of(request)
        key = f"refusal_{status}" if status in _REFUSALS else "refusal_other"
        context = {**_frame(language), "sentence": say(language, key), "code": code}
        return self.render(request, "refusal.html", context, status)


def language_of(request: Request) -> str:
    """Asked for in the address, else remembered, else Chinese."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE) or ""
    return asked if asked in LANGUAGES else LANGUAGES[0]


def wants_page(request: Request) -> bool:
    """Does a browser ask, or a program?"""
    return "text/html" in request.headers.get("accept", "")


def _frame(language: str) -> dict[str, object]:
    other = LANGUAGES[1] if language == LANGUAGES[0] else LANGUAGES[0]
    return {"lang": language, "other_lang": other, "say": partial(say, language)}
