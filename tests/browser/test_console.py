"""The console as people see it: in two languages, by keyboard, on paper, without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from jinkui.console.phrases import say

if TYPE_CHECKING:
    from conftest import Opener, Visit

pytestmark = pytest.mark.browser

LARGEST_PAGE = 150_000
WCAG_TEXT, WCAG_EDGE = 4.5, 3.0
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
_WEAKEST_TEXT = """() => {
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const parse = s => { const n = s.match(/[\\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : n.slice(0, 3); };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; };
  let worst = [99, ''];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (!e.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 120)];
  }
  return worst;
}"""


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def variables(visit: Visit, *names: str) -> dict[str, str]:
    script = "n => getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim()"
    return {name: visit.page.evaluate(script, name) for name in names}


def focused(visit: Visit) -> str:
    return str(
        visit.page.evaluate(
            "() => { const e = document.activeElement;"
            " return e.name || e.className || e.getAttribute('href') || e.tagName }"
        )
    )


def definitions(visit: Visit, section: str) -> dict[str, str]:
    terms = visit.page.locator(f"#{section} dt").all_inner_texts()
    values = visit.page.locator(f"#{section} dd").all_inner_texts()
    return dict(zip(terms, (value.strip() for value in values), strict=True))


def states(twin: Mapping[str, Any], *wanted: str) -> list[Mapping[str, Any]]:
    return [clock for clock in twin["clocks"] if clock["state"] in wanted]


@LANGUAGES
def test_a_refused_sign_in_keeps_the_name_and_says_one_sentence(
    visit: Visit, language: str
) -> None:
    """
    The typed name stays, the password does not; one sentence; the cursor waits in the password.
    """
    visit.go(f"/sign-in?lang={language}")
    visit.fill_in("somebody", "wrong")

    assert visit.page.input_value("input[name=name]") == "somebody"
    assert visit.page.input_value("input[name=password]") == ""
    alerts = visit.page.get_by_role("alert").all_inner_texts()
    assert len(alerts) == 1
    assert len(re.findall(r"[。.]", alerts[0])) == 1
    assert alerts[0].endswith(("。", "."))
    assert focused(visit) == "password"


@LANGUAGES
def test_the_first_page_says_how_things_stand(visit: Visit, language: str) -> None:
    """
    Sentence, clocks, uploads, last check and log are there, complete in each language.
    """
    visit.sign_in(language)
    page = visit.page

    assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[language]
    sentence = page.locator("h1").inner_text()
    assert sentence.endswith(say(language, "sentence_end"))
    assert say(language, "sentence_log_ok") in sentence
    headings = page.locator("h2").all_inner_texts()
    for key in ("clocks", "prompt", "outbox", "check", "log", "store"):
        assert any(text.startswith(say(language, key)) for text in headings), key
    assert page.locator("#clocks tbody tr").count() >= 1
    assert say(language, "check_label") in page.locator("#check").inner_text()
    assert "{" not in page.locator("body").inner_text()


@LANGUAGES
def test_the_page_says_what_its_twin_says(visit: Visit, language: str) -> None:
    """
    Every clock, count, run and root of status.json stands on the page, and none besides.
    """
    visit.sign_in(language)
    twin, page = visit.twin(), visit.page

    shown = page.locator("#clocks tbody time").evaluate_all("all => all.map(t => t.dateTime)")
    live = states(twin, "running", "near", "overdue")
    assert shown == sorted(clock["due_at"] for clock in live)
    for section, state in (("prompt", "no_hours"), ("not_started", "not_started")):
        assert page.locator(f"#{section} tbody tr").count() == len(states(twin, state))
    assert page.locator("#done tbody tr").count() == len(states(twin, "discharged"))
    assert page.locator("tbody tr").count() == len(twin["clocks"])

    def said(section: str, *keys: str) -> list[str]:
        values = definitions(visit, section)
        return [values[say(language, key)] for key in keys]

    outbox, check, log = twin["outbox"], twin["check"], twin["log"]
    assert said("outbox", "accepted", "waiting", "stuck") == [
        str(outbox[key]) for key in ("accepted", "waiting", "stuck")
    ]
    assert said("check", "passed", "failed", "not_evaluated", "run", "score") == [
        str(check[key]) for key in ("passed", "failed", "not_evaluated", "run_id", "score_2021")
    ]
    assert said("log", "entries", "root") == [f"{log['size']:,}", log["root"]]
    assert said("store", "records", "institution") == [
        f"{twin['records']:,}",
        twin["institution"],
    ]
    assert log["verified_ok"] is True


def test_a_page_is_small_and_asks_nobody_else(visit: Visit) -> None:
    """
    Page and style sheet together stay under 150 KB; the window checks the origins at its end.
    """
    sizes: list[int] = []
    visit.page.on("response", lambda answer: sizes.append(len(answer.body() or b"")))
    visit.sign_in()
    sizes.clear()
    visit.go("/")
    visit.page.wait_for_load_state("networkidle")

    assert 0 < sum(sizes) < LARGEST_PAGE
    assert visit.page.locator("script").count() == 0
    assert visit.page.locator("[style], [onclick], [onload]").count() == 0


def test_a_violated_policy_would_be_noticed(visit: Visit) -> None:
    """
    The guard of the other tests works: an inline script is refused, and heard of.
    """
    visit.go("/sign-in")
    visit.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        " document.body.append(s) }"
    )

    assert visit.page.evaluate("() => window.bad") is None
    assert any("Content Security Policy" in text for text in visit.complaints)
    visit.complaints.clear()


def test_everything_is_readable_without_scripts(visit: Visit, open_window: Opener) -> None:
    """
    With scripts switched off the same words are there, and what is folded can be opened.
    """
    visit.sign_in()
    with open_window(java_script_enabled=False) as plain:
        plain.sign_in()
        changing = re.compile(r"\d{2}:\d{2}(:\d{2})?|[\d,]+|\S+…\S+|[A-Za-z0-9+/]{43}=")

        def words(window: Visit) -> str:
            return changing.sub("#", window.page.locator("main").inner_text())

        assert words(plain) == words(visit)
        assert not plain.page.locator("#done tbody tr").first.is_visible()
        plain.page.click("#done summary")
        assert plain.page.locator("#done tbody tr").first.is_visible()


def test_signing_out_ends_the_session(visit: Visit) -> None:
    """
    After the button the old cookie leads back to the form.
    """
    visit.sign_in()
    old = visit.context.cookies()
    with visit.page.expect_navigation():
        visit.page.click("button[type=submit]")
    assert visit.page.url.endswith("/sign-in")
    visit.context.add_cookies(old)
    visit.go("/")

    assert visit.page.url.endswith("/sign-in")


def test_cookies_are_out_of_reach_of_scripts(visit: Visit) -> None:
    """
    No page script could read them, and no other site makes the browser send them.
    """
    visit.sign_in()

    assert visit.page.evaluate("() => document.cookie") == ""
    assert {c["sameSite"] for c in visit.context.cookies()} == {"Strict"}


def test_the_form_is_reached_and_sent_by_keyboard_alone(visit: Visit) -> None:
    """
    Name, password, button in this order; backwards language and skip link; focus always visible.
    """
    visit.go("/sign-in")
    order = []
    for key in (None, "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"):
        if key:
            visit.page.keyboard.press(key)
        style = visit.page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement);"
            " return [s.outlineStyle, parseFloat(s.outlineWidth)] }"
        )
        assert style[0] != "none"
        assert style[1] >= 2
        order.append(focused(visit))
    assert order == ["name", "password", "BUTTON", "password", "name", "/sign-in?lang=en", "skip"]

    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    assert focused(visit) == "name"
    account = min(visit.console.passwords)
    visit.page.keyboard.type(account)
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type(visit.console.passwords[account])
    with visit.page.expect_navigation():
        visit.page.keyboard.press("Enter")
    assert visit.page.locator("h1.sentence").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(open_window: Opener, scheme: str) -> None:
    """
    WCAG 1.4.3: text and state colours 4.5:1 on both grounds; 1.4.11: field edges 3:1.
    """
    with open_window(color_scheme=scheme) as visit:
        visit.go("/sign-in")
        named = variables(visit, "paper", "raised", "edge")
        text = variables(visit, "ink", "quiet", "accent", "ok", "soon", "late", "unknown")
        for ground in (named["paper"], named["raised"]):
            assert {n: c for n, c in text.items() if contrast(c, ground) < WCAG_TEXT} == {}
        assert contrast(named["edge"], named["paper"]) >= WCAG_EDGE
        assert (luminance(named["paper"]) < 0.5) is (scheme == "dark")

        ratio, where = visit.page.evaluate(_WEAKEST_TEXT)
        assert ratio >= WCAG_TEXT, where
        visit.sign_in()
        visit.page.click("#done summary")
        ratio, where = visit.page.evaluate(_WEAKEST_TEXT)
        assert ratio >= WCAG_TEXT, where


def test_states_differ_by_shape_too(visit: Visit) -> None:
    """
    Without colours the states can still be told apart.
    """
    visit.sign_in()
    shapes = visit.page.evaluate(
        """() => ['ok', 'running', 'soon', 'late', 'unknown'].map(name => {
          const e = document.createElement('span'); e.className = 'state ' + name;
          document.body.append(e); return getComputedStyle(e, '::before').content })"""
    )

    assert len(set(shapes)) == 5
    assert "none" not in shapes


@pytest.mark.parametrize("width", [360, 400, 800, 1200])
@LANGUAGES
def test_nothing_scrolls_sideways(open_window: Opener, width: int, language: str) -> None:
    """
    From a telephone to a wide screen the page fits its width, labels included.
    """
    with open_window(viewport={"width": width, "height": 800}) as visit:
        visit.sign_in(language)
        visit.page.click("#done summary")

        assert visit.page.evaluate("() => document.documentElement.scrollWidth") <= width


@LANGUAGES
def test_the_printed_page_can_be_signed(open_window: Opener, language: str) -> None:
    """
    On paper: letterhead, time and checkpoint at the foot, a line to sign; no buttons, dark ink.
    """
    with open_window(color_scheme="dark") as visit:
        visit.sign_in(language)
        twin = visit.twin()
        visit.page.emulate_media(media="print")
        page = visit.page

        assert page.locator(".letterhead").is_visible()
        assert twin["institution_name"] in page.locator(".letterhead").inner_text()
        foot = page.locator("footer").inner_text()
        assert str(twin["log"]["checkpoint_size"]) in foot
        assert twin["log"]["root"][:8] in foot
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", foot)
        assert say(language, "signature") in page.locator(".signature").inner_text()
        assert not page.locator("button").first.is_visible()
        assert luminance(variables(visit, "ink")["ink"]) < 0.1
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


def test_an_unknown_page_is_a_sentence(visit: Visit) -> None:
    """
    A wrong address answers in words, in the reader's language, with a way back.
    """
    visit.go("/nowhere?lang=zh")

    assert visit.page.locator("h1").inner_text() == say("zh", "refusal_404")
    assert visit.page.locator("main a").get_attribute("href") == "/"
