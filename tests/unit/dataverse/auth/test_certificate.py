import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from leadpipe.dataverse.auth.certificate import LARGEST_FILE, load_certificate
from leadpipe.model.errors import Blocked
from tests.certificates import LONG_AGO, NEXT_YEAR, made

PASSWORD = "made-up pass-word"
MINE = made()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lead.certificate"


def why_not(path: Path, password: str | None = None) -> str:
    with pytest.raises(Blocked) as failed:
        load_certificate(str(path), password)
    assert failed.value.slug == "certificate_unreadable"
    return failed.value.detail


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (MINE.key_pem() + MINE.pem(), None),
        (MINE.pem() + MINE.key_pem(), None),
        (MINE.key_pem(PASSWORD) + MINE.pem(), PASSWORD),
        (MINE.key_pem() + MINE.pem(), "one that is not needed"),
        (MINE.key_pem() + made(number=1).pem() + MINE.pem(), None),
        (MINE.pfx(PASSWORD), PASSWORD),
        (MINE.pfx(), None),
    ],
    ids=["key-first", "certificate-first", "encrypted", "needless-password", "chain", "pfx", "pfx-open"],
)
def test_key_and_certificate_are_read_from_pem_and_pfx(path: Path, content: bytes, password: str | None) -> None:
    path.write_bytes(content)

    pair = load_certificate(str(path), password)

    assert pair.certificate.encode() == MINE.pem()
    assert pair.private_key.encode() == MINE.key_pem()
    assert pair.not_after == NEXT_YEAR


def test_one_that_has_expired_is_read_all_the_same(path: Path) -> None:
    old = made(until=LONG_AGO)
    path.write_bytes(old.key_pem() + old.pem())

    assert load_certificate(str(path), None).not_after == LONG_AGO


@pytest.mark.parametrize("name", ["", "missing.pem", ".", "a\x00b"])
def test_a_path_that_is_no_file_is_told(tmp_path: Path, name: str) -> None:
    assert why_not(tmp_path / name) == "DATAVERSE_CERTIFICATE_PATH names no file that can be read"


def test_a_pipe_or_a_device_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)

    assert why_not(path) == "DATAVERSE_CERTIFICATE_PATH names no file that can be read"
    assert why_not(Path("/dev/zero")) == "DATAVERSE_CERTIFICATE_PATH names no file that can be read"


def test_a_file_without_end_is_not_read_to_it(path: Path) -> None:
    path.write_bytes(b" " * (LARGEST_FILE + 1))

    assert why_not(path) == "it is larger than 1024 KiB"


@pytest.mark.parametrize("error", [KeyError("pass-word"), OverflowError("pass-word"), NotImplementedError("pass-word")])
def test_whatever_the_library_makes_of_it_only_the_kind_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object) -> None:
        raise error

    path.write_bytes(MINE.pfx())
    monkeypatch.setattr(pkcs12, "load_key_and_certificates", failing)

    assert why_not(path) == f"it cannot be read ({type(error).__name__})"


def test_a_password_with_bytes_that_are_no_text_is_told(path: Path) -> None:
    path.write_bytes(MINE.pfx(PASSWORD))

    assert why_not(path, "pass\udcff") == "it cannot be read (UnicodeEncodeError)"


@pytest.mark.parametrize(("password", "why"), [(None, "is not set"), ("", "is not set"), ("wrong", "does not open it")])
def test_a_missing_password_of_a_pfx_is_told_from_a_wrong_one(path: Path, password: str | None, why: str) -> None:
    path.write_bytes(MINE.pfx(PASSWORD))

    assert why_not(path, password).startswith(f"DATAVERSE_CERTIFICATE_PASSWORD {why}")


@pytest.mark.parametrize(
    ("content", "password", "why"),
    [
        (MINE.key_pem(PASSWORD) + MINE.pem(), "wrong", "DATAVERSE_CERTIFICATE_PASSWORD does not open its key, or the "),
        (MINE.key_pem(PASSWORD) + MINE.pem(), None, "its key is encrypted, and DATAVERSE_CERTIFICATE_PASSWORD is not"),
        (MINE.pem(), None, "it holds no private key"),
        (MINE.key_pem(), None, "it holds no certificate"),
        (made(number=1).key_pem() + MINE.pem(), None, "it holds no certificate for its key"),
        (made(kind="ec").key_pem() + made(kind="ec").pem(), None, "its key is not an RSA key"),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + MINE.pem(),
            None,
            "DATAVERSE_CERTIFICATE_",
        ),
        (b"", "x", "DATAVERSE_CERTIFICATE_PASSWORD does not open it, or it is neither PEM nor PFX"),
        (
            b"PK\x03\x04 something else",
            None,
            "DATAVERSE_CERTIFICATE_PASSWORD is not set, and it does not open without, or",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(path: Path, content: bytes, password: str | None, why: str) -> None:
    path.write_bytes(content)

    assert why_not(path, password).startswith(why)


def test_no_key_is_in_what_a_debugger_would_show(path: Path) -> None:
    path.write_bytes(MINE.key_pem() + MINE.pem())

    assert "PRIVATE KEY" not in repr(load_certificate(str(path), None))
