"""The one entry to parsing: raw bytes in, a ParsedMessage out, whatever the bytes are."""

import re
from collections.abc import Iterator

from convergio.mail.parsing.addresses import parse_addresses
from convergio.mail.parsing.attachments import collect_attachments
from convergio.mail.parsing.bodies import body_html, body_text, select_parts
from convergio.mail.parsing.charset import decode_text
from convergio.mail.parsing.dates import parse_date, parse_received_date
from convergio.mail.parsing.headers import DecodedHeaders, header_text, unfold
from convergio.mail.parsing.identifiers import (
    content_hash,
    id_key,
    parse_message_id,
    raw_key,
    reference_keys,
    split_message,
)
from convergio.mail.parsing.mime import (
    Deadline,
    LimitExceeded,
    Part,
    describe_defects,
    parse_headers,
    parse_tree,
)
from convergio.mail.parsing.reports import read_report
from convergio.mail.parsing.types import DEFAULT, Address, Limits, ParsedAttachment, ParsedMessage

_NOT_PROSE = re.compile(r"^(>|\s*$)")
_SALVAGED_HEADERS = 1024 * 1024


def parse_message(raw: bytes, *, limits: Limits = DEFAULT) -> ParsedMessage:
    """Parse a message; never raises (rule 14).

    What is broken is named in `parse_error`, in one sentence. A message that cannot be taken apart at all
    keeps its headers, as far as they can be read, and its undecoded text.
    """
    deadline = Deadline(limits.seconds)
    try:
        if len(raw) > limits.message_bytes:
            raise LimitExceeded(f"The message is larger than {limits.message_bytes // (1024 * 1024)} MB.")
        root = parse_tree(raw.lstrip(b"\r\n"), limits, deadline)
        return _from_tree(raw, root, limits, deadline)
    except Exception as error:  # noqa: BLE001  # one message never holds up the next, whatever is wrong with it or with us
        return _salvaged(raw, limits, error)


def unparsed(raw: bytes, sentence: str) -> ParsedMessage:
    """A message of which nothing is read, for one whose parsed form cannot be kept: its raw bytes and their key."""
    root = parse_headers(b"\n", DEFAULT)
    return _assemble(raw, root, DEFAULT, text="", html=None, files=(), error=sentence)


def key_and_hash(raw: bytes, *, limits: Limits = DEFAULT) -> tuple[str, bytes] | None:
    """`message_id` and `content_hash` as parse_message gives them, read from the headers alone; None if those fail."""
    try:
        root = parse_headers(split_message(raw)[0] + b"\n\n", limits)
        id_header = parse_message_id(root.field("message-id"))
        return _key(raw, id_header), content_hash(raw, _names_in_lower_case(root))
    except Exception:  # noqa: BLE001  # then it takes the whole way
        return None


def _key(raw: bytes, id_header: str | None) -> str:
    return id_key(id_header) if id_header else raw_key(raw)


def _names_in_lower_case(root: Part) -> Iterator[tuple[str, str]]:
    return ((name.lower(), value) for name, value in root.raw_items())


def _from_tree(raw: bytes, root: Part, limits: Limits, deadline: Deadline) -> ParsedMessage:
    chosen = select_parts(root)
    html = body_html(chosen)
    deadline.check()
    text = body_text(chosen, html, limits)
    deadline.check()
    files = collect_attachments(chosen.files, html)
    deadline.check()
    defects = describe_defects(root)
    error = f"The message is damaged: {', '.join(defects)}." if defects else None
    return _assemble(raw, root, limits, text=text, html=html, files=files, error=error)


def _salvaged(raw: bytes, limits: Limits, error: Exception) -> ParsedMessage:
    sentence = (
        str(error) if isinstance(error, LimitExceeded) else f"It cannot be parsed ({type(error).__name__})."
    )
    block, body = split_message(raw)
    text = decode_text(body[: limits.html_chars]).replace("\r\n", "\n")
    try:
        root = parse_headers(block[:_SALVAGED_HEADERS] + b"\n\n", limits)
        return _assemble(raw, root, limits, text=text, html=None, files=(), error=sentence)
    except Exception:  # noqa: BLE001  # then not even the headers: the raw bytes and their key remain
        root = parse_headers(b"\n", limits)
        return _assemble(raw, root, limits, text=text, html=None, files=(), error=sentence)


def _assemble(
    raw: bytes,
    root: Part,
    limits: Limits,
    *,
    text: str,
    html: str | None,
    files: tuple[ParsedAttachment, ...],
    error: str | None,
) -> ParsedMessage:
    id_header = parse_message_id(root.field("message-id"))
    headers = DecodedHeaders(root.fields, limits.headers)
    senders = _addresses(root, "from", limits) or _addresses(root, "sender", limits)
    sender = senders[0] if senders else None
    return_path = _return_path(root)
    return ParsedMessage(
        message_id=_key(raw, id_header),
        message_id_header=id_header,
        subject=" ".join(header_text(root.field("subject")).split()),
        sender=sender,
        reply_to=_addresses(root, "reply-to", limits),
        to=_addresses(root, "to", limits),
        cc=_addresses(root, "cc", limits),
        return_path=return_path,
        date=parse_date(unfold(root.field("date"))),
        received_date=parse_received_date(unfold(root.field("received"))),
        in_reply_to=reference_keys(root.fields.get("in-reply-to", ()), limits.references),
        references=reference_keys(root.fields.get("references", ()), limits.references),
        list_id=_list_id(root),
        body_text=text,
        body_html=html,
        snippet=make_snippet(text, limits.snippet_chars),
        attachments=files,
        headers=headers,
        content_hash=content_hash(raw, _names_in_lower_case(root)),
        delivery_report=read_report(
            root.mime_type, files, sender=sender, return_path=return_path, headers=headers, text=text
        ),
        parse_error=error,
    )


def make_snippet(text: str, max_chars: int) -> str:
    """The first words of a text on one line, quoted lines left out unless there is nothing else."""
    lines = text[:4_000].split("\n")
    own = " ".join(line for line in lines if not _NOT_PROSE.match(line)) or " ".join(lines)
    return " ".join(own.split())[:max_chars].rstrip()


def _addresses(root: Part, name: str, limits: Limits) -> tuple[Address, ...]:
    found = [item for raw in root.fields.get(name, ()) for item in parse_addresses(raw, limits.addresses)]
    return tuple(found[: limits.addresses])


def _return_path(root: Part) -> str | None:
    value = unfold(root.field("return-path"))
    if not value:
        return None
    return value.partition("<")[2].partition(">")[0].strip() if "<" in value else value


def _list_id(root: Part) -> str | None:
    value = header_text(root.field("list-id"))
    return (value.rpartition("<")[2].partition(">")[0].strip() or value) if value else None
