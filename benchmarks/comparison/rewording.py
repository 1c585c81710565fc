"""A log whose developers changed their wording: every message of some templates is reworded, each template in one way.

Notes:
- A template is a masked message. Which templates are reworded is drawn by share; a reworded one has *every* word that is
  in `SYNONYMS` replaced, and words inserted and dropped. Identifiers (`NameSystem.addStoredBlock:`) stay.
- Rewording is a function of (seed, template), so a template reads the same throughout the log, and numbers, paths and
  block ids are where they were.
- Only tests are reworded. Nothing in training knows this list: the variants that LogLLM may train on leave words out,
  double and move them, and add noise (trainers/message_store.py), without a synonym.

LogLLM's claim on unstable logs (arXiv 2411.08561, introduction) is put to the test with it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

# Lower-case word -> what a developer might have written instead. Written for this benchmark, before any model was tried.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "receiving": ("accepting", "getting", "taking in"),
    "received": ("accepted", "got", "obtained"),
    "block": ("chunk", "data block", "segment"),
    "src": ("source", "from", "origin"),
    "dest": ("destination", "to", "target"),
    "size": ("length", "volume"),
    "served": ("delivered", "supplied", "sent out"),
    "serving": ("delivering", "supplying", "sending out"),
    "got": ("caught", "hit", "met with"),
    "exception": ("error", "failure", "fault"),
    "exceptions": ("errors", "failures", "faults"),
    "terminating": ("shutting down", "ending", "stopping"),
    "deleting": ("removing", "erasing", "discarding"),
    "delete": ("remove", "erase", "discard"),
    "removing": ("deleting", "clearing", "dropping"),
    "file": ("data file", "file on disk"),
    "adding": ("inserting", "appending"),
    "added": ("appended", "attached", "put"),
    "existing": ("present", "known"),
    "verification": ("check", "validation", "integrity check"),
    "succeeded": ("passed", "was successful", "completed well"),
    "writing": ("storing", "putting"),
    "mirror": ("replica", "copy node"),
    "empty": ("blank", "zero-length"),
    "packet": ("message", "data unit"),
    "changing": ("modifying", "moving"),
    "offset": ("position", "displacement"),
    "meta": ("metadata", "header"),
    "transmitted": ("transferred", "sent", "forwarded"),
    "failed": ("was unable", "could not manage"),
    "transfer": ("transmit", "forward", "send over"),
    "starting": ("launching", "beginning", "spawning"),
    "thread": ("worker", "task"),
    "unexpected": ("unforeseen", "surprising", "abnormal"),
    "error": ("failure", "fault", "problem"),
    "trying": ("attempting", "about"),
    "found": ("present", "located"),
    "reopen": ("open again", "resume"),
    "ask": ("tell", "request", "instruct"),
    "replicate": ("copy", "duplicate"),
    "updated": ("refreshed", "changed", "brought up to date"),
    "request": ("call", "demand"),
    "redundant": ("superfluous", "repeated", "duplicate"),
    "belong": ("pertain", "correspond"),
    "any": ("some", "a known"),
    "timed": ("ran", "went"),
    "interrupted": ("cut off", "broken off"),
    "connection": ("link", "channel"),
    "reset": ("dropped", "torn down"),
    "peer": ("other side", "remote end"),
    "read": ("fetch", "load"),
    "stream": ("flow", "input"),
    "could": ("was able to", "can"),
    "already": ("previously", "by now"),
}
FILLERS = ("now", "the", "current", "please note", "status:", "just", "system")
DROPPABLE = frozenset(("of", "for", "to", "is", "on", "from", "the", "by", "in", "it", "as", "does", "a", "and"))
INSERT, DROP = 0.1, 0.3  # an insertion behind a word; a droppable word left out
_WORD = re.compile(
    r"^([^A-Za-z]*)([A-Za-z]+)([^A-Za-z]*)$"
)  # a word between signs; identifiers have letters on both sides


def reword_message(message: str, template: str, seed: int) -> str:
    """Reword one message of a template; the same seed and template give the same wording.

    >>> reword_message("Deleting block blk_1 file /a", "Deleting block <*> file <*>", 1)
    'discarding segment blk_1 data file /a'
    """
    draw = random.Random(f"{seed} {template}")
    words: list[str] = []
    for token in message.split():
        insert, drop = draw.random() < INSERT, draw.random() < DROP
        choice, filler = draw.random(), draw.choice(FILLERS)
        match = _WORD.match(token)
        word = match[2].lower() if match else ""
        if word in SYNONYMS and match:
            others = SYNONYMS[word]
            token = f"{match[1]}{others[int(choice * len(others))]}{match[3]}"
        elif word in DROPPABLE and drop:
            continue
        words.append(token)
        if insert:
            words.append(filler)
    return " ".join(words) or message


def chosen_templates(templates: Iterable[str], share: float, seed: int) -> set[str]:
    """Draw the templates to reword: a share of the distinct ones, at least one for a share above 0."""
    distinct = sorted(set(templates))
    count = min(max(round(share * len(distinct)), 1 if share > 0 else 0), len(distinct))
    return set(random.Random(f"templates {seed}").sample(distinct, count))


def reword_templates(
    windows: Sequence[Sequence[str]], templates: Iterable[str], share: float, seed: int = 0
) -> list[list[str]]:
    """Reword the messages of a share of the templates.

    Args:
        windows: message contents.
        templates: masked texts that the share is counted of (those of the whole log); a message whose masked text is not
            among them stays.
        share: 0 to 1.
        seed: of the choice and of the wording.
    """
    from logllm.modeling_logllm.masking import mask_message

    chosen = chosen_templates(templates, share, seed)
    known: dict[str, str] = {}

    def changed(message: str) -> str:
        if message not in known:
            template = mask_message(message)
            known[message] = reword_message(message, template, seed) if template in chosen else message
        return known[message]

    return [[changed(message) for message in window] for window in windows]
