"""The long description for a package index; everything else is in pyproject.toml.

README.md links to files of the repository. Those links and pictures would lead nowhere on an index, so they become text.
"""

import re
from pathlib import Path

from setuptools import setup

text = (Path(__file__).parent / "README.md").read_text("utf-8")
text = re.sub(r"^.*!\[[^\]]*\]\((?!https?://)[^)]*\).*\n\n?", "", text, flags=re.MULTILINE)
text = re.sub(r"<picture>.*?</picture>\n\n?", "", text, flags=re.DOTALL)
text = re.sub(r"\[((?:!\[[^\]]*\]\([^)]*\))|[^\]]+)\]\((?!https?://|#)[^)]*\)", r"\1", text)
setup(long_description=text, long_description_content_type="text/markdown")
