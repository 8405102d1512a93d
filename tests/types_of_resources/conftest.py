"""One server with the services serves all tests of a worker; each test has names of its own by the name of its stack."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from deployed_types import REGION

from cfngen.local.provider import LocalProvider, Services


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # else managed policies attach to nothing
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield f"http://localhost:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(scope="session")
def services(endpoint: str) -> Services:
    return Services(endpoint, REGION)


@pytest.fixture(scope="session")
def provider(services: Services) -> LocalProvider:
    return LocalProvider(services)


@pytest.fixture(scope="session")
def certificate(services: Services) -> str:
    return str(services.call("acm", "RequestCertificate", {"DomainName": "coffee.example"})["CertificateArn"])
