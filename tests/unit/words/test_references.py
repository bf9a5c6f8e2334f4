"""References resolve, or are violations."""

from pathlib import Path, PurePosixPath

import pytest

from infra.words.passages import Kind, Passage
from infra.words.references import References


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in {
        "docs/decisions/0003-three.md": "# 0003. Three\n",
        "docs/RELIABILITY.md": "# Reliability\n\n### 11. No position is naked\n",
        "layers/core/candlecast/domain/decide/plan.py": "",
        "infra/roles.yaml": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def complaints(root: Path, text: str) -> list[str]:
    found = References(root).violations(PurePosixPath("infra/local/x.py"), Passage(Kind.COMMENT, 1, text))
    return [it.shown for it in found]


@pytest.mark.parametrize(
    "text",
    [
        "The mark lands first (decision 0003, invariant 11).",
        "See domain/decide/plan.py, infra/roles.yaml, layers/core/candlecast/domain/decide/plan.py and build/report/none.json.",
        "A path of another project: ccxt/base/exchange.py; a pattern: domain/*.py; `Timeframe.D1`, `D1`, 1d.",
    ],
)
def test_what_exists_is_found(repository: Path, text: str) -> None:
    assert complaints(repository, text) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Exactly once in effect (EX2).", "EX2 is not in this repository"),
        ("The heart of the protocol (D3).", "D3 is not in this repository"),
        ("See decision 3.", "decision 3 does not exist"),
        ("See decisions 0003 and 0004.", "decision 0004 does not exist"),
        ("It holds invariants 11 and 12.", "invariant 12 does not exist"),
        ("See domain/plans.py.", "domain/plans.py does not exist"),
        ("See infra/none.yaml.", "infra/none.yaml does not exist"),
    ],
)
def test_what_does_not_exist_is_told(repository: Path, text: str, complaint: str) -> None:
    assert complaints(repository, text) == [complaint]
