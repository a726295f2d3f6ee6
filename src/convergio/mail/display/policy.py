"""The allow-list: which elements and attributes of a mail are shown, and which can load something."""

_SHOWN = (
    "a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd"
    " del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd"
    " li main map area mark nav ol p picture pre q rp rt ruby s samp section small source span strike strong sub"
    " summary sup table tbody td tfoot th thead time tr tt u ul var video audio track wbr"
)
DISPLAY_TAGS = set(_SHOWN.split())

# Their content is no text for a reader. (A form keeps its content and loses its tags.)
_HIDDEN = "script style title template svg math object iframe select textarea noembed applet"
DROPPED_WITH_CONTENT = set(_HIDDEN.split())

# Attributes whose value is an address that is loaded by showing the element.
LOADING = {"src", "background", "poster"}

_SIZED = {"width", "height", "align", "valign", "bgcolor", "background"}
DISPLAY_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"style", "class", "id", "dir", "lang", "title", "align", "role", "aria-label", "aria-hidden"},
    "a": {"href", "name"},
    "area": {"href", "shape", "coords", "alt"},
    "map": {"name"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height", "border", "hspace", "vspace", "usemap"},
    "source": {"src", "srcset", "sizes", "media", "type"},
    "video": {"src", "poster", "width", "height", "controls"},
    "audio": {"src", "controls"},
    "track": {"src"},
    "font": {"color", "face", "size"},
    "table": _SIZED | {"border", "cellpadding", "cellspacing", "summary", "bordercolor", "rules", "frame"},
    "tr": _SIZED,
    "td": _SIZED | {"colspan", "rowspan", "nowrap", "scope", "headers", "abbr"},
    "th": _SIZED | {"colspan", "rowspan", "nowrap", "scope", "headers", "abbr"},
    "tbody": _SIZED,
    "thead": _SIZED,
    "tfoot": _SIZED,
    "col": {"span", "width", "align"},
    "colgroup": {"span", "width", "align"},
    "div": {"bgcolor", "background", "text"},
    "hr": {"width", "size", "color", "noshade"},
    "ol": {"start", "type", "reversed"},
    "ul": {"type"},
    "li": {"value", "type"},
    "blockquote": {"type"},
    "time": {"datetime"},
    "details": {"open"},
}

# Never shown; what they would have loaded is counted all the same.
COUNTED: dict[str, set[str]] = {
    "link": {"href"},
    "input": {"src"},
    "svg": {"href"},
    "image": {"href", "xlink:href"},
    "use": {"href", "xlink:href"},
    "feimage": {"href", "xlink:href"},
    "object": {"data"},
    "embed": {"src"},
    "iframe": {"src"},
    "frame": {"src"},
    "bgsound": {"src"},
}
