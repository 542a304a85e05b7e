import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

HEALTH = Path(__file__).parents[2] / "deploy" / "health.py"


class Airflow(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()
        self.wfile.write(json.dumps({"scheduler": {"status": "healthy"}, "triggerer": {"status": None}}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    with HTTPServer(("127.0.0.1", 0), Airflow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def health(*words):
    return subprocess.run([sys.executable, HEALTH, *words], capture_output=True, check=False).returncode


def test_a_process_that_answers_is_healthy(url):
    assert health(f"{url}/health") == 0


def test_a_process_that_answers_with_an_error_is_not(url):
    assert health(f"{url}/elsewhere") == 1


def test_a_process_that_does_not_answer_is_not():
    assert health("http://127.0.0.1:9/health") == 1


def test_a_part_of_airflow_is_healthy_when_airflow_says_so(url):
    assert health(f"{url}/health", "scheduler") == 0
    assert health(f"{url}/health", "triggerer") == 1
    assert health(f"{url}/health", "dag_processor") == 1
