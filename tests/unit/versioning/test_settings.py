import pytest
from pydantic import ValidationError

from mendel.core.errors import InputError
from mendel.versioning.settings import RegistrySettings


def test_the_default_registry_lies_beside_a_lake_on_disk() -> None:
    settings = RegistrySettings()

    assert settings.git_url("file:///data/lake") == "/data/registry.git"
    assert settings.remote_url("file:///data/lake") == "/data/registry-data"


@pytest.mark.parametrize("key", ["git", "remote"])
def test_a_remote_lake_has_no_default_registry(key: str) -> None:
    with pytest.raises(InputError, match=f"set version.{key} to a URL"):
        getattr(RegistrySettings(), f"{key}_url")("memory://lake")


@pytest.mark.parametrize(
    "url", ["git@example.org:team/registry.git", "https://example.org/registry.git", "ssh://git@example.org:2222/r.git"]
)
def test_git_urls_are_left_as_they_are(url: str) -> None:
    assert RegistrySettings(git=url).git_url("file:///data/lake") == url


@pytest.mark.parametrize(
    "url", ["https://user:secret@example.org/r.git", "https://token@example.org/r.git", "ssh://user:secret@host/r.git"]
)
def test_credentials_in_the_url_are_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="credential helper"):
        RegistrySettings(git=url)


@pytest.mark.parametrize("option", ["secret_access_key", "access_key_id", "password", "sas_token"])
def test_credentials_in_the_options_are_refused(option: str) -> None:
    with pytest.raises(ValidationError, match=f"{option}: these options are committed to Git"):
        RegistrySettings(remote_options={option: "x"})
