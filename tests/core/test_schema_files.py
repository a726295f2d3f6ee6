"""docs/schema is what the migrations make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from convergio.core.schema_docs import differing_files, split_schema, write_schema

ROOT = Path(__file__).parents[2]
DUMP = """
--
-- Name: emails; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.emails (id bigint);


--
-- Name: tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tags (id bigint);


--
-- Name: django_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.django_migrations (id bigint);

--
-- PostgreSQL database dump complete
--
"""


def test_each_table_goes_to_its_domain_and_the_framework_s_to_none() -> None:
    files = split_schema(DUMP, {"emails": "core"})
    assert set(files) == {"added.sql", "core.sql"}
    assert files["core.sql"].endswith("\n\nCREATE TABLE public.emails (id bigint);\n")
    assert files["added.sql"].endswith("\n\nCREATE TABLE public.tags (id bigint);\n")


def test_a_changed_a_missing_and_a_superfluous_file_are_named(tmp_path: Path) -> None:
    write_schema(tmp_path, {"core.sql": "a", "added.sql": "b"})
    assert differing_files(tmp_path, {"core.sql": "a", "added.sql": "b"}) == []
    assert differing_files(tmp_path, {"core.sql": "x", "new.sql": "c"}) == [
        "added.sql",
        "core.sql",
        "new.sql",
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the embedded PostgreSQL is for Linux")
def test_the_committed_schema_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "convergio", "db", "schema", "--check", "--output", ROOT / "docs/schema"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT / "src",
    )
    assert (done.returncode, done.stderr) == (0, "")
