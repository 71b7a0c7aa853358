"""A Google Drive folder as a source: each file of it a document, read again when its version changes."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from knowledge.kinds import Barred, Content, Down, Listed, Reader, Refused, Skipped
from knowledge.models import Source
from providers import google_drive
from providers.addresses import check_outbound, names_host
from providers.errors import ProviderError, ProviderRejected
from providers.google_drive import File

MOST_FILES = 500
# What the converter reads; the others are named in the source's state and not even downloaded.
READABLE = {
    ".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".txt", ".md", ".html", ".htm", ".eml",
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp",
}  # fmt: skip
# What the provider says, for the translators.
SAID = (
    gettext_noop("Google asks to wait."),
    gettext_noop("Google cannot be reached."),
    gettext_noop("Google's answer could not be read."),
    gettext_noop("Google refused the key. It may have been deleted: make a new one."),
    gettext_noop("The Google Drive API is not switched on in the project of this key."),
    gettext_noop("The address for tokens in the key file is not Google's."),
    gettext_noop("The file is too large."),
    gettext_noop("The private key in this file cannot be read. Copy it whole."),
    gettext_noop("This is a file, not a folder."),
    gettext_noop("This is no link to a Google Drive folder."),
    gettext_noop("This is not the key file of a service account."),
    gettext_noop("This is not the key file that Google made: it is no JSON."),
)


class DriveReader(Reader):
    """Reads the folder whose id is the address, with the service account whose key file is the secret."""

    def __init__(self, source: Source, *, state: Mapping[str, Any], known: Sequence[str]) -> None:
        super().__init__(source, state=state, known=known)
        self._key = google_drive.account(source.secret)
        self._drive = google_drive.client(
            key=self._key, url=settings.GOOGLE_API_URL, allow_private=_is_listed(self._key.token_uri)
        )
        self._files: dict[str, File] = {}

    @classmethod
    def checked(cls, *, address: str, options: Mapping[str, Any], secret: str) -> tuple[str, dict[str, Any]]:
        """The folder's id; the options say whose the key is, for a person to share the folder with."""
        try:
            key = google_drive.account(secret)
            check_outbound(key.token_uri, allow_private=_is_listed(key.token_uri))
        except ProviderError as error:
            raise Refused(_(str(error)), field="secret") from error
        try:
            folder = google_drive.folder_id(address)
        except ProviderRejected as error:
            raise Refused(_(str(error))) from error
        return folder, {"account": key.email}

    def tried(self) -> str:
        """What is there, in words for who set it up. Raises ProviderError."""
        name = self._named()
        count = sum(1 for _item in self.listed())
        return _("It works. The folder is “%(name)s”, with %(count)s files.") % {"name": name, "count": count}

    def listed(self) -> Iterator[Listed]:
        self._named()
        for number, file in enumerate(self._drive.files(self.source.address, most=MOST_FILES + 1)):
            if number >= MOST_FILES:
                self.complete = False
                return
            self._files[file.id] = file
            # The name is a part of the version, so that a renamed file gets its new name.
            yield Listed(key=file.id, title=file.name, version=f"{file.version} {file.name}")

    def fetch(self, item: Listed, known: Mapping[str, Any]) -> Content | None:
        file = self._files[item.key]
        name = _suffixed(file)
        if PurePath(name).suffix.lower() not in READABLE:
            raise Skipped(_("“%(name)s” is of a kind that cannot be read.") % {"name": file.name})
        return Content(key=item.key, title=file.name, name=name, body=self._body(file))

    def _body(self, file: File) -> bytes:
        try:
            return self._drive.content(file, max_bytes=settings.DOCUMENT_MAX_BYTES)
        except google_drive.TooLarge:
            raise Skipped(_("“%(name)s” is too large.") % {"name": file.name}) from None
        except google_drive.NotShared:
            raise ProviderRejected(self._not_shared()) from None
        except google_drive.KeyRefused as error:
            raise Barred(str(error)) from error
        except ProviderRejected:
            raise
        except ProviderError as error:
            raise Down(str(error), retry_after=error.retry_after) from error

    def _named(self) -> str:
        """The folder's name, which also tells whether it is ours to read."""
        try:
            return self._drive.name(self.source.address)
        except google_drive.NotShared:
            raise ProviderRejected(self._not_shared()) from None

    def _not_shared(self) -> str:
        words = _("It is not there, or not shared with %(address)s. Share it in Google Drive, as a viewer.")
        return words % {"address": self._key.email}


def _is_listed(url: str) -> bool:
    """Whether this installation lets sources be at this host of a private network."""
    return names_host(url, settings.WEB_PRIVATE_HOSTS)


def _suffixed(file: File) -> str:
    """The name with a suffix, for the converter tells texts apart by it."""
    if PurePath(file.filename).suffix.lower() in READABLE:
        return file.filename
    return f"{file.filename}{mimetypes.guess_extension(file.mimetype) or ''}"
