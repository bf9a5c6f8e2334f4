"""Bodies of uploaded strategies and of versions: code, parameters, releases, edits and changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from candlecast.domain.signals.audience import BUCKETS
from candlecast.domain.strategies.definition import (
    MAX_COLLABORATORS,
    MAX_TAGS,
    TAG_PATTERN,
    StrategyDefinition,
    StrategyKind,
    Visibility,
)
from candlecast.domain.strategies.versions import (
    FIRST_VERSION,
    MAX_SOURCE_BYTES,
    MAX_VERSIONS,
    Release,
    StrategyChange,
    StrategyVersion,
)
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.code_checks import CodeHint
from candlecast.services.strategies.code_versions import MadeVersion, WantedVersion
from candlecast.services.strategies.edit_strategy import Edit
from functions.api.schemas.parameters import Parameters, Slug
from functions.api.schemas.values import Body, Label, Symbol, Text, View

Number = Annotated[StrictInt, Field(ge=1, le=MAX_VERSIONS)]
Tag = Annotated[str, Field(pattern=f"^{TAG_PATTERN.pattern}$")]
Tags = Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS, description="Words to find the strategy by.")]
Tenant = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:@|=-]{1,128}$")]
Source = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_SOURCE_BYTES,
        description=f"Text of the Python file, at most {MAX_SOURCE_BYTES} bytes of UTF-8.",
        json_schema_extra={"format": "python"},
    ),
]
COLLABORATORS = "collaborators"  # tenants, in the values of an edit: like the owner, nobody but an author sees them
EXAMPLE = "from candlecast.strategy import Parameters, Strategy\n..."


class NewUploadedStrategy(Body):
    """A strategy that runs your own code, in a sandbox of your own, on each closed candle of a market."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "UPLOADED",
                    "strategy_id": "my-breakout-btc",
                    "name": "My breakout",
                    "venue": "paper",
                    "market": "BTC/USDT:USDT",
                    "timeframe": "15m",
                    "source": EXAMPLE,
                    "parameters": {"period": 20},
                    "visibility": "PRIVATE",
                    "tags": ["breakout"],
                }
            ]
        }
    )

    kind: Literal[StrategyKind.UPLOADED] = Field(description="Kind of the strategy: code of its owner.")
    strategy_id: Slug = Field(description="Yours to choose; lower case letters, digits and hyphens.")
    name: Label = Field(description="A name for people.")
    description: Text = Field(default="", description="Words for people.")
    venue: str = Field(min_length=1, max_length=32, description="Whose candles it sees.")
    market: Symbol = Field(description="Market of the candles.")
    timeframe: Timeframe = Field(description="Length of the candles.")
    source: Source
    parameters: Parameters = Field(
        default_factory=dict, description="Values of the code's parameters; absent ones take their defaults."
    )
    visibility: Visibility = Field(default=Visibility.PRIVATE, description="Who may find and follow it.")
    tags: Tags = ()
    note: Text = Field(default="", description="Words on its first version, for people.")

    def to_domain(self, owner: str, created_at: datetime) -> StrategyDefinition:
        described = self.model_dump(exclude={"source", "parameters", "note"})
        release = Release.first(owner, created_at)
        return StrategyDefinition(owner=owner, created_at=created_at, release=release, latest_version=FIRST_VERSION, **described)

    def to_version(self, owner: str) -> WantedVersion:
        return WantedVersion(created_by=owner, source=self.source, parameters=self.parameters, note=self.note)


class NewVersion(Body):
    """Another version: new code, new parameters, or both. Nobody gets it before it is released."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parameters": {"period": 30}, "note": "slower"}]})

    source: Source | None = Field(default=None, description="Null: the code of the newest version.")
    parameters: Parameters | None = Field(
        default=None, description="Null: those of the newest version; absent ones take defaults."
    )
    note: Text = Field(default="", description="Words on the version, for people.")


class NewRelease(Body):
    """Which version is released, and to how many of those who follow the latest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2, "share_percent": 20}]})

    version: Number = Field(description="Number of the version.")
    share_percent: StrictInt = Field(
        ge=1, le=BUCKETS, description="Followers in a hundred; with 100 the version is the stable one."
    )


