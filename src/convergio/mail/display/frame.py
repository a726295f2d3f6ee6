"""The page inside the sandboxed frame that shows one message (rule 47)."""

import html

# Mail is designed for white paper, so the frame does not follow the application's dark mode.
_STYLE = """
:root { color-scheme: light; }
html { background: #fff; color: #1b2533; }
body { margin: 0; padding: 12px 16px; font: 14px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif;
  overflow-wrap: break-word; }
img, video { max-width: 100%; height: auto; }
img:not([src])[alt]:not([alt=""]) { box-sizing: border-box; padding: 2px 8px; border: 1px dashed #7f8a99;
  border-radius: 4px; color: #5e6a7a; font-size: 12px; }
table { max-width: 100%; }
a { color: #1d4ed8; }
pre { white-space: pre-wrap; }
p { margin: 0 0 1em; }
blockquote { margin: 0 0 0 4px; padding-left: 12px; border-left: 2px solid #cdd3db; color: #4b5768; }
"""


def frame_document(safe_html: str, *, title: str = "Message", lang: str = "", style_nonce: str = "") -> str:
    """A whole HTML page around sanitised HTML. It holds no script; its own style comes first, so that the
    mail's style wins. `style_nonce` goes on our style element where the policy asks for one."""
    nonce = f' nonce="{html.escape(style_nonce)}"' if style_nonce else ""
    language = f' lang="{html.escape(lang)}"' if lang else ""
    return (
        f'<!doctype html>\n<html{language}>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html.escape(title)}</title>\n<style{nonce}>{_STYLE}</style>\n</head>\n"
        f'<body dir="auto">\n{safe_html}\n</body>\n</html>\n'
    )
