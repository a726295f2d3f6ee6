"""Writing out when a template is compiled what no request changes: addresses, icons and macros of constant arguments.

A page has over a hundred such calls; folded, they are part of the text around them (decision 0036). A misspelled
route or macro then shows as soon as its template is compiled, also where no test goes.
"""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

# Globals whose answers depend on their arguments alone, for the life of the process; `cv` holds the macros.
_MACROS = "cv"
FOLDED = frozenset({"url", "static", "icon", "query", _MACROS})


class FoldingEnvironment(Environment):
    """Jinja2's environment; calls of FOLDED names are made at compile time where all arguments are given."""

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        # A developer's change of a macro must show without touching the templates that call it.
        if not self.auto_reload:
            _Folding(self).visit(source)
        return super()._generate(source, *args, **kwargs)


class _Folding(NodeTransformer):
    def __init__(self, env: Environment) -> None:
        self._env = env

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - jinja2 looks it up by this name
        self.generic_visit(node)
        function = self._constant_function(node.node)
        if function is None or node.dyn_args or node.dyn_kwargs:
            return node
        try:
            args = [arg.as_const() for arg in node.args]
            kwargs = {keyword.key: keyword.value.as_const() for keyword in node.kwargs}
        except nodes.Impossible:
            return node
        return nodes.Const(function(*args, **kwargs), lineno=node.lineno)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802
        """Its call must stay a call: the macro asks for what stands inside the block."""
        self.generic_visit(node.call)
        node.body = [self.visit(child) for child in node.body]
        return node

    def _constant_function(self, called: nodes.Node) -> Any:
        if isinstance(called, nodes.Name) and called.name in FOLDED:
            return self._env.globals[called.name]
        if (
            isinstance(called, nodes.Getattr)
            and isinstance(called.node, nodes.Name)
            and called.node.name == _MACROS
        ):
            return getattr(self._env.globals[_MACROS], called.attr)
        return None
