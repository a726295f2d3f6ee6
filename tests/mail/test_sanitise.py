"""Rules 47 to 50: HTML mail is shown without doing anything but being read."""

from __future__ import annotations

import re
import time

import pytest

from convergio.mail.display import frame_document, render_html, render_text
from convergio.mail.display.sanitise import MAX_CHARS, SafeHtml


def show(body: str, *, allow_remote: bool = False, **cids: str) -> SafeHtml:
    return render_html(body, allow_remote=allow_remote, cid_urls=cids)


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java\tscript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<form action='https://evil.test'><input name=password></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.test'><base href='https://evil.test'>",
        "<style></style><script>alert(1)</script>",
        "<style>a{content:'</style><script>alert(1)</script>'}</style>",
        "<style>\\3c/style>\\3cscript>alert(1)</style>",
        "<p style='width:expression(alert(1))'>x</p>",
        "<p style='behavior:url(x.htc);-moz-binding:url(x.xml)'>x</p>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    ],
)
def test_nothing_active_survives(body: str) -> None:
    for allow_remote in (False, True):
        html = show(body, allow_remote=allow_remote).html.lower()
        for active in ("<script", "onerror=", "onload=", "javascript:", "<iframe", "<form", "<input", "<meta", "<base",
                       "expression(", "behavior", "-moz-binding", "data:text", "<svg", "<math"):  # fmt: skip
            assert active not in html


REMOTE = [
    '<img src="https://t.test/1">',
    '<img src="//t.test/1">',
    '<img src="\\\\t.test/1">',
    '<img src=" h\nttps://t.test/1">',
    '<img srcset="https://t.test/1 2x">',
    '<picture><source srcset="https://t.test/1"></picture>',
    '<table background="https://t.test/1"><tr><td>x</td></tr></table>',
    '<body background="https://t.test/1">x</body>',
    '<p style="background:url(https://t.test/1)">x</p>',
    "<p style=\"background:u\\72l('https://t.test/1')\">x</p>",
    '<p style="background:/**/url(https://t.test/1)">x</p>',
    "<p style=\"background-image:image-set('https://t.test/1' 1x)\">x</p>",
    '<p style="list-style-image:url(https://t.test/1)">x</p>',
    "<style>p{background:url(https://t.test/1)}</style>",
    "<style>@media screen{p{background:url(https://t.test/1)}}</style>",
    '<style>@import "https://t.test/1";</style>',
    "<style>@import url(https://t.test/1) screen;</style>",
    "<style>@font-face{font-family:x;src:url(https://t.test/1)}</style>",
    '<link rel=stylesheet href="https://t.test/1">',
    '<link rel=dns-prefetch href="//t.test/1">',
    '<svg><image href="https://t.test/1"/></svg>',
    '<svg><image xlink:href="https://t.test/1"/></svg>',
    '<video poster="https://t.test/1"></video>',
    '<video><source src="https://t.test/1"></video>',
    '<audio src="https://t.test/1"></audio>',
    '<input type=image src="https://t.test/1">',
    '<object data="https://t.test/1"></object>',
    '<embed src="https://t.test/1">',
    '<iframe src="https://t.test/1"></iframe>',
]


@pytest.mark.parametrize("body", REMOTE)
def test_every_kind_of_remote_load_is_blocked_and_counted(body: str) -> None:
    shown = show(body)
    assert "t.test" not in shown.html
    assert shown.blocked_remote == 1


def test_a_link_beside_a_form_is_not_counted_as_a_blocked_image() -> None:
    shown = show('<form><input name="a"><a href="https://shop.test/offer">Shop</a></form>')
    assert shown.blocked_remote == 0


def test_the_reader_may_allow_remote_images_fonts_and_backgrounds() -> None:
    body = (
        "<style>@font-face{font-family:x;src:url(https://t.test/f)}p{background:url(https://t.test/b)}</style>"
        '<img src="//t.test/i" srcset="https://t.test/s 2x"><p style="background:url(https://t.test/p)">x</p>'
    )
    shown = show(body, allow_remote=True)
    assert shown.blocked_remote == 0
    for wanted in (
        "https://t.test/f",
        "https://t.test/b",
        "https://t.test/i",
        "https://t.test/s 2x",
        "https://t.test/p",
    ):
        assert wanted in shown.html


def test_style_sheets_frames_and_objects_stay_blocked_even_then() -> None:
    body = "<style>@import 'https://t.test/1';</style><link rel=stylesheet href=https://t.test/2><iframe src=https://t.test/3>"
    assert "t.test" not in show(body, allow_remote=True).html


def test_the_count_is_of_different_addresses() -> None:
    spacer = '<img src="https://t.test/spacer.gif">'
    assert show(spacer * 40 + '<img src="https://t.test/open.gif">').blocked_remote == 2


def test_a_blocked_background_leaves_the_colour() -> None:
    assert "red" in show('<p style="background:red url(https://t.test/1) no-repeat">x</p>').html


