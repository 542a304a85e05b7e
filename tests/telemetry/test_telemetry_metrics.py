import urllib.request

from prometheus_client import Counter

from simpul import telemetry
from simpul.embedded import ports


def test_a_worker_serves_its_metrics_on_loopback():
    Counter("simpul_test_things", "Things", registry=telemetry.REGISTRY).inc(3)
    port = ports.pick()
    telemetry.serve_metrics(port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert "simpul_test_things_total 3.0" in text
    assert "process_cpu_seconds_total" in text
