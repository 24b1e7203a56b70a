"""What a server must know of a submission's XML: identity, version, name, envelope, attachments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sheaf.forms.schema import Field
from sheaf.problems import MissingParameter
from sheaf.submissions import markup

# Where things stand in a submission (the OpenRosa metadata and ODK encryption specifications).
_INSTANCE_ID = "/meta/instanceID"
_BARE_INSTANCE_ID = "/instanceID"
_DEPRECATED_ID = "/meta/deprecatedID"
_INSTANCE_NAME = "/meta/instanceName"
_KEY = "/base64EncryptedKey"
_MEDIA = "/media/file"
_ENCRYPTED_FILE = "/encryptedXmlFile"
_SIGNATURE = "/base64EncryptedElementSignature"
_ENVELOPE = frozenset({_KEY, _MEDIA, _ENCRYPTED_FILE})
_WANTED = {_INSTANCE_ID, _BARE_INSTANCE_ID, _DEPRECATED_ID, _INSTANCE_NAME, _SIGNATURE} | _ENVELOPE


@dataclass(frozen=True, slots=True)
class Instance:
    """A submission as its XML describes it; `text` is that XML, decoded.

    Texts are as written: references undecoded, nothing trimmed, an empty element as good as none.
    Decoded are the form's id and version, since they are compared with the form's own, and the
    names of media files.
    """

    xml_form_id: str
    version: str
    instance_id: str | None
    deprecated_id: str | None
    instance_name: str | None
    encrypted_key: str | None
    encrypted_file: str | None
    signature: str | None
    media: tuple[str, ...]
    text: str = field(repr=False)

    @property
    def encrypted(self) -> bool:
        """Whether this is the envelope of an encrypted submission."""
        return self.encrypted_key is not None


def read(raw: bytes, charset: str | None = None) -> Instance:
    """Read a submission's XML; `charset` is what the transport said of it.

    Raises MissingParameter (400.2) when it names no form, or is an envelope without instanceID,
    which nobody could decrypt; UnexpectedValue (400.8) for unreasonable depth.
    """
    text = markup.decode(raw, charset)
    xml_form_id, version = _form(text)
    listed = list(markup.texts(text, _WANTED))
    # Of several elements at one path, the first with a text counts.
    found = {path: "".join(piece.raw for piece in pieces) for path, pieces in reversed(listed)}
    media = (_value(pieces) for path, pieces in listed if path == _MEDIA)
    return Instance(
        xml_form_id=xml_form_id,
        version=version,
        instance_id=_instance_id(found),
        deprecated_id=found.get(_DEPRECATED_ID),
        instance_name=found.get(_INSTANCE_NAME),
        encrypted_key=found.get(_KEY),
        encrypted_file=found.get(_ENCRYPTED_FILE),
        signature=found.get(_SIGNATURE),
        media=tuple(filter(None, media)),
        text=text,
    )


def replaced(text: str) -> str | None:
    """Name the version that a submission's XML says it replaces."""
    found = (pieces for _, pieces in markup.texts(text, {_DEPRECATED_ID}))
    return next(("".join(piece.raw for piece in pieces) for pieces in found), None)


def attachment_names(text: str, fields: Iterable[Field]) -> tuple[str, ...]:
    """Name the files that belong to a submission, each once, in document order.

    Those are what the form version's binary fields hold, the client audit among them; of an
    encrypted envelope, its media files and last the encrypted submission. Names are decoded and
    trimmed but not normalised: NFC and NFD spellings are different names.
    """
    binary = {each.path for each in fields if each.binary}
    found = [(path, _value(pieces)) for path, pieces in markup.texts(text, binary | _ENVELOPE)]
    if any(path == _KEY for path, _ in found):
        listed = [name for path, name in found if path == _MEDIA]
        listed += [name for path, name in found if path == _ENCRYPTED_FILE][:1]
    else:
        listed = [name for path, name in found if path in binary]
    return tuple(dict.fromkeys(name for name in listed if name))


def data_slot(said: Instance, names: tuple[str, ...]) -> int | None:
    """Tell which of its files is the encrypted submission, if there is one."""
    if not said.encrypted or said.encrypted_file is None:
        return None
    name = markup.unescape(said.encrypted_file).strip()
    return names.index(name) if name in names else None


def _form(text: str) -> tuple[str, str]:
    """Give the id and version of the form that the root element names."""
    root = next(markup.scan(text), None)
    xml_form_id = root.get("id") if isinstance(root, markup.Open) else None
    if not isinstance(root, markup.Open) or not xml_form_id:
        raise MissingParameter(field="form ID xml attribute")
    return markup.unescape(xml_form_id), markup.unescape(root.get("version") or "")


def _instance_id(found: dict[str, str]) -> str | None:
    instance_id = found.get(_INSTANCE_ID, found.get(_BARE_INSTANCE_ID))
    if _KEY in found and instance_id is None:
        raise MissingParameter(field="instanceId (required for encrypted submissions)")
    return instance_id


def _value(pieces: Iterable[markup.Text]) -> str:
    return "".join(piece.value for piece in pieces).strip()