def test_an_escaped_property_name_cannot_smuggle_a_declaration() -> None:
    smuggled = "<style>p{x\\3b background\\3aurl\\28//t.test/1\\29 : y(1)}</style>"
    smuggled += "<p style='x\\3b y\\3a url(//t.test): z'>a</p>"
    assert "t.test" not in show(smuggled).html


def test_relative_addresses_never_reach_our_own_server() -> None:
    shown = show(
        '<img src="/api/emails"><img src="x.png"><p style="background:url(/logout)">x</p><a href="/logout">x</a>'
    )
    assert "logout" not in shown.html
    assert not re.search(r"<img[^>]*src", shown.html)
    assert shown.blocked_remote == 0


def test_cid_images_resolve_even_without_content_disposition_and_are_named() -> None:
    body = '<img src="cid:a@b"><p style="background:url(cid:c)">x</p><img src="cid:missing"><td background="cid:c">'
    shown = render_html(
        body, allow_remote=False, cid_urls={"a@b": "/m/1/a?sig=1", "c": "data:image/png;base64,AA", "d": "/d"}
    )
    assert 'src="/m/1/a?sig=1"' in shown.html
    assert "data:image/png;base64,AA" in shown.html
    assert "missing" not in shown.html
    assert shown.cids_used == {"a@b", "c"}
    assert shown.blocked_remote == 0


def test_images_inside_the_mail_are_kept_and_other_data_is_not() -> None:
    shown = show(
        '<img src="data:image/png;base64,AA=="><img src="data:image/svg+xml,<svg>"><img src="data:text/html,x">'
    )
    assert shown.html.count("src=") == 1


def test_links_open_elsewhere_and_say_nothing_about_us() -> None:
    html = show(
        '<a href="https://x.test/?a=1&amp;b=2" target=_top rel=opener>x</a><a href="mailto:a@x.test">m</a>'
    ).html
    assert html.count('target="_blank"') == 2
    assert html.count('rel="noopener noreferrer nofollow"') == 2
    assert "https://x.test/?a=1&amp;b=2" in html


def test_the_design_of_a_mail_stays() -> None:
    body = (
        "<html><head><title>T</title><style>.x{color:#fff;width:calc(100% - 2px)}@media (max-width:600px){.x{width:1%}}"
        '</style></head><body bgcolor="#eee"><table width="600" align="center"><tr><td class="x" colspan=2 '
        'style="color:'
        'rgb(1,2,3);font-family:Arial">Hello</td></tr></table></body></html>'
    )
    html = show(body).html
    for kept in (
        'bgcolor="#eee"',
        'width="600"',
        'class="x"',
        "rgb(1,2,3)",
        "@media",
        "calc(100% - 2px)",
        'colspan="2"',
    ):
        assert kept in html
    assert "<title>" not in html


def test_oversize_html_falls_back_to_escaped_text() -> None:
    shown = show("<b>Hello</b> &lt;img src=x&gt;<style>p{}</style>" + "x" * MAX_CHARS)
    assert shown.is_fallback
    assert "Hello" in shown.html
    assert "&lt;img src=x&gt;" in shown.html
    assert "<b>" not in shown.html
    assert "<style" not in shown.html


def test_html_that_takes_too_long_falls_back_to_escaped_text() -> None:
    started = time.monotonic()
    shown = render_html("<div>" * 15_000 + "Hello", allow_remote=False, cid_urls={}, seconds=0.01)
    assert shown.is_fallback
    assert "<div" not in shown.html
    assert "Hello" in shown.html
    assert time.monotonic() - started < 2


def test_html_with_too_many_tags_falls_back_at_once() -> None:
    started = time.monotonic()
    assert show("<div>" * 300_000).is_fallback
    assert time.monotonic() - started < 2


def test_the_frame_is_a_whole_page_on_white_paper_without_script() -> None:
    page = frame_document(show("<p>Hi</p>").html, title="<Order>", lang="de")
    assert page.startswith("<!doctype html>")
    assert "<title>&lt;Order&gt;</title>" in page
    assert 'lang="de"' in page
    assert "background: #fff" in page
    assert "<p>Hi</p>" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>&", "<p>&lt;b&gt;&amp;</p>\n"),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>\n"),
        ("> old\nnew", "<blockquote><p>old</p>\n</blockquote><p>new</p>\n"),
    ],
)
def test_plain_text_becomes_paragraphs_and_quotes_and_never_markup(text: str, expected: str) -> None:
    assert render_text(text) == expected


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("See https://x.test/a?b=1&c=2.", "https://x.test/a?b=1&amp;c=2"),
        ("(https://x.test/a)", "https://x.test/a"),
        ("https://x.test/a_(b)", "https://x.test/a_(b)"),
        ("write ann@x.test, please", "mailto:ann@x.test"),
        ('https://x.test/"onclick=', "https://x.test/"),
    ],
)
def test_addresses_in_plain_text_become_links(text: str, href: str) -> None:
    assert re.findall(r'href="([^"]*)"', render_text(text)) == [href]


def test_other_schemes_in_plain_text_are_no_links() -> None:
    assert "<a" not in render_text("javascript:alert(1) file:///etc/passwd data:text/html,x")
