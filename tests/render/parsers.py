"""Each format read back by a parser: how many nodes and edges it holds, and which markup."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import import_module
from xml.etree import ElementTree

from wftrace.drawing.graphviz import run_graphviz
from wftrace.render import Picture

SVG = "{http://www.w3.org/2000/svg}"
_NODE = re.compile(r'  (r?n\d+)(\("[^"]*"\)|\(\["[^"]*"\]\)|\[\["[^"]*"\]\]|\{\{"[^"]*"\}\})')
_EDGE = re.compile(r'  r?n\d+ (-->|-\.->|==>)(\|"[^"]*"\|)? r?n\d+')
_REST = re.compile(
    r"%% wftrace: [^\n]*|flowchart (TB|LR)"
    r"|  classDef \w+ [\w#:,. -]+|  class r?n\d+(,r?n\d+)* \w+|  linkStyle [\d,]+ [\w#:]+"
    r'|  subgraph r?g\d+\["[^"]*"\]|    r?n\d+|  end|  click r?n\d+ href "[^"\s<>]*"'
)
_LABEL = re.compile(r"[^<>&\"'`{}\[\]()|\\]*")


def svg_counts(svg: str) -> tuple[int, int]:
    """Nodes and edges of an SVG by an XML parser."""
    groups = [each for each in ElementTree.fromstring(svg).iter(f"{SVG}g") if each.get("id")]
    kinds = Counter(each.get("class", "").split(" ")[0] for each in groups)
    return kinds["node"], kinds["line"]


def svg_markup(svg: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names of all elements and of all attributes of an SVG."""
    elements = list(ElementTree.fromstring(svg).iter())
    return frozenset(each.tag for each in elements), frozenset(name for each in elements for name in each.attrib)


def dot_counts(dot: str) -> tuple[int, int]:
    """Nodes and edges of a DOT text by Graphviz's own parser."""
    laid = json.loads(run_graphviz(dot))
    return len([each for each in laid.get("objects", ()) if "nodes" not in each]), len(laid.get("edges", ()))


def mermaid_counts(text: str) -> tuple[int, int]:
    """Nodes and edges of a Mermaid text, every line of which must be one of those that we write.

    A label must be free of all characters that mean something to Mermaid, but for ``<br/>`` and ``#123;``.
    """
    nodes = edges = 0
    for line in text.rstrip("\n").split("\n"):
        node = _NODE.fullmatch(line)
        nodes += node is not None
        edges += _EDGE.fullmatch(line) is not None
        assert node or _EDGE.fullmatch(line) or _REST.fullmatch(line), line
        for label in re.findall(r'"([^"]*)"', line) if "href" not in line else ():
            assert _LABEL.fullmatch(label.replace("<br/>", "")), label
    return nodes, edges


def html_tree(page: str) -> tuple[Counter[str], tuple[int, int], frozenset[str]]:
    """The tags of a page by an HTML parser, how many nodes and edges are in it, and the names of its attributes."""
    tree = import_module("html5lib").parse(page, namespaceHTMLElements=False)
    tags = Counter(str(each.tag) for each in tree.iter())
    groups = [each.get("class", "").split(" ")[0] for each in tree.iter(f"{SVG}g") if each.get("id")]
    names = frozenset(str(name) for each in tree.iter() for name in each.attrib)
    return tags, (groups.count("node"), groups.count("line")), names


def all_counts(picture: Picture) -> dict[str, tuple[int, int]]:
    """Nodes and edges by format."""
    document = json.loads(picture.to_json())
    return {
        "svg": svg_counts(picture.to_svg()),
        "dot": dot_counts(picture.to_dot()),
        "mermaid": mermaid_counts(picture.to_mermaid()),
        "json": (len(document["nodes"]), len(document["edges"])),
    }
