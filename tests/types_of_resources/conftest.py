"""The services of moto in this process; each test has names of its own by the name of its stack."""

from __future__ import annotations

import pytest
from deployed_types import REGION

from cfngen.local.provider import LocalProvider, Services
from cfngen.local.target import Target, take_process


@pytest.fixture
def services() -> Services:
    """With stand-ins that remember nothing."""
    take_process()
    url = "http://localhost:1"
    return Services(url, REGION, Target(url, REGION).others)


@pytest.fixture
def provider(services: Services) -> LocalProvider:
    return LocalProvider(services)


@pytest.fixture
def certificate(services: Services) -> str:
    return str(services.call("acm", "RequestCertificate", {"DomainName": "coffee.example"})["CertificateArn"])
