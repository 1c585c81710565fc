"""Templates by Drain3, and the JSON table by which a checkpoint finds a line's key without it.

Notes: This is the only file that knows drain3, and it uses the bare `drain3.drain.Drain`, whose state is plain
Python, never its persistence. In front of it stands an exact memory: a masked message is answered from memory only
if Drain would certainly answer the same and change nothing (see `TemplateMiner.add`), so clusters and sizes are
Drain's own. Feeding Drain distinct messages only would NOT give the same clusters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from drain3.drain import Drain, LogCluster, Node

from .systems.patterns import compiled
from .systems.rules import PARAMETER, DrainSettings

__all__ = ["MAX_CHARACTERS", "DrainSettings", "TemplateMiner", "masker", "mine_templates", "template_key"]

MAX_CHARACTERS = 16384
TABLE_VERSION = 1


def template_key(text: str) -> str:
    """The log key of a template: the first 12 hex digits of the SHA-256 of its text.

    >>> template_key("Received block <*> of size <*>")
    '116dd411bd30'
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class Masker:
    """Cuts a message to `MAX_CHARACTERS` and applies the masks in order; can be sent to another process."""

    engine = staticmethod(compiled)

    def __init__(self, settings: DrainSettings):
        self.settings = settings
        self._rules = [(self.engine(pattern).sub, replacement) for pattern, replacement in settings.masks]

    def __call__(self, message: str) -> str:
        message = message[:MAX_CHARACTERS]
        for substitute, replacement in self._rules:
            message = substitute(replacement, message)
        return message

    def __reduce__(self) -> tuple[type[Masker], tuple[DrainSettings]]:
        return Masker, (self.settings,)


def masker(settings: DrainSettings) -> Callable[[str], str]:
    """A function that cuts a message to `MAX_CHARACTERS` and applies the masks in order."""
    return Masker(settings)


