from pathlib import Path

import pytest

from mendel.core.errors import InputError
from mendel.serving.keys import Keys, new, required


def test_each_key_is_known_by_its_holder_and_no_other(tmp_path: Path) -> None:
    (one, first), (other, second) = new(), new()
    file = tmp_path / "keys"
    file.write_text(f"# callers\n\nreports {first}\nshop.web  {second}\n")

    keys = Keys.read(str(file))

    assert [keys.holder(key) for key in (one, other, first, "", "ä")] == ["reports", "shop.web", None, None, None]


@pytest.mark.parametrize(
    ("text", "told"), [("a b\n", "line 1"), ("", "holds no key"), ("a " + "0" * 63, "line 1"), (None, "cannot be read")]
)
def test_a_file_that_is_no_list_of_keys_is_refused(tmp_path: Path, text: str | None, told: str) -> None:
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=told):
        Keys.read(str(file))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org"])
def test_what_others_can_reach_needs_keys(host: str) -> None:
    with pytest.raises(InputError, match=r"set serve\.keys_file"):
        required(host, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_may_be_open(host: str) -> None:
    assert required(host, None) is None
