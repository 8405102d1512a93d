"""CloudFormation on one machine: our engine, over the services of moto and what stands in for those that moto lacks.

Nothing here is loaded by the rest of the program, which needs neither boto3 nor moto.
"""
