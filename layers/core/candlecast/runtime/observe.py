"""Structured logs and EMF metrics of one invocation, with one correlation id from candle or webhook to fill."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.adapters.xray.trace import working_on
from candlecast.domain.values.errors import DomainError
from candlecast.runtime.failures import described, without_text

type Handler = Callable[[dict[str, Any], LambdaContext], Any]

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "candlecast")
logger = Logger(service=SERVICE, log_uncaught_exceptions=False)
_emf = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Candlecast"),
    service=SERVICE,
)
_emf.set_default_dimensions(environment=os.environ.get("ENVIRONMENT", "unset"))


class EmfMetrics:
    """`ports.clock.Metrics` as embedded metrics: a log line that CloudWatch turns into metrics, without a request."""

    def count(self, name: str, value: float = 1) -> None:
        if value:
            _emf.add_metric(name=name, unit=MetricUnit.Count, value=value)

    def milliseconds(self, name: str, value: float) -> None:
        _emf.add_metric(name=name, unit=MetricUnit.Milliseconds, value=value)

    def seconds(self, name: str, value: float) -> None:
        _emf.add_metric(name=name, unit=MetricUnit.Seconds, value=value)

    def basis_points(self, name: str, value: float) -> None:
        _emf.add_metric(name=name, unit=MetricUnit.NoUnit, value=value)


def observed(function: Handler) -> Handler:
    """Wrap a handler: fresh log context, and measurements are written out at any end of the invocation.

    The event itself is never logged: it may carry a webhook's secret. An unforeseen error leaves as `InvocationFailed`, since
    its text may hold a key and the runtime logs the text.
    """

    @wraps(function)
    def wrapper(event: dict[str, Any], context: LambdaContext) -> Any:
        logger.clear_state()
        logger.append_keys(function_request_id=context.aws_request_id)
        try:
            with working_on(SERVICE) as segment:
                if segment is not None:
                    logger.append_keys(trace_id=segment.header.root)
                return function(event, context)
        except DomainError as error:  # its code is stable and its text holds no secret
            logger.error("invocation failed", extra=described(error) | {"reason_code": error.code})
            raise
        except Exception as error:
            logger.error("invocation failed", extra=described(error))
            raise without_text(error) from None
        finally:
            if _emf.metric_set:
                _emf.flush_metrics()

    return wrapper
