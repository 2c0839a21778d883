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
from starlette.exceptions import HTTPException

from jinkui.console.pages.status import status_context
from jinkui.console.phrases import LANGUAGES
from jinkui.console.problems import MEDIA_TYPE, problem, status_code
from jinkui.console.rendering import Pages, language_of, wants_page
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
LARGEST_BODY: Final = 64 * 1024
"""Bytes; a sign-in form has a few hundred."""

_MALFORMED: Final = 400


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

    def require_reader(self, actor: str, roles: tuple[str, ...]) -> None:
        """Return if one of the roles may see open cases; a denial is audited.

        Raises:
            NotYourOffice: none of them.
        """
        ...

    def note_refusal(self, name: str, why: str) -> None:
        """Audit a sign-in that was refused before its password was looked at."""
        ...

    def note_sign_out(self, actor: str) -> None:
        """Audit a sign-out."""
        ...


def create_application(backend: ConsoleBackend, sessions: Sessions) -> FastAPI:
    """The ASGI application; ``backend`` and ``sessions`` are shared by its threads."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(ProtectiveHeaders, largest_body=LARGEST_BODY)
    minutes = int(sessions.limits.pause.total_seconds() // 60)
    pages = Pages(backend.profile, minutes)
    _answer_refusals(app, pages)
    _answer_outsiders(app)
    _answer_sign_in(app, backend, sessions, pages)
    _answer_sign_out(app, backend, sessions)
    _answer_pages(app, backend, sessions, pages)
    return app


def _answer_refusals(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(JinkuiError)
    async def refuse(request: Request, error: JinkuiError) -> Response:
        status = status_code(error)
        if wants_page(request):
            if isinstance(error, NotSignedIn):
                return RedirectResponse("/sign-in", 303)
            return pages.refusal(request, status, error.code)
        return JSONResponse(problem(error), status, media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        status = error.status_code
        if wants_page(request):
            response: Response = pages.refusal(request, status, str(status))
        else:
            document = {"type": "about:blank", "title": error.detail, "status": status}
            response = JSONResponse(document, status, media_type=MEDIA_TYPE)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, __: RequestValidationError) -> Response:
        # The default answer would send the rejected values back, a password among them.
        code = "request.malformed"
        if wants_page(request):
            return pages.refusal(request, _MALFORMED, code)
        document = {"type": f"urn:jinkui:{code}", "title": code, "status": _MALFORMED}
        return JSONResponse(document, _MALFORMED, media_type=MEDIA_TYPE)


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
        return pages.sign_in(request, language_of(request), "", refused=False)

    @app.post("/sign-in")
    def sign_in(
        request: Request,
        name: Annotated[str, Form(max_length=64)],
        password: Annotated[str, Form(max_length=256)],
        lang: Annotated[str, Form(max_length=5)] = "zh",
    ) -> Response:
        language = lang if lang in LANGUAGES else LANGUAGES[0]
        if not _from_our_own_form(request):
            # Not counted: a foreign page must not be able to pause an account.
            backend.note_refusal(name, "foreign_form")
            raise SignInRefused("the form does not come from this console")
        try:
            sessions.require_not_paused(name)
        except SignInRefused:
            backend.note_refusal(name, "paused")
            return pages.sign_in(request, language, name, refused=True)
        # Counted before the slow check and forgiven after it: a hundred guesses at once
        # get no further than a hundred in a row.
        sessions.note_failure(name)
        try:
            roles = backend.sign_in(name, password)
        except SignInRefused:
            return pages.sign_in(request, language, name, refused=True)
        sessions.end(request.cookies.get(COOKIE))
        token, _ = sessions.begin(name, roles)
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
        return response


def _answer_sign_out(app: FastAPI, backend: ConsoleBackend, sessions: Sessions) -> None:
    @app.post("/sign-out")
    def sign_out(request: Request, csrf: Annotated[str, Form(max_length=128)]) -> Response:
        session = _session(sessions, request)
        require_csrf(session, csrf)
        try:
            backend.note_sign_out(session.actor)
        finally:
            # Whoever leaves has left, even if the log cannot be written.
            sessions.end(request.cookies.get(COOKIE))
        response = RedirectResponse("/sign-in", 303)
        secure = request.url.scheme == "https"
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure)
        return response


def _answer_pages(app: FastAPI, backend: ConsoleBackend, sessions: Sessions, pages: Pages) -> None:
    @app.get("/")
    def today(request: Request) -> HTMLResponse:
        by_itself = request.query_params.get("by") == "itself"
        session = _session(sessions, request, used=not by_itself)
        backend.require_reader(session.actor, session.roles)
        ends_at = sessions.ends_at(session)
        context = status_context(backend.status(), session, language_of(request), ends_at)
        return pages.render(request, "status.html", context)

    @app.get("/status.json")
    def today_as_json(request: Request) -> JSONResponse:
        session = _session(sessions, request)
        backend.require_reader(session.actor, session.roles)
        return JSONResponse(status_document(backend.status()))


def _session(sessions: Sessions, request: Request, *, used: bool = True) -> Session:
    return sessions.require(request.cookies.get(COOKIE), used=used)


def _from_our_own_form(request: Request) -> bool:
    """A sign-in form posted from elsewhere is a login CSRF; browsers send Origin on POST."""
    own = f"{request.url.scheme}://{request.url.netloc}"
    return request.headers.get("origin") in {None, own} and request.headers.get(
        "sec-fetch-site"
    ) in {None, "same-origin", "none"}
