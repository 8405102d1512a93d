"""Plays releases and updates on generated templates, and watches what they do to requests.

It reads templates, AppSpecs and task definitions as texts, so that it also judges what others wrote, and it has no side
effects. `simulation.Simulation` is one stage that lives; `scenario.standard` and `scenario.update` are whole stories.

A `world.World` holds what there is. `resources` is CloudFormation's side of it, over `cfngen.semantics`; `balancer`,
`ecs` and `codedeploy` are AWS's behaviour, one small function a rule, each marked with its source and how sure it is
(`behaviour.BEHAVIOURS`). Where AWS does not say, a `behaviour.Readings` chooses, and all are played. `watch.Watch` looks
after every single write: that is the price of its word, and why the world is plain data that is quick to look at.
"""
