"""Which folder is Sent, Junk, Trash and so on: RFC 6154 attributes first, then the names in use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from convergio.mail.mailboxes.protocol import Folder, FolderRole

_ATTRIBUTES = {
    b"\\sent": FolderRole.SENT,
    b"\\drafts": FolderRole.DRAFTS,
    b"\\junk": FolderRole.JUNK,
    b"\\spam": FolderRole.JUNK,
    b"\\trash": FolderRole.TRASH,
    b"\\archive": FolderRole.ARCHIVE,
    b"\\all": FolderRole.ALL,
    b"\\allmail": FolderRole.ALL,
    b"\\flagged": FolderRole.FLAGGED,
}

_NAMES = {
    FolderRole.SENT: (
        "sent",
        "sent items",
        "sent mail",
        "sent messages",
        "gesendet",
        "gesendete objekte",
        "gesendete elemente",
        "envoyés",
        "éléments envoyés",
        "messages envoyés",
        "enviados",
        "elementos enviados",
        "itens enviados",
        "posta inviata",
        "inviata",
        "verzonden",
        "verzonden items",
        "skickat",
        "sendt",
        "wysłane",
        "отправленные",
        "送信済み",
        "已发送",
        "भेजे गए",
    ),
    FolderRole.DRAFTS: (
        "drafts",
        "draft",
        "entwürfe",
        "brouillons",
        "borradores",
        "rascunhos",
        "bozze",
        "concepten",
    ),
    FolderRole.JUNK: (
        "junk",
        "spam",
        "junk e-mail",
        "junk email",
        "bulk mail",
        "courrier indésirable",
        "correo no deseado",
        "lixo eletrônico",
        "posta indesiderata",
        "ongewenste e-mail",
    ),
    FolderRole.TRASH: (
        "trash",
        "deleted",
        "deleted items",
        "deleted messages",
        "bin",
        "papierkorb",
        "gelöschte elemente",
        "corbeille",
        "papelera",
        "elementos eliminados",
        "lixeira",
        "cestino",
        "prullenbak",
    ),
    FolderRole.ARCHIVE: ("archive", "archives", "archiv", "archivo", "archivio", "archief"),
    FolderRole.ALL: ("all mail", "alle nachrichten", "tous les messages", "todos"),
}
_ROLE_OF_NAME = {name: role for role, names in _NAMES.items() for name in names}


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """One LIST answer: attributes as sent, the decoded name and the hierarchy delimiter."""

    attributes: tuple[bytes, ...]
    name: str
    delimiter: str


def assign_roles(listed: Iterable[ListedFolder]) -> list[Folder]:
    """Roles for the folders that can be selected; the server's word wins, and each role is given once."""
    selectable = [folder for folder in listed if not _attributes(folder) & {b"\\noselect", b"\\nonexistent"}]
    roles: dict[str, FolderRole] = {}
    for guess in (_inbox_role, _attribute_role, _name_role):
        for folder in selectable:
            role = guess(folder)
            if role and folder.name not in roles and role not in roles.values():
                roles[folder.name] = role
    return [Folder(folder.name, roles.get(folder.name, FolderRole.OTHER)) for folder in selectable]


def folders_to_sync(folders: Iterable[Folder]) -> list[Folder]:
    r"""The inbox and Sent. \All holds both again on Gmail and is left out, so that nothing counts twice."""
    wanted = {FolderRole.INBOX: 0, FolderRole.SENT: 1}
    return sorted(
        (folder for folder in folders if folder.role in wanted), key=lambda folder: wanted[folder.role]
    )


def _attributes(folder: ListedFolder) -> set[bytes]:
    return {attribute.lower() for attribute in folder.attributes}


def _inbox_role(folder: ListedFolder) -> FolderRole | None:
    return FolderRole.INBOX if folder.name.upper() == "INBOX" else None


def _attribute_role(folder: ListedFolder) -> FolderRole | None:
    return next((_ATTRIBUTES[name] for name in sorted(_attributes(folder)) if name in _ATTRIBUTES), None)


def _name_role(folder: ListedFolder) -> FolderRole | None:
    return role_of_name(folder.name.rsplit(folder.delimiter, 1)[-1] if folder.delimiter else folder.name)


def role_of_name(name: str) -> FolderRole | None:
    """What a folder of that name is for, in the languages mail programs name folders in; None for any other name."""
    return _ROLE_OF_NAME.get(name.casefold())
