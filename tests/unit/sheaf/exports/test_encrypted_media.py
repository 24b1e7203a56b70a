"""Files in an archive that were encrypted: large ones are opened by and by."""

import os
import tracemalloc
import zipfile
from base64 import b64encode

from sheaf import blobs
from sheaf.data.decryption import Decryptor
from sheaf.exports import media
from sheaf.exports.archive import Archive
from sheaf.exports.listed import Listed
from sheaf.submissions import instance
from tests import encryptor

SIZE = 5 * blobs.PIECE + 12_345


def sealed(data):
    """A file as the first of an envelope, and the envelope's key."""
    public, _ = encryptor.own()
    sent = encryptor.seal(b"<data/>", public, instance_id="one", version="1", media={"f": data})
    return sent.files["f.enc"], instance.read(sent.envelope).encrypted_key


def archived(path, encrypted, key):
    """The archive of that one file, written to a path; gives the most memory that it took."""
    blob = blobs.store("submissions/one/", encrypted, "application/octet-stream")
    listed = Listed("f", blob, 1_700_000_000_000_000, edited=False, sealed=(1, "one", key, 0))
    decryptor = Decryptor({1}, {1: encryptor.own()[1]})
    with path.open("wb") as file:
        archive = Archive(file.write)
        tracemalloc.start()
        try:
            for _ in media.write(archive, [listed], decryptor):
                pass
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        archive.close([archive.entries()])
    return peak


def test_a_large_file_is_decrypted_by_and_by(aws, tmp_path):
    data = b64encode(os.urandom(SIZE))[:SIZE]
    path = tmp_path / "one.zip"
    peak = archived(path, *sealed(data))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("media/f") == data
    assert peak < 4 * blobs.PIECE


def test_a_large_file_that_is_cut_off_is_given_as_far_as_it_goes(aws, tmp_path):
    data = b64encode(os.urandom(SIZE))[:SIZE]
    encrypted, key = sealed(data)
    path = tmp_path / "one.zip"
    archived(path, encrypted[: SIZE - 1_000], key)
    with zipfile.ZipFile(path) as archive:
        found = archive.read("media/f")
    assert data.startswith(found)
    assert len(found) >= SIZE - 1_016
