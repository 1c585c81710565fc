"""Positions of templates that never change their meaning, with Drain3 as the arbiter of what is one template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drain3.drain import Drain, LogCluster

from .masks import mask_message

PARAMETER = "<*>"
SIMILARITY, DEPTH, MAX_CHILDREN = 0.6, 4, 100


class TemplateKeys:
    """A growing table of templates; a position in it is given once and never changes its meaning.

    A template is a cluster of Drain3. Drain3 opens a new cluster for every repeat of a line that is mostly parameters,
    because parameters do not count for its similarity; here such a repeat goes to the cluster that has its very text.
    """

    def __init__(self, mask: Callable[[str], str] = mask_message):
        self._mask = mask
        self._drain = Drain(depth=DEPTH, sim_th=SIMILARITY, max_children=MAX_CHILDREN, param_str=PARAMETER)
        self._exact: dict[str, LogCluster] = {}

    def __len__(self) -> int:
        return self._drain.clusters_counter

    def text(self, position: int) -> str:
        """The text of a template as it is now; Drain3 may still make it more general."""
        return self._drain.id_to_cluster[position + 1].get_template()

    def texts(self) -> list[str]:
        """The texts of all templates by position."""
        return [self.text(position) for position in range(len(self))]

    def add(self, message: str, trace: str = "") -> int:
        """Learn one message (and the key of its stack trace); the position of its template."""
        return self.add_masked(self._mask(message) + (f" [{trace}]" if trace else ""))

    def add_masked(self, masked: str) -> int:
        """As `add`, for a message that is masked already."""
        drain = self._drain
        tokens = drain.get_content_as_tokens(masked)
        cluster = drain.tree_search(drain.root_node, tokens, drain.sim_th, False)
        if cluster is None:
            cluster = self._exact.get(" ".join(tokens))
            if cluster is None:
                cluster, _ = drain.add_log_message(masked)
                self._exact[cluster.get_template()] = cluster
            return cluster.cluster_id - 1
        cluster.log_template_tokens = tuple(drain.create_template(tokens, cluster.log_template_tokens))
        self._exact.setdefault(cluster.get_template(), cluster)
        return cluster.cluster_id - 1

    def match(self, message: str, trace: str = "") -> int | None:
        """The position of the template that a message fits; None where it fits none. Nothing is learnt."""
        masked = self._mask(message) + (f" [{trace}]" if trace else "")
        cluster = self._drain.match(masked) or self._exact.get(" ".join(self._drain.get_content_as_tokens(masked)))
        return cluster.cluster_id - 1 if cluster else None

    def to_json(self) -> dict[str, Any]:
        """The table as plain JSON values."""
        return {"version": 1, "templates": self.texts()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TemplateKeys:
        """The table back from `to_json`: every template has the position that it had."""
        keys = cls()
        drain = keys._drain
        for text in values["templates"]:
            drain.clusters_counter += 1
            cluster = LogCluster(drain.get_content_as_tokens(text), drain.clusters_counter)
            drain.id_to_cluster[cluster.cluster_id] = cluster
            drain.add_seq_to_prefix_tree(drain.root_node, cluster)
            keys._exact.setdefault(text, cluster)
        return keys
