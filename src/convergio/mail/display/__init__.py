"""Making a message safe and readable: sanitised HTML, quote stripping, plain text as HTML, the frame page.

Pure functions over text. Nothing here loads anything, and nothing here decides who may see a message.
"""

from .frame import frame_document
from .quotes import Quoted, strip_quotes
from .sanitise import SafeHtml, render_html
from .text import render_text

__all__ = ["Quoted", "SafeHtml", "frame_document", "render_html", "render_text", "strip_quotes"]
