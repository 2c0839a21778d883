"""Which requests does the daemon answer, and to whom?

Signing in, one status page, its JSON twin, and a health check that tells an
outsider nothing. Every sign-in, refusal and sign-out is an entry in the audit
log before the answer leaves: no entry, no service.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, Final, Protocol

from fastapi import FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from jinkui.console.pages.status import status_context
from jinkui.console.phrases import LANGUAGES, say
from jinkui.console.problems import MEDIA_TYPE, problem, status_code
from jinkui.console.sessions import (
    NotSignedIn,
    Session,
    Sessions,
    SignInRefused,
    require_csrf,
)
from jinkui.daemon.headers import ProtectiveHeaders
from jinkui.procedures.status import Status, status_document
from shared_kernel.errors import JinkuiError

COOKIE: Final = "jinkui_session"
LANGUAGE_COOKIE: Final = "jinkui_lang"
LARGEST_BODY: Final = 64 * 1024
"""Bytes; a sign-in form has a few hundred."""


class ConsoleBackend(Protocol):
    """What the daemon needs from the wired toolkit."""

    profile: str

    def status(self) -> Status:
        """How things stand now."""
        ...

    def sign_in(self, name: str, password: str) -> tuple[str, ...]:
        """Roles of the account if the password fits, both outcomes audited.

        Raises:
            SignInRefused: it does not.
        """
        ...

    def note_sign_out(self, actor: str) -> None:
        """Audit a sign-out."""
        ...


def create_application(backend: ConsoleBackend, sessions: Sessions) -> FastAPI:
    """The ASGI application; ``backend`` and ``sessions`` are shared by its threads."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(ProtectiveHeaders, largest_body=LARGEST_BODY)
    pages = Pages(backend.profile)
    _answer_refusals(app)
    _answer_outsiders(app)
    _answer_sign_in(app, backend, sessions, pages)
    _answer_pages(app, backend, sessions, pages)
    return app


class Pages:
    """Renders templates; escapes everything; an unknown name in a template is a defect."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._templates = Environment(
            loader=PackageLoader("jinkui.console"), autoescape=True, undefined=StrictUndefined
        )

    def render(self, name: str, context: dict[str, object], status: int = 200) -> HTMLResponse:
        """One page; the language chosen is remembered."""
        response = HTMLResponse(self._templates.get_template(name).render(context), status)
        response.set_cookie(LANGUAGE_COOKIE, str(context["lang"]), samesite="strict")
        return response

    def sign_in(self, language: str, name: str, *, refused: bool) -> HTMLResponse:
        """The form, with what was typed kept when it was refused."""
        context: dict[str, object] = {
            "lang": language,
            "other_lang": "en" if language == "zh" else "zh",
            "say": lambda key: say(language, key),
            "name": name,
            "refused": refused,
            "profile": say(language, f"profile_{self._profile}"),
        }
        return self.render("sign_in.html", context, 403 if refused else 200)


def _answer_refusals(app: FastAPI) -> None:
    @app.exception_handler(JinkuiError)
    async def refuse(request: Request, error: JinkuiError) -> Response:
        if isinstance(error, NotSignedIn) and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/sign-in", 303)
        return JSONResponse(problem(error), status_code(error), media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        document = {"type": "about:blank", "title": error.detail, "status": error.status_code}
        return JSONResponse(document, error.status_code, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, __: RequestValidationError) -> Response:
        # The default answer would send the rejected values back, a password among them.
        document = {"type": "urn:jinkui:request.malformed", "title": "request.malformed"}
        return JSONResponse({**document, "status": 400}, 400, media_type=MEDIA_TYPE)


def _answer_outsiders(app: FastAPI) -> None:
    style = (files("jinkui.console") / "assets" / "console.css").read_text("utf-8")

    @app.get("/healthz")
    def health() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/assets/console.css")
    def stylesheet() -> Response:
        return Response(style, media_type="text/css")


def _answer_sign_in(
    app: FastAPI, backend: ConsoleBackend, sessions: Sessions, pages: Pages
) -> None:
    @app.get("/sign-in")
    def ask(request: Request) -> HTMLResponse:
        return pages.sign_in(_language(request), "", refused=False)

    @app.post("/sign-in")
    def sign_in(
        request: Request,
        name: Annotated[str, Form(max_length=64)],
        password: Annotated[str, Form(max_length=256)],
        lang: Annotated[str, Form(max_length=5)] = "zh",
    ) -> Response:
        language = lang if lang in LANGUAGES else LANGUAGES[0]
        try:
            _require_same_origin(request)
            sessions.require_not_paused(name)
            roles = backend.sign_in(name, password)
        except SignInRefused:
            sessions.note_failure(name)
            return pages.sign_in(language, name, refused=True)
        token, _ = sessions.begin(name, roles)
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
        return response

    @app.post("/sign-out")
    def sign_out(request: Request, csrf: Annotated[str, Form(max_length=128)]) -> Response:
        session = _session(sessions, request)
        require_csrf(session, csrf)
        backend.note_sign_out(session.actor)
        sessions.end(request.cookies.get(COOKIE))
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE)
        return response


def _answer_pages(app: FastAPI, backend: ConsoleBackend, sessions: Sessions, pages: Pages) -> None:
    @app.get("/")
    def today(request: Request) -> HTMLResponse:
        session = _session(sessions, request)
        context = status_context(backend.status(), session, _language(request))
        return pages.render("status.html", context)

    @app.get("/status.json")
    def today_as_json(request: Request) -> JSONResponse:
        _session(sessions, request)
        return JSONResponse(status_document(backend.status()))


def _session(sessions: Sessions, request: Request) -> Session:
    return sessions.require(request.cookies.get(COOKIE))


def _language(request: Request) -> str:
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE) or ""
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _require_same_origin(request: Request) -> None:
    """A sign-in form posted from elsewhere is a login CSRF; browsers send Origin on POST."""
    origin = request.headers.get("origin")
    if origin not in (None, f"{request.url.scheme}://{request.url.netloc}"):
        raise SignInRefused("sign-in refused")
