"""What a transfer costs, planned or done: usage times the catalog's prices. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from skytf.model.cost import Cost
from skytf.model.figures import Figures
from skytf.model.job import Request
from skytf.model.prediction import Prediction
from skytf.model.span import Span
from skytf.model.survey import JobSurvey
from skytf.model.topology import Topology
from skytf.model.usage import Usage


def expected_usage(request: Request, surveys: Sequence[JobSurvey], topology: Topology, prediction: Prediction) -> Usage:
    """Return what moving what *surveys* found through *topology* uses, at the pace of *prediction*."""
    return Usage((), (), (), ())


def price(usage: Usage, request: Request, figures: Figures) -> Cost:
    """Return what *usage* costs at the prices of *figures*; of what was used as of what is planned."""
    return Cost((), (), Span())


def estimate(
    request: Request, surveys: Sequence[JobSurvey], topology: Topology, figures: Figures, prediction: Prediction
) -> Cost:
    """Return what moving what *surveys* found through *topology* costs, at the pace of *prediction*."""
    return price(expected_usage(request, surveys, topology, prediction), request, figures)
