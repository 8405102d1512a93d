"""Certificates of ACM, with the records that prove their names."""

from __future__ import annotations

from cfngen.local.types.entry import Call, Context, Read, Type, physical, tags

_ASKED = ("DomainName", "SubjectAlternativeNames", "ValidationMethod")


def _request(context: Context) -> str:
    """CloudFormation writes the records where it is told the zone, and leaves them there."""
    told = {name: context.properties[name] for name in _ASKED if name in context.properties}
    arn = str(context.call("acm", "RequestCertificate", **told)["CertificateArn"])
    options = context.properties.get("DomainValidationOptions", [])
    zones = {each["DomainName"]: each["HostedZoneId"] for each in options if "HostedZoneId" in each}
    for each in context.call("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"][
        "DomainValidationOptions"
    ]:
        if zone := zones.get(each["DomainName"]):
            asked = each["ResourceRecord"]
            values = [{"Value": asked["Value"]}]
            record = {"Name": asked["Name"], "Type": asked["Type"], "TTL": 300, "ResourceRecords": values}
            batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
            context.api.call("route53", "ChangeResourceRecordSets", {"HostedZoneId": zone, "ChangeBatch": batch})
    return arn


TYPES = {
    "AWS::CertificateManager::Certificate": Type(
        "acm",
        _request,
        takes=(*_ASKED, "DomainValidationOptions"),
        parts=(tags("AddTagsToCertificate", "RemoveTagsFromCertificate", "CertificateArn"),),
        delete=Call("DeleteCertificate", given={"CertificateArn": physical}),
        reads=(
            Read("DescribeCertificate", {"CertificateArn": physical}, "Certificate"),
            Read("ListTagsForCertificate", {"CertificateArn": physical}),
        ),
        unseen={
            "DomainValidationOptions": "say where the records are written, and ACM tells the records alone",
            "SubjectAlternativeNames": "are told with the first name among them",
            "ValidationMethod": "is told of each name, not of the certificate",
        },
    ),
}
