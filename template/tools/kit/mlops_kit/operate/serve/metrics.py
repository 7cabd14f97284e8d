"""What Prometheus is told, of one worker or of all of them."""

import os
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from mlops_kit.operate.serve.answering import Answering
    from mlops_kit.operate.serve.log import Kept
    from mlops_kit.operate.serve.state import Holder

# Workers share what they count through files in this folder, where there are several.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """The figures of a server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        told: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter("mlops_serve_requests", "Requests by status.", ["status"], **told)
        self.seconds = Histogram(
            "mlops_serve_seconds", "Time of a request that was answered.", buckets=SECONDS, **told
        )
        by = ["answered_by", "version"]
        self.predictions = Counter("mlops_serve_predictions", "Rows answered.", by, **told)
        self.new = Counter("mlops_serve_new_entities", "Rows that no snapshot has.", **told)
        gauges = {
            "at_work": "Requests at work.",
            "swaps": "How often another model or snapshot took its place.",
            "out_of_date": "1 when registry or snapshot could not be followed.",
            "plain": "1 when the model takes the plain path.",
            "failures": "How often a model failed or was late.",
            "log_dropped": "Lines of the log that were lost.",
            "log_failures": "Writes of the log that the disk refused.",
        }
        self._gauges = {
            name: Gauge(f"mlops_serve_{name}", text, multiprocess_mode="livesum", **told)
            for name, text in gauges.items()
        }
        self._age = Gauge(
            "mlops_serve_snapshot_age_seconds", "Age of the features.",
            multiprocess_mode="livemax", **told)  # fmt: skip

    def look(self, holder: "Holder", answering: "Answering", log: "Kept", at_work: int) -> None:
        """Take down what is true now."""
        state = holder.state
        values = {
            "at_work": at_work,
            "swaps": holder.swaps,
            "out_of_date": bool(holder.problem),
            "plain": state.models["model"].path == "plain",
            "failures": sum(answering.failed.values()),
            "log_dropped": log.dropped,
            "log_failures": log.failures,
        }
        for name, value in values.items():
            self._gauges[name].set(float(value))
        if state.snapshot is not None:
            self._age.set(state.snapshot.age_hours() * 3600)

    def text(self) -> bytes:
        """Return what a scrape gets: of all workers, where there are several."""
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)
        return generate_latest(everybody)
