from pathlib import Path

import pytest
from pydantic import ValidationError

from mendel.core.config import load
from mendel.noise.profile import NoiseProfile, Rates, ResolvedProfile

SHIPPED = sorted((Path(__file__).parents[3] / "include" / "noise").glob("*.yaml"))


def test_the_profiles_are_shipped() -> None:
    names = [path.stem for path in SHIPPED]
    assert names == ["default", "heavy", "light", "mixed", "ocr"], f"include/noise holds {names}"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_profile_is_valid_and_called_as_its_file(path: Path) -> None:
    profile = NoiseProfile.model_validate(load(str(path)))
    assert profile.name == path.stem, f"{path} holds the profile {profile.name}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rates": {"deletion": 0.3, "reversal": 0.3}}, "rates sum to 0.6"),
        ({"rates": {"deletion": -0.1}}, "greater than or equal to 0"),
        ({"rates": {"translocation": 0.1}}, "Extra inputs"),
        ({"target": 0.05}, "Extra inputs"),
        ({"target_cer": 0.7}, "less than 0.5"),
        ({"mean_length": 50}, "above max_length"),
        ({"mean_length": 0.5}, "greater than or equal to 1"),
        ({"characters": "latin"}, "'uniform', 'frequency'"),
        ({"characters": "set:aa"}, "two different characters"),
        ({"intensities": []}, "at least 1 item"),
        ({"intensities": [0, 0]}, "nothing would be corrupted"),
        ({"rates": {}}, "nothing would be corrupted"),
        ({"intensities": [1, 60]}, "rates sum to"),
        ({"intensities": [-1]}, "greater than or equal to 0"),
        ({"confusions": {"rn": {"m": 1}}}, "single characters"),
        ({"confusions": {"m": {"rn": 1}}}, "single characters"),
        ({"confusions": {"m": {}}}, "single characters"),
        ({"confusions": {"m": {"n": 0}}}, "greater than 0"),
    ],
)
def test_bad_value_is_refused_with_a_message_that_names_it(changes: dict[str, object], message: str) -> None:
    # given a sound profile with one bad value
    data = {"name": "bad", "rates": {"deletion": 0.01}} | changes
    # when it is loaded, then it says what is wrong
    with pytest.raises(ValidationError, match=message):
        NoiseProfile.model_validate(data)


def test_scaling_keeps_the_proportions() -> None:
    rates = Rates(deletion=0.01, reversal=0.03).scaled(2)
    assert (rates.deletion, rates.reversal, rates.total) == pytest.approx((0.02, 0.06, 0.08))


def test_resolved_profile_survives_json() -> None:
    profile = NoiseProfile(name="p", rates=Rates(deletion=1 / 3000), confusions={"é": {"e": 1}})
    resolved = ResolvedProfile(profile=profile, rates=profile.rates, alphabet="aé", weights=(1 / 3, 2 / 3))
    assert ResolvedProfile.model_validate_json(resolved.model_dump_json()) == resolved


def test_resolved_profile_needs_a_weight_for_each_character() -> None:
    profile = NoiseProfile(name="p", rates=Rates(deletion=0.01))
    with pytest.raises(ValidationError, match="2 weights for an alphabet of 3"):
        ResolvedProfile(profile=profile, rates=profile.rates, alphabet="abc", weights=(0.5, 0.5))
