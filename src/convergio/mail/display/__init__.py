"""Making a message safe and readable: sanitised HTML, quote stripping, plain text as HTML, the frame page.

Pure functions over text. Nothing here loads anything, and nothing here decides who may see a message.
"""

from convergio.mail.display.frame import frame_document
from convergio.mail.display.quotes import Quoted, strip_quotes
from convergio.mail.display.sanitise import SafeHtml, render_html
from convergio.mail.display.text import render_text

__all__ = ["Quoted", "SafeHtml", "frame_document", "render_html", "render_text", "strip_quotes"]
