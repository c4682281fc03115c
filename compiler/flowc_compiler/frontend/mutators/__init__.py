"""`FlowMutator` and `StepMutator` of Metaflow: their methods are evaluated on a model of the flow, never executed.

What they do becomes other lists of decorators and other statements of the class, which the front end reads as if they
were written in the file.
"""
