"""What CloudFormation makes of templates: values, order, replacement, updates and rollbacks.

It reads templates alone and knows nothing of the generator, so that the simulator, the local AWS and templates of
others share it. What a resource is, and what writing it does, is a `Provider`'s business.
"""