class Rollback(Body):
    """A rollback of the release that was made last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2}]})

    version: Number | None = Field(
        default=None, description="The version that is left; a repeat that names it goes back no further. Null: the last one."
    )


class StrategyEdit(Body):
    """New values; a field that is left out or null stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Breakout", "visibility": "LINK"}]})

    name: Label | None = Field(default=None, description="Name for people.")
    description: Text | None = Field(default=None, description="Words for people.")
    tags: Tags | None = Field(default=None, description="Words to find the strategy by.")
    visibility: Visibility | None = Field(default=None, description="Who may find and follow it.")
    collaborators: Annotated[tuple[Tenant, ...], Field(max_length=MAX_COLLABORATORS)] | None = Field(
        default=None, description="Tenants that may do what the owner may, but for choosing collaborators."
    )
    catches_up: StrictBool | None = Field(
        default=None,
        description="Decide a candle afterwards that no clock announced in its time, for the record alone: nothing is published.",
    )
    renew_link: StrictBool = Field(default=False, description="Give the link another key; the link of before leads nowhere then.")

    def to_edit(self) -> Edit:
        return Edit(**self.model_dump())


class ReleaseView(View):
    """Which versions the followers of the latest get."""

    stable: int = Field(description="The version that all get who do not get the candidate.")
    candidate: int | None = Field(description="The version that a share gets; null without one.")
    share_percent: int = Field(description="Followers in a hundred who get the candidate.")
    previous: int | None = Field(description="The stable version of before, which a rollback without a candidate goes back to.")
    released_at: datetime = Field(description="When the release was made.")

    @staticmethod
    def of(release: Release) -> ReleaseView:
        return ReleaseView.model_validate(release)


class VersionView(View):
    """One version. It never changes."""

    strategy_id: str
    number: int = Field(description="1 for the first, then one more each time.")
    digest: str = Field(description="Hash of code, parameters and market; signals, orders, trades and receipts carry it.")
    parameter_schema: Mapping[str, Any] = Field(
        description="JSON Schema of its parameters; without their defaults for those who may not see parameters."
    )
    parameters: Mapping[str, str | int | float | bool] | None = Field(
        description="Every parameter with its value; null for those who may not see parameters."
    )
    lookback: int = Field(description="Candles that a decision gets.")
    source_hash: str | None = Field(description="SHA-256 of the uploaded text; null for code of this deployment.")
    created_at: datetime = Field(description="When the version was added.")
    created_by: str | None = Field(description="The tenant that made it; null for those who are none of its authors.")
    note: str = Field(description="Words of its author.")

    @staticmethod
    def of(version: StrategyVersion, *, sees_parameters: bool, is_author: bool) -> VersionView:
        hidden: dict[str, Any] = {} if is_author else {"created_by": None}
        if not sees_parameters:
            hidden |= {"parameters": None, "parameter_schema": _without_values(version.parameter_schema)}
        return VersionView.model_validate(version).model_copy(update=hidden)


class HintView(View):
    """A line that may not do what its author hopes for."""

    line: int = Field(description="Number of the line, from 1.")
    message: str = Field(description="The doubt about this line, in words.")


class AddedVersion(View):
    """A new version, with hints about its code."""

    version: VersionView = Field(description="The new version.")
    hints: list[HintView] = Field(description="Lines that may not do what their author hopes for; they were taken all the same.")

    @staticmethod
    def of(made: MadeVersion) -> AddedVersion:
        version = VersionView.of(made.version, sees_parameters=True, is_author=True)
        return AddedVersion(version=version, hints=hints_of(made.hints))


class VersionCode(View):
    """The code of a version, for its authors."""

    number: int = Field(description="Number of the version.")
    source_hash: str | None = Field(description="SHA-256 of the text; null for code of this deployment.")
    source: str = Field(description="The text as it was uploaded.")


class StrategyChangeView(View):
    """One change of a strategy."""

    revision: int = Field(description="Number of the change.")
    type: str = Field(description="Type of its event, such as `strategy.version.released`.")
    changed_at: datetime = Field(description="When the change was made.")
    changed_by: str | None = Field(description="The tenant that made it; null for those who are none of its authors.")
    values: Mapping[str, str] = Field(description="New values by name, as text; collaborators are shown to authors alone.")

    @staticmethod
    def of(change: StrategyChange, *, is_author: bool) -> StrategyChangeView:
        shown = StrategyChangeView.model_validate(change)
        if is_author:
            return shown
        values = {name: value for name, value in change.values.items() if name != COLLABORATORS}
        return shown.model_copy(update={"changed_by": None, "values": values})


def hints_of(hints: tuple[CodeHint, ...]) -> list[HintView]:
    return [HintView.model_validate(hint) for hint in hints]


def _without_values(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without defaults, which are the values of every parameter that nobody has set."""
    properties = {
        name: {key: value for key, value in described.items() if key != "default"}
        for name, described in schema["properties"].items()
    }
    return {**schema, "properties": properties}
