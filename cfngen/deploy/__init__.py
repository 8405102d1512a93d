"""`cfngen deploy` and `cfngen destroy`: what `aws cloudformation package`, `deploy` and `delete-stack` do, looked at
before and followed to the end. Everything goes by CloudFormation's public calls; a stage may change hands between this
and the AWS command line at any time.
"""
