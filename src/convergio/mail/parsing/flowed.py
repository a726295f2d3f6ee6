"""format=flowed text (RFC 3676): soft line breaks joined, space-stuffing undone, quote depth kept."""


def unflow(text: str, *, delete_space: bool) -> str:
    """Join flowed lines into paragraphs. `delete_space` is DelSp=yes: the breaking space is no part of the
    text. Quoted paragraphs come out as `> ` lines; the signature line `-- ` never flows."""
    paragraphs: list[list[str]] = []
    open_depth = -1  # quote depth of the paragraph the last line left open, -1 when it was closed
    for line in text.split("\n"):
        depth, content = _split_quote(line)
        flows = content.endswith(" ") and content != "-- "
        fragment = content[:-1] if flows and delete_space else content
        if depth == open_depth and content != "-- ":
            paragraphs[-1].append(fragment)
        else:
            paragraphs.append(["> " * depth, fragment])
        open_depth = depth if flows else -1
    lines = map("".join, paragraphs)
    return "\n".join(line if line == "-- " else line.rstrip() for line in lines)


def _split_quote(line: str) -> tuple[int, str]:
    content = line.lstrip(">")
    depth = len(line) - len(content)
    return depth, content.removeprefix(" ")
