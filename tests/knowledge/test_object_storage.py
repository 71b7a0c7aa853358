"""Originals in an S3 bucket, by the settings an operator gives: kept under the business's path, and gone."""

import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from django_tenants.utils import schema_context

from knowledge import documents

SETTINGS = Path(__file__).parents[2] / "config" / "settings" / "files.py"
TEXT = "Aceitamos Pix e cartão.\nNão aceitamos cheque.".encode()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server that speaks S3, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def bucket(endpoint: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The product's storage as the environment makes it; called, it lists what is in the bucket."""
    environment = {
        "S3_BUCKET": "originals",
        "S3_ENDPOINT_URL": endpoint,
        "S3_ADDRESSING_STYLE": "path",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint)
    _until_it_answers(lambda: client.create_bucket(Bucket="originals"))
    settings.STORAGES = {**settings.STORAGES, "default": runpy.run_path(str(SETTINGS))["STORAGES"]["default"]}

    def names() -> list[str]:
        return [found["Key"] for found in client.list_objects_v2(Bucket="originals").get("Contents", [])]

    return names


def _until_it_answers(call: Callable[[], Any]) -> None:
    for _attempt in range(150):
        try:
            return call()
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
    raise AssertionError("The S3 counterpart does not answer.")


def test_an_original_lives_in_the_bucket_under_its_business(alpha, beta, upload, background, bucket):
    document = upload(alpha, "pagamento.txt", TEXT)
    upload(beta, "outro.txt", b"Outra casa.")
    assert (document.status, document.chunk_count) == ("ready", 1)
    assert document.file.name in bucket() and document.file.name.startswith(f"{alpha.schema_name}/documents/")
    assert document.file.read() == TEXT
    with schema_context(alpha.schema_name):
        documents.remove(document.pk)
        background.run()
    assert [name.split("/")[0] for name in bucket()] == [beta.schema_name]
