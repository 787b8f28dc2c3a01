"""The address of the book: its repository, from `repository: url` in `_config.yml` or the variable SRBM_REPOSITORY.

All that leads there is made from it here: links of the pages, what a notebook says to install, metadata of the package.
While it is empty there are none of these.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import yaml

ROOT = Path(__file__).parent.parent
VARIABLE = "SRBM_REPOSITORY"
HINT = "# If this fails"  # how the line in the first code cell of a chapter begins
FORM = re.compile(r"https://(?P<host>github\.com|gitlab\.com)/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?")


def setting(root: Path = ROOT) -> dict[str, str]:
    """What `_config.yml` says of the repository."""
    file = root / "_config.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8")).get("repository", {}) if file.exists() else {}


@dataclass(frozen=True)
class Address:
    """A repository at GitHub or GitLab, and the addresses that follow from it; false where there is none."""

    host: str = ""
    owner: str = ""
    name: str = ""
    branch: str = "main"

    @classmethod
    def parse(cls, url: str, branch: str = "main") -> "Address":
        """The address that is written as `url`; an empty one is none."""
        if not url:
            return cls()
        if not (parts := FORM.fullmatch(url)):
            raise ValueError(
                f"the address of the repository is written https://github.com/owner/name (or gitlab.com), got {url!r}; "
                f"correct repository: url in _config.yml or the variable {VARIABLE}"
            )
        return cls(**parts.groupdict(), branch=branch)

    @classmethod
    def of(cls, root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> "Address":
        """The address that `_config.yml` names, unless the environment names another."""
        written = setting(root)
        return cls.parse(environment.get(VARIABLE) or written.get("url", ""), written.get("branch", "main"))

    def __bool__(self):
        return bool(self.host)

    @property
    def url(self) -> str:
        return f"https://{self.host}/{self.owner}/{self.name}" if self else ""

    @property
    def _files(self) -> str:
        return self.url if self.host == "github.com" else f"{self.url}/-"

    @property
    def site(self) -> str:
        """Where the pages are that the workflow publishes."""
        if not self:
            return ""
        domain = f"{self.owner.lower()}.{self.host.replace('.com', '.io')}"
        return f"https://{domain}/" if self.name.lower() == domain else f"https://{domain}/{self.name}/"

    @property
    def issues(self) -> str:
        return f"{self._files}/issues"

    def file(self, path: str) -> str:
        """The page that shows a file."""
        return f"{self._files}/blob/{self.branch}/{quote(path)}"

    def raw(self, path: str) -> str:
        """The file itself, as an image is loaded."""
        return f"{self._files}/raw/{self.branch}/{quote(path)}"

    def edit(self, path: str) -> str:
        """The page that edits a file."""
        return f"{self._files}/edit/{self.branch}/{quote(path)}"

    def issue(self, page: str) -> str:
        """The form for an issue with a page of the book."""
        title, body = f"On the page {page}", "What is wrong, and what you expected."
        names = ("title", "body") if self.host == "github.com" else ("issue[title]", "issue[description]")
        return f"{self.issues}/new?{urlencode(dict(zip(names, (title, body), strict=True)), quote_via=quote)}"

    def binder(self, path: str) -> str:
        """The file in JupyterLab on mybinder.org."""
        name = f"gh/{self.owner}/{self.name}" if self.host == "github.com" else f"gl/{self.owner}%2F{self.name}"
        return f"https://mybinder.org/v2/{name}/{self.branch}?urlpath=lab/tree/{quote(path)}"

    def colab(self, path: str) -> str:
        """The file in Google Colab, which opens files of GitHub alone; empty for other hosts."""
        if self.host != "github.com":
            return ""
        return f"https://colab.research.google.com/github/{self.owner}/{self.name}/blob/{self.branch}/{quote(path)}"

    @property
    def requirement(self) -> str:
        """What pip installs for a chapter; without an address, in a folder of the repository."""
        return f"srbm[book] @ git+{self.url}" if self else ".[book]"

    @property
    def hint(self) -> str:
        """The line of a chapter's first code cell that says what to install."""
        if self:
            return f'{HINT}: %pip install "{self.requirement}"'
        return f'{HINT}, in the folder of the book: pip install "{self.requirement}"'


def with_hint(notebook: str, address: Address) -> str:
    """The text of a notebook file whose first code cell says what to install from `address`."""
    line = address.hint.replace('"', r"\"")
    return re.sub(rf'{HINT}[^"\\]*\\"[^"\\]*\\"', lambda _: line, notebook, count=1)
