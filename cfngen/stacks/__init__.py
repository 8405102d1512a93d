"""The stacks, one module each, from left to right as values flow: foundation, network, database, cluster,
service, pipeline, service_pipeline, watch; `application` puts them together."""