class TemplateMiner:
    """Drain under one set of settings: `add` learns, `match` asks, `table` freezes."""

    def __init__(self, settings: DrainSettings):
        self.settings = settings
        self.mask = masker(settings)
        self._drain = Drain(
            depth=settings.depth,
            sim_th=settings.similarity,
            max_children=settings.max_children,
            extra_delimiters=settings.extra_delimiters,
            param_str=PARAMETER,
        )
        self.calls = 0  # how often Drain itself was asked to learn
        self._paths: dict[int, list[str]] = {}
        self._leaves: dict[int, Node] = {}
        # masked message -> (cluster, shape of its token count, leaf, their versions when Drain answered "no change")
        self._memory: dict[str, tuple[LogCluster, list[int], list[int], int, int]] = {}
        self._shapes: dict[int, list[int]] = {}  # token count -> [version]; grows when a tree node is added
        self._leaf_versions: dict[int, list[int]] = {}  # id(leaf) -> [version]; grows when a template in it changes
        self._matches: dict[str, str | None] = {}

    def add(self, message: str) -> int:
        """Learn one message; returns the id of its cluster (from 1, in order of creation)."""
        return self.add_masked(self.mask(message))

    def add_masked(self, masked: str) -> int:
        """Learn a message that is masked already.

        Drain's answer for a message depends on the tree below its token count (which leaf it reaches) and on the
        templates in that leaf. While neither has changed since Drain last answered "no change" for the same masked
        message, asking again would only add one to the cluster's size, and that is what is done here.
        """
        known = self._memory.get(masked)
        if known is not None:
            cluster, shape, leaf, shape_version, leaf_version = known
            if shape[0] == shape_version and leaf[0] == leaf_version:
                cluster.size += 1
                return cluster.cluster_id
        cluster, unchanged, shape, leaf = self._ask(masked)
        if unchanged:
            self._memory[masked] = (cluster, shape, leaf, shape[0], leaf[0])
        return cluster.cluster_id

    def add_codes(self, codes: np.ndarray, texts: Sequence[str]) -> None:
        """Learn many masked messages in order, given as codes of `texts`: the same as `add_masked` for each.

        While a run of messages is known and nothing has changed under it, only their number is kept.
        """
        known = np.zeros(len(texts), bool)
        counts = np.zeros(len(texts), np.int64)  # of known messages, not yet in their cluster's size
        clusters: dict[int, LogCluster] = {}
        users: dict[int, list[int]] = {}  # id of a version -> codes that stand on it

        def forget(version: list[int]) -> None:
            for code in users.pop(id(version), ()):
                if known[code]:
                    known[code] = False
                    clusters[code].size += int(counts[code])
                    counts[code] = 0

        at, step = 0, 64
        while at < len(codes):
            block = codes[at : at + step]
            sure = known[block]
            first = int(sure.argmin())
            if sure[first]:  # all of the block is known
                np.add.at(counts, block, 1)
                at += len(block)
                step = min(4 * step, 1 << 16)
                continue
            np.add.at(counts, block[:first], 1)
            code = int(block[first])
            at += first + 1
            step = max(64, step // 4)
            cluster, unchanged, shape, leaf = self._ask(texts[code], forget)
            if unchanged:
                known[code], clusters[code] = True, cluster
                users.setdefault(id(shape), []).append(code)
                users.setdefault(id(leaf), []).append(code)
        for code in np.flatnonzero(counts).tolist():
            clusters[code].size += int(counts[code])

    def _ask(
        self, masked: str, changed: Callable[[list[int]], None] = lambda version: None
    ) -> tuple[LogCluster, bool, list[int], list[int]]:
        """Drain's answer: (cluster, whether nothing changed, version of its shape, version of its leaf)."""
        self.calls += 1
        self._matches.clear()
        cluster, change = self._drain.add_log_message(masked)
        tokens = len(cluster.log_template_tokens)
        shape = self._shapes.setdefault(tokens, [0])
        if change == "cluster_created":
            path, leaf_node = self._walk(cluster.log_template_tokens)
            self._paths[cluster.cluster_id] = path
            self._leaves[cluster.cluster_id] = leaf_node
            if id(leaf_node) not in self._leaf_versions:  # a new leaf: other messages may reach it now
                shape[0] += 1
                changed(shape)
        leaf = self._leaf_versions.setdefault(id(self._leaves[cluster.cluster_id]), [0])
        if change != "none":
            leaf[0] += 1
            changed(leaf)
        return cluster, change == "none", shape, leaf

    def _walk(self, tokens: tuple[str, ...]) -> tuple[list[str], Node]:
        """The nodes from the root to the leaf of a cluster that was created this moment."""
        path = [str(len(tokens))]
        node = self._drain.root_node.key_to_child_node[path[0]]
        for depth, token in enumerate(tokens, 1):
            if depth >= self._drain.max_node_depth or depth >= len(tokens):
                break
            path.append(token if token in node.key_to_child_node else PARAMETER)
            node = node.key_to_child_node[path[-1]]
        return path, node

    def match(self, message: str) -> str | None:
        """The key of the template that a message fits exactly, as `Drain.match(masked, "never")` finds it."""
        return self.match_masked(self.mask(message))

    def match_masked(self, masked: str) -> str | None:
        """`match` for a message that is masked already."""
        try:
            return self._matches[masked]
        except KeyError:
            cluster = self._drain.match(masked, full_search_strategy="never")
            key = template_key(cluster.get_template()) if cluster else None
            self._matches[masked] = key
            return key

    def table(self) -> dict[str, Any]:
        """The template table: settings, and every template with key, text, tree path and count, in order."""
        templates = []
        for cluster in self._drain.clusters:
            text = cluster.get_template()
            path = self._paths[cluster.cluster_id]
            templates.append({"key": template_key(text), "text": text, "path": path, "count": cluster.size})
        settings = self.settings
        return {
            "version": TABLE_VERSION,
            "drain": {
                "similarity": settings.similarity,
                "depth": settings.depth,
                "max_children": settings.max_children,
                "extra_delimiters": list(settings.extra_delimiters),
                "masks": [list(rule) for rule in settings.masks],
                "parameter": PARAMETER,
            },
            "templates": templates,
        }


def mine_templates(messages: Iterable[str], settings: DrainSettings) -> dict[str, Any]:
    """The template table of some messages, learned in their order."""
    miner = TemplateMiner(settings)
    for message in messages:
        miner.add(message)
    return miner.table()
