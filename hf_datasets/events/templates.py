"""Positions of templates that never change their meaning, with Drain3 as the arbiter of what is one template.

A template here is a cluster of Drain3, refined by what must not be lost in it: codes (status, exit code, error number)
and words that tell how something went stay apart even where Drain3 has put `<*>` in their place, and a message with a
stack trace is another template than the same message without it. Two departures from plain Drain3: a message whose
masked text is that of a cluster goes to this cluster where Drain3 would open one with the same text (it does so for
every repeat of a line that is mostly parameters), and there is an upper bound on the number of clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from drain3.drain import Drain, LogCluster, Node
from numpy.typing import NDArray

from ..drain import TemplateMiner
from ..errors import LogInputError
from ..systems.rules import DrainSettings
from .masks import CODE_MARK, MASKS_VERSION, OUTCOME, PARAMETER, shape_of_message

TABLE_VERSION = 1
SETTINGS = DrainSettings(similarity=0.6, depth=4, masks=())
MOST_CLUSTERS = 20_000
# Drain3 compares a message with every cluster of its leaf. Where messages never repeat, leaves grow without end: in a
# leaf of so many clusters so many more messages are compared, in all, and then only those that are known are told apart.
MOST_IN_LEAF, MOST_SEARCHES = 300, 1_200
MOST_REFINEMENTS = 64  # of one cluster: an "error code" that never repeats is a parameter after all
OTHER = "(a message of a kind that was not kept: there are too many)"

# A cluster, the (token position, token) pairs that are kept apart in it, and the key of a stack trace.
_Place = tuple[int, tuple[tuple[int, str], ...], str]


class _ExactDrain(Drain):  # type: ignore[misc]
    """Drain3 that gives a message to the cluster of its very text before it opens a new one."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.by_text: dict[tuple[str, ...], LogCluster] = {}
        self.searches = 0  # of full leaves

    def is_full(self, text: str) -> bool:
        """Whether a message is not to be learnt: there are too many clusters, or too many where it would go."""
        if len(self.id_to_cluster) >= MOST_CLUSTERS:
            return True
        if len(self.id_to_cluster) < MOST_IN_LEAF:
            return False
        tokens = self.get_content_as_tokens(text)
        node = self.root_node.key_to_child_node.get(str(len(tokens)))
        depth = 1
        while node is not None and depth < min(self.max_node_depth, len(tokens)):
            children = node.key_to_child_node
            node = children.get(tokens[depth - 1]) or children.get(self.param_str)
            depth += 1
        if node is None or len(node.cluster_ids) < MOST_IN_LEAF:
            return False
        self.searches += 1
        return self.searches > MOST_SEARCHES

    def tree_search(
        self, root_node: Node, tokens: list[str], sim_th: float, include_params: bool
    ) -> LogCluster | None:
        found = super().tree_search(root_node, tokens, sim_th, include_params)
        if found is None:
            found = self.by_text.get(tuple(tokens))
            if found is not None and found.log_template_tokens != tuple(tokens):  # it has become more general
                found = None
        return found


