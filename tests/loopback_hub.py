"""A small Hugging Face Hub on 127.0.0.1, for tests: create, upload, download, load by repository id.

Repositories live in memory as a list of commits, every commit a whole tree {path: bytes}; large files go through the LFS
routes as on the real Hub (a blob that is stored already is not asked for again, which is how a second upload of the same
files moves no data). There are no users, every token is good; without one, the repositories in `private` are not there, as on
the real Hub. A revision is "main" or a commit. Run clients in a process of their
own with `hub.environment(home)`: huggingface_hub reads its endpoint once, when it is imported.

    with LoopbackHub() as hub:
        subprocess.run([...], env={**os.environ, **hub.environment(tmp_path)})
        hub.files("datasets", "me/logs"), hub.received  # bytes of file content that clients sent
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

LARGE = (".parquet", ".safetensors", ".bin", ".zip", ".gz")
KINDS = "models|datasets|spaces"


@dataclass
class Commit:
    """One state of a repository."""

    sha: str
    tree: dict[str, bytes]


@dataclass
class LoopbackHub:
    """The store and its server; a context manager."""

    repositories: dict[tuple[str, str], list[Commit]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    received: int = 0
    private: set[str] = field(default_factory=set)

    def __enter__(self) -> LoopbackHub:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.hub = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home: Any) -> dict[str, str]:
        """Variables for a client process whose caches live under `home`."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_TOKEN": "hf_loopback",
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",  # the Xet protocol is not spoken here
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def files(self, kind: str, repo_id: str) -> dict[str, bytes]:
        """The newest tree of a repository; `kind` is "models", "datasets" or "spaces"."""
        return self.repositories[(kind, repo_id)][-1].tree

    def at(self, key: tuple[str, str], revision: str) -> Commit | None:
        """The commit that a revision names; None where there is none."""
        history = self.repositories[key]
        return history[-1] if revision == "main" else next((one for one in history if one.sha == revision), None)

    def commits(self, kind: str, repo_id: str) -> int:
        """How many commits a repository has, the empty first one included."""
        return len(self.repositories[(kind, repo_id)])

    def commit(self, key: tuple[str, str], operations: list[dict[str, Any]]) -> str:
        """Apply the lines of a commit request; a commit that changes nothing adds none. Returns the new sha."""
        newest = self.repositories[key][-1]
        tree = dict(newest.tree)
        for operation in operations:
            value = operation["value"]
            match operation["key"]:
                case "file":
                    tree[value["path"]] = base64.b64decode(value["content"])
                    self.received += len(tree[value["path"]])
                case "lfsFile":
                    tree[value["path"]] = self.blobs[value["oid"]]
                case "deletedFile":
                    tree.pop(value["path"], None)
                case "deletedFolder":
                    tree = {path: data for path, data in tree.items() if not path.startswith(value["path"])}
        if tree == newest.tree:
            return newest.sha
        names = "".join(f"{path} {_sha1(data)}\n" for path, data in sorted(tree.items()))
        sha = _sha1(f"{newest.sha}\n{names}".encode())
        self.repositories[key].append(Commit(sha, tree))
        return sha


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> LoopbackHub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    # -- talking ------------------------------------------------------------------------------------------------

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, value: Any = b"", kind: str = "application/json", **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _missing(self, code: str = "RepoNotFound", status: int = 404) -> None:
        self._answer(status, {"error": code}, X_Error_Code=code, X_Error_Message=code)

    def _hidden(self, key: tuple[str, str]) -> bool:
        """Answer as if there were no such repository, where there is none or it is not for this client."""
        seen = key in self.hub.repositories and (key[1] not in self.hub.private or self.headers.get("Authorization"))
        if not seen:
            self._missing(status=404 if key not in self.hub.repositories else 401)
        return not seen

    def _route(self) -> str:
        path = unquote(urlparse(self.path).path)
        self.hub.requests.append((self.command, path))
        return path

    def _page(self, key: tuple[str, str]) -> str:
        return "/".join([self.hub.url, *([] if key[0] == "models" else [key[0]]), key[1]])

    # -- writing ------------------------------------------------------------------------------------------------

    def do_POST(self) -> None:
        path, body = self._route(), self._body()
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._lfs_batch(json.loads(body)["objects"])
        found = re.fullmatch(rf"/api/({KINDS})/([^/]+/[^/]+)/(preupload|commit|paths-info)/(.+)", path)
        if found is None:
            return self._missing("EntryNotFound")
        key = (found[1], found[2])
        if key not in self.hub.repositories:
            return self._missing()
        if found[3] == "preupload":
            return self._preupload(json.loads(body)["files"])
        if found[3] == "paths-info":
            paths = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode())["paths"]
            tree = self.hub.files(*key)
            return self._answer(200, [_entry(name, tree[name]) for name in paths if name in tree])
        sha = self.hub.commit(key, [json.loads(line) for line in body.splitlines() if line])
        page = self._page(key)
        answer = {"success": True, "commitOid": sha, "commitUrl": f"{page}/commit/{sha}", "hookOutput": ""}
        self._answer(200, answer)

    def _create(self, wanted: dict[str, Any]) -> None:
        key = (wanted.get("type", "model") + "s", f"{wanted.get('organization') or 'me'}/{wanted['name']}")
        if key in self.hub.repositories:
            return self._answer(409, {"error": "exists", "url": self._page(key)})
        self.hub.repositories[key] = [Commit(_sha1("/".join(key).encode()), {})]
        self._answer(200, {"url": self._page(key), "name": key[1]})

    def _preupload(self, files: list[dict[str, Any]]) -> None:
        modes = [("lfs" if one["path"].endswith(LARGE) else "regular", one["path"]) for one in files]
        self._answer(
            200, {"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for mode, path in modes]}
        )

    def _lfs_batch(self, wanted: list[dict[str, Any]]) -> None:
        objects = []
        for one in wanted:
            upload = {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            objects.append({**one, **({} if one["oid"] in self.hub.blobs else upload)})
        self._answer(200, {"transfer": "basic", "objects": objects}, "application/vnd.git-lfs+json")

    def do_PUT(self) -> None:
        oid, body = self._route().rpartition("/")[2], self._body()
        if hashlib.sha256(body).hexdigest() != oid:
            return self._answer(400, {"error": "content does not match its oid"})
        self.hub.blobs[oid] = body
        self.hub.received += len(body)
        self._answer(200)

    # -- reading ------------------------------------------------------------------------------------------------

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self._route()
        if path == "/api/whoami-v2":
            token = {"role": "write", "displayName": "loopback"}
            user = {"type": "user", "name": "me", "orgs": [], "auth": {"type": "access_token", "accessToken": token}}
            return self._answer(200, user)
        found = re.fullmatch(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)/(?:resolve|raw)/([^/]+)/(.+)", path)
        if found and not path.startswith("/api/"):
            return self._file((found[1] or "models", found[2]), found[3], found[4])
        found = re.fullmatch(rf"/api/({KINDS})/([^/]+/[^/]+)(?:/(revision|tree|refs)(?:/(.*))?)?", path)
        if found is None:
            return self._missing("EntryNotFound")
        key = (found[1], found[2])
        if self._hidden(key):
            return None
        revision, _, below = (found[4] or "main").partition("/")
        newest = self.hub.at(key, revision if found[3] in ("revision", "tree") else "main")
        if newest is None:
            return self._missing("RevisionNotFound")
        if found[3] == "tree":
            return self._tree(newest.tree, below.strip("/"))
        if found[3] == "refs":
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": newest.sha}
            return self._answer(200, {"branches": [main], "tags": [], "converts": []})
        siblings = [{"rfilename": name} for name in newest.tree]
        date = "2026-01-01T00:00:00.000Z"
        facts = {"private": False, "disabled": False, "gated": False, "downloads": 0, "likes": 0, "tags": []}
        info = {"_id": "0", "id": key[1], "sha": newest.sha, "lastModified": date, "createdAt": date, **facts}
        self._answer(200, {**info, "siblings": siblings})

    def _tree(self, tree: dict[str, bytes], below: str) -> None:
        inside = {path: data for path, data in tree.items() if not below or path.startswith(below + "/")}
        if below and not inside:
            return self._missing("EntryNotFound")
        folders = {"/".join(path.split("/")[:depth]) for path in inside for depth in range(1, path.count("/") + 1)}
        entries = [_entry(path, data) for path, data in inside.items()]
        entries += [{"type": "directory", "path": name, "size": 0, "oid": "0" * 40} for name in sorted(folders)]
        if "recursive=true" not in self.path.lower():
            entries = [one for one in entries if one["path"].rpartition("/")[0] == below]
        self._answer(200, [one for one in entries if one["path"] != below])

    def _file(self, key: tuple[str, str], revision: str, path: str) -> None:
        if self._hidden(key):
            return None
        commit = self.hub.at(key, revision)
        if commit is None:
            return self._missing("RevisionNotFound")
        if path not in commit.tree:
            return self._answer(404, {"error": "no file"}, X_Error_Code="EntryNotFound", X_Repo_Commit=commit.sha)
        data = commit.tree[path]
        headers = {"X_Repo_Commit": commit.sha, "ETag": f'"{_sha1(data)}"', "Accept_Ranges": "bytes"}
        part = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part is None or self.command == "HEAD":
            return self._answer(200, data, "application/octet-stream", **headers)
        first, last = int(part[1]), min(int(part[2] or len(data) - 1), len(data) - 1)
        headers["Content_Range"] = f"bytes {first}-{last}/{len(data)}"
        self._answer(206, data[first : last + 1], "application/octet-stream", **headers)


def _entry(path: str, data: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(data), "oid": _sha1(data)}
