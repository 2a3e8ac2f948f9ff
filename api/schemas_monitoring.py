"""Bodies of /api/monitoring: measured values in, and what is known of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas import Body
from gis.periods import Period
from layers import Text

Short = Annotated[str, Field(max_length=64)]
MAX_VALUES = 50_000


class NewValue(Body):
    """One measured value; what cannot be taken of it goes to quarantine with a reason."""

    feature_id: Short = Field(description="key of the project or data centre", examples=["HP-001"])
    time: Short = Field(
        description="beginning of the step, in Beijing time or with a zone", examples=["2025-01-15 08:00"]
    )
    variable: Short = Field(examples=["heat"])
    value: float | None = Field(description="null where nothing was measured", examples=[2.4])
    unit: Annotated[str, Field(max_length=20)] = Field(examples=["MWh"])


class NewValues(Body):
    """Measured values of one step length."""

    period: Period = Field(description="step of the values, an ISO 8601 duration")
    values: list[NewValue] = Field(min_length=1, max_length=MAX_VALUES)


class Refused(Body):
    """A value that was not taken, as it was sent."""

    row: int = Field(description="its place among the values, from 1")
    variable: str
    feature_id: str | None
    time: str | None
    value: str | None
    unit: str | None
    reason: str = Field(examples=["range"])
    title: Text


class DeliveryCounts(Body):
    """Rows, and what came of their values."""

    rows: int
    new: int
    same: int = Field(description="as they are held already")
    corrected: int = Field(description="in the place of another value, which is kept")
    repeated: int = Field(description="sent twice in this delivery")
    empty: int
    refused: int


class Delivered(Body):
    """What came of a delivery."""

    delivery_id: int
    repeated: bool = Field(description="whether the same was sent before, so that nothing was done")
    period: Period
    counts: DeliveryCounts
    refused: list[Refused] = Field(description="the first hundred")


class ReachOf(Body):
    """How far measurement of a variable reaches."""

    variable: str
    title: Text
    unit: str
    feature_count: int
    value_count: int
    first_month: date
    last_month: date


class DeliveryTold(Body):
    """A delivery; `finished_at` is null of one that was not taken to its end."""

    delivery_id: int
    name: str = Field(description="file or sender")
    author: str
    started_at: datetime
    finished_at: datetime | None
    counts: DeliveryCounts | None


class Monitoring(Body):
    """What is measured at a layer, and the last deliveries."""

    layer: str
    reach: list[ReachOf]
    deliveries: list[DeliveryTold] = Field(
        description="of all measured layers, to callers who are known and may read them all"
    )


class Refusals(Body):
    """Values of a delivery that were refused, a page of them."""

    delivery_id: int
    refused: list[Refused]
    next_after: str | None = Field(description="send it as `after` for those that follow")


class MeasuredSeries(Body):
    """One variable in steps, or the months of it."""

    variable: str
    title: Text
    unit: str
    kind: Literal["sum", "mean"]
    period: Period
    start: str = Field(
        description="beginning of the first step, Beijing time", examples=["2024-11-01T00:00:00"]
    )
    values: list[float | None] = Field(description="step by step; null where nothing was measured")


class FeatureSeries(Body):
    """What was measured at a feature."""

    layer: str
    feature_id: str
    series: list[MeasuredSeries]