class _Clusters(TemplateMiner):
    """The memory in front of Drain3 that `build` uses, told for every message which cluster it went to."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self._drain = _ExactDrain(
            depth=SETTINGS.depth, sim_th=SETTINGS.similarity, max_children=SETTINGS.max_children, param_str=PARAMETER
        )
        self.full = False

    def assign(self, codes: NDArray[np.int32], texts: Sequence[str]) -> NDArray[np.int32]:
        """Learn masked messages in order, given as codes of `texts`: the id of each one's cluster, 0 beyond the bound."""
        out = np.zeros(len(codes), np.int32)
        known = np.zeros(len(texts), np.int32)  # cluster of a text while Drain3 would certainly answer the same
        users: dict[int, list[int]] = {}

        def forget(version: list[int]) -> None:
            for code in users.pop(id(version), ()):
                known[code] = 0

        at, step = 0, 64
        while at < len(codes):
            block = codes[at : at + step]
            found = known[block]
            lost = found == 0
            first = int(lost.argmax())
            if not lost[first]:
                out[at : at + len(block)] = found
                at += len(block)
                step = min(4 * step, 1 << 16)
                continue
            out[at : at + first] = found[:first]
            code = int(block[first])
            at += first
            step = max(64, step // 4)
            text = texts[code]
            memory = self._memory.get(text)
            if memory is not None and memory[1][0] == memory[3] and memory[2][0] == memory[4]:
                cluster, shape, leaf = memory[:3]
                unchanged = True
            elif self._drain.is_full(text):
                self.full = True
                settled = self._drain.by_text.get(tuple(self._drain.get_content_as_tokens(text)))
                out[at] = settled.cluster_id if settled else 0
                at += 1
                continue
            else:
                cluster, unchanged, shape, leaf = self._ask(text, forget)
                self._drain.by_text[cluster.log_template_tokens] = cluster
                if unchanged:
                    self._memory[text] = (cluster, shape, leaf, shape[0], leaf[0])
            out[at] = cluster.cluster_id
            at += 1
            if unchanged:
                known[code] = cluster.cluster_id
                users.setdefault(id(shape), []).append(code)
                users.setdefault(id(leaf), []).append(code)
        if len(self._memory) > 4 * MOST_CLUSTERS:
            self._memory.clear()
        return out

    def ask_match(self, text: str) -> LogCluster | None:
        """The cluster that a masked text fits without changing it."""
        found = self._drain.match(text)
        return found or self._drain.by_text.get(tuple(self._drain.get_content_as_tokens(text)))

    def tokens(self, cluster: int) -> tuple[str, ...]:
        """The tokens of a cluster's template as they are now."""
        return tuple(self._drain.id_to_cluster[cluster].log_template_tokens)

    def restore(self, clusters: Sequence[tuple[Sequence[str], Sequence[str]]]) -> None:
        """Take over clusters from (tokens, path of the tree) pairs, in the order of their ids."""
        for tokens, path in clusters:
            self._drain.clusters_counter += 1
            cluster = LogCluster(list(tokens), self._drain.clusters_counter)
            self._drain.id_to_cluster[cluster.cluster_id] = cluster
            self._drain.by_text[cluster.log_template_tokens] = cluster
            node = self._drain.root_node
            for key in path:
                node = node.key_to_child_node.setdefault(key, Node())
            node.cluster_ids = [*node.cluster_ids, cluster.cluster_id]
            self._paths[cluster.cluster_id] = list(path)
            self._leaves[cluster.cluster_id] = node
            self._leaf_versions.setdefault(id(node), [0])

    def state(self) -> list[tuple[list[str], list[str]]]:
        """The (tokens, path) pairs of all clusters in the order of their ids."""
        return [(list(self.tokens(one)), self._paths[one]) for one in range(1, self._drain.clusters_counter + 1)]


class TemplateKeys:
    """A growing table of templates; a position in it is given once and never changes its meaning.

    >>> keys = TemplateKeys()
    >>> [keys.add(one) for one in ("job 7 done", "job 8 done", "job 9 failed")], keys.text(0)
    ([0, 0, 1], 'job <*> done')
    """

    def __init__(self) -> None:
        self._clusters = _Clusters()
        self._places: list[_Place] = []
        self._positions: dict[_Place, int] = {}
        self._refinements: dict[int, int] = {}
        self._refined: dict[str, tuple[tuple[int, str], ...]] = {}

    def __len__(self) -> int:
        return len(self._places)

    @property
    def full(self) -> bool:
        """Whether there were more kinds of message than are kept."""
        return self._clusters.full

    def text(self, position: int) -> str:
        """The text of a template as it is now; Drain3 may still make it more general."""
        cluster, refinement, trace = self._places[position]
        if not cluster:
            return OTHER
        tokens = list(self._clusters.tokens(cluster))
        for at, token in refinement:
            tokens[at] = token
        return " ".join(tokens) + (f" [{trace}]" if trace else "")

    def texts(self) -> list[str]:
        """The texts of all templates by position."""
        return [self.text(position) for position in range(len(self))]

    def add(self, message: str, trace: str = "") -> int:
        """Learn one message (and the key of its stack trace); the position of its template."""
        marked = shape_of_message(message).marked(message)
        return int(self.add_marked(np.zeros(1, np.int32), [marked], [trace])[0])

    def add_marked(self, codes: NDArray[np.int32], marked: Sequence[str], traces: Sequence[str]) -> NDArray[np.int32]:
        """Learn many messages in order: `codes` name pairs of a masked text (codes marked in it) and a trace key.

        Returns:
            `(n,)` int32, the position of each message's template.
        """
        texts = [one.replace(CODE_MARK, "") for one in marked]
        clusters = self._clusters.assign(codes, texts)
        pairs, back = np.unique(codes.astype(np.int64) << 32 | clusters, return_inverse=True)
        positions = np.empty(len(pairs), np.int32)
        # New positions are given in the order of first appearance, not in that of the codes.
        firsts = np.full(len(pairs), len(codes), np.int64)
        np.minimum.at(firsts, back, np.arange(len(codes)))
        for at in np.argsort(firsts, kind="stable").tolist():
            code, cluster = int(pairs[at] >> 32), int(pairs[at] & 0xFFFFFFFF)
            positions[at] = self._position(cluster, marked[code], traces[code])
        return positions[back]

    def _position(self, cluster: int, marked: str, trace: str) -> int:
        place: _Place = (cluster, self._refinement(marked) if cluster else (), trace)
        found = self._positions.get(place)
        if found is not None:
            return found
        if place[1]:
            seen = self._refinements.get(cluster, 0)
            if seen >= MOST_REFINEMENTS:
                place = (cluster, (), trace)
                if place in self._positions:
                    return self._positions[place]
            self._refinements[cluster] = seen + 1
        self._positions[place] = len(self._places)
        self._places.append(place)
        return len(self._places) - 1

    def _refinement(self, marked: str) -> tuple[tuple[int, str], ...]:
        """What must stay apart in a masked text: (token position, token), codes and words of outcome."""
        found = self._refined.get(marked)
        if found is None:
            found = tuple(
                (at, token.replace(CODE_MARK, ""))
                for at, token in enumerate(marked.split())
                if CODE_MARK in token or OUTCOME.match(token)
            )
            if len(self._refined) > 50_000:
                self._refined.clear()
            self._refined[marked] = found
        return found

    def match(self, message: str, trace: str = "") -> int | None:
        """The position of the template that a message fits; None where it fits none. Nothing is learnt."""
        marked = shape_of_message(message).marked(message)
        cluster = self._clusters.ask_match(marked.replace(CODE_MARK, ""))
        if cluster is None:
            return None
        found = self._positions.get((cluster.cluster_id, self._refinement(marked), trace))
        if found is None and self._refinements.get(cluster.cluster_id, 0) >= MOST_REFINEMENTS:
            found = self._positions.get((cluster.cluster_id, (), trace))
        return found

    def to_json(self) -> dict[str, Any]:
        """The table as plain JSON values."""
        return {
            "version": TABLE_VERSION,
            "masks": MASKS_VERSION,
            "clusters": [list(one) for one in self._clusters.state()],
            "templates": [[cluster, [list(one) for one in kept], trace] for cluster, kept, trace in self._places],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TemplateKeys:
        """The table back from `to_json`: every template has the position that it had. Raises `LogInputError`."""
        try:
            if values["version"] != TABLE_VERSION or values["masks"] != MASKS_VERSION:
                raise LogInputError(
                    f"A template table must be of version {TABLE_VERSION} with masks {MASKS_VERSION}, found "
                    f"{values['version']!r} and {values['masks']!r}: fit again with this version"
                )
            keys = cls()
            keys._clusters.restore([(tuple(map(str, one)), tuple(map(str, path))) for one, path in values["clusters"]])
            for cluster, kept, trace in values["templates"]:
                if not 0 <= int(cluster) <= len(values["clusters"]):
                    raise ValueError(f"cluster {cluster}")
                place = (int(cluster), tuple((int(at), str(token)) for at, token in kept), str(trace))
                keys._positions[place] = len(keys._places)
                keys._places.append(place)
                if place[1]:
                    keys._refinements[place[0]] = keys._refinements.get(place[0], 0) + 1
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, LogInputError):
                raise
            raise LogInputError(
                f"A template table must be as `TemplateKeys.to_json` writes it, found {error!r}: fit again"
            ) from error
        return keys
