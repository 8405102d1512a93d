"""The simulator notices nearly every single change of what carries traffic; what it does not notice has a reason."""

from __future__ import annotations

import re

from mutants import COFFEE, report

from cfngen.simulate.files import Files

SURVIVORS = {
    r"cluster.yaml: .*/CertificateArn/": "TLS is not played; cfn-lint knows the types",
    r"/Service/DependsOn/": "one of the two rules is enough to put the groups behind the balancer (A6.10); the other is "
    "there so that a service goes before its rules",
    r"/DeploymentGroup/Properties/ServiceRoleArn/": "rights are not played; the checks compare roles and their trust",
}
"""What a mutant may be that survives, with why."""


def test_every_survivor_is_known() -> None:
    files = Files.of(COFFEE)
    number, survivors = report(files, tuple(sorted(files.templates)))
    unknown = [str(each) for each in survivors if not any(re.search(known, str(each)) for known in SURVIVORS)]
    assert not unknown
    assert number > 150
    for known in SURVIVORS:
        assert any(re.search(known, str(each)) for each in survivors), f"{known} is killed now: say so"
