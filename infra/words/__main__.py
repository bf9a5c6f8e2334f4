"""`python -m infra.words`: check the words of the repository against the style rules and the baseline.

Without options: no file breaks a rule more often than infra/words/baseline.json allows, and a new file breaks none. The baseline
allows no more than an earlier one, and a file that was changed since the last release breaks no rule.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from infra.words.glossary import FILE as GLOSSARY
from infra.words.glossary import Glossary
from infra.words.passages import passages
from infra.words.ratchet import FILE as BASELINE
from infra.words.ratchet import Baseline, Counts, total
from infra.words.references import References
from infra.words.repository import NoGit, changed_since_release, commits, files, touched, versions
from infra.words.rules import Violation, violations

ROOT = Path(__file__).resolve().parents[2]
MOST_SHOWN = 20  # of one file and rule; more would hide the other files

Found = Mapping[str, Sequence[Violation]]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Check, or follow an option. Returns 0 if nothing is wrong, 1 for violations, 2 if git cannot answer."""
    options = _parser().parse_args(arguments)
    if options.list:
        return _list(look(root, _named(root, options.list)))
    if options.touched:
        try:
            return _list(look(root, touched(root, options.touched)))
        except NoGit as error:
            print(f"words: cannot tell what was touched: {error}")
            return 2
    found = look(root, files(root))
    baseline = Baseline.read(root)
    if options.update or options.renew:
        newer = replace(baseline, files=counts(found)) if options.renew else baseline.lowered(counts(found))
        for excess in baseline.excesses(newer.files):
            print(f"words: raised from {excess.allowed} to {excess.found}: {excess.file}: {excess.rule}")
        newer.write(root)
        print(f"words: the baseline allows {total(newer.files)} violations, {total(baseline.files)} before")
    return _check(root, found, Baseline.read(root))


def _named(root: Path, names: Sequence[str]) -> Iterator[PurePosixPath]:
    """The files that the arguments name; a folder names every file below it."""
    for name in names:
        path = PurePosixPath(Path(name).resolve().relative_to(root))
        if (root / path).is_dir():
            yield from (file for file in files(root) if file.is_relative_to(path))
        else:
            yield path


def look(root: Path, paths: Iterable[PurePosixPath]) -> Found:
    """The violations of each file that has any."""
    glossary, references = Glossary.read(root), References(root)
    found: dict[str, list[Violation]] = {}
    for path in paths:
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for passage in passages(path, text):
            for violation in (*violations(passage, glossary), *references.violations(path, passage)):
                if path == GLOSSARY and violation.rule == "preferred-word":
                    continue  # its table names the words that are not preferred
                found.setdefault(path.as_posix(), []).append(violation)
    return found


def counts(found: Found) -> Counts:
    """How often each file breaks each rule."""
    return {file: dict(Counter(it.rule for it in broken)) for file, broken in found.items()}


def _check(root: Path, found: Found, baseline: Baseline) -> int:
    excesses = baseline.excesses(counts(found))
    for excess in excesses:
        print(f"{excess.file}: {excess.rule}: {excess.found} found, {excess.allowed} allowed")
        for violation in [it for it in found[excess.file] if it.rule == excess.rule][:MOST_SHOWN]:
            print(f"  {excess.file}:{violation.line}: {violation.shown}")
    history = (_check_commits(root, baseline), _check_counts(root, baseline), _check_touched(root, found))
    failed = bool(excesses) or any(history)
    number = total(counts(found))
    print(f"words: {'FAILED' if failed else 'passed'}, {number} violations of {total(baseline.files)} allowed")
    if not failed and number < total(baseline.files):
        print("words: counts have fallen; run `python -m infra.words --update` and commit the baseline")
    return int(failed)


def _check_counts(root: Path, baseline: Baseline) -> bool:
    """Whether the baseline allows more than a committed baseline: `--renew` is for moved files."""
    if baseline.counts_after is None:
        return False
    raised: dict[tuple[str, str], str] = {}
    try:
        for commit, text in versions(root, BASELINE, baseline.counts_after):
            older = Baseline.parsed(text)
            for it in baseline.raised(older, {file for file in older.files if not (root / file).exists()}):
                raised[it.file, it.rule] = f"{BASELINE}: {it.file}: {it.rule}: raised from {it.allowed} in {commit} to {it.found}"
    except NoGit as error:
        print(f"words: the baseline is not compared with earlier ones: {error}")
        return False
    for complaint in raised.values():
        print(complaint)
    return bool(raised)


def _check_touched(root: Path, found: Found) -> bool:
    """Whether a file that was changed since the last release has any violation left."""
    try:
        left = [file for path in changed_since_release(root) if (file := path.as_posix()) in found]
    except NoGit as error:
        print(f"words: cannot tell which files were changed since the last release: {error}")
        return False
    for file in left:
        print(f"{file}: changed since the last release, and not clean")
        for violation in found[file][:MOST_SHOWN]:
            print(f"  {file}:{violation.line}: {violation.rule}: {violation.shown}")
    return bool(left)


def _check_commits(root: Path, baseline: Baseline) -> bool:
    """Whether a commit's subject breaks the rule; without git or its history nobody can tell, which is said."""
    try:
        complaints = [(it, complaint) for it in commits(root, baseline.commits_after) if (complaint := it.complaint())]
    except NoGit as error:
        print(f"words: subjects of commits are not checked: {error}")
        return False
    for commit, complaint in complaints:
        print(f"commit {commit.name}: commit-subject: {complaint}")
    return bool(complaints)


def _list(found: Found) -> int:
    for file, broken in found.items():
        for violation in broken:
            print(f"{file}:{violation.line}: {violation.rule}: {violation.shown}")
    print(f"words: {total(counts(found))} violations in {len(found)} files")
    return int(bool(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.words", description=__doc__)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--update", action="store_true", help="lower the baseline where counts have fallen, then check")
    only.add_argument("--renew", action="store_true", help="make the baseline of what is found now: after files were moved")
    only.add_argument("--touched", metavar="BASE", help="list all violations in files that differ from the branch BASE")
    only.add_argument("--list", nargs="+", metavar="FILE", help="list all violations in these files")
    return parser


if __name__ == "__main__":
    sys.exit(main())
