"""parallel_map and parallel_imap_unordered, and the exceptions that flows raise and catch."""

import os
import pickle
import tempfile

from metaflow import FlowSpec, parallel_imap_unordered, parallel_map, step
from metaflow.exception import (
    CommandException,
    ExternalCommandFailed,
    InvalidDecoratorAttribute,
    MetaflowDataMissing,
    MetaflowException,
    MetaflowExceptionWrapper,
    MetaflowInternalError,
    MetaflowTaggingError,
    MetaflowUnknownUser,
    MissingInMergeArtifactsException,
    ParameterFieldFailed,
    ParameterFieldTypeMismatch,
    UnhandledInMergeArtifactsException,
)
from metaflow.flowspec import InvalidNextException
from metaflow.multicore_utils import MulticoreException


class ParallelFlow(FlowSpec):
    @step
    def start(self):
        offset = 10
        self.mapped = parallel_map(lambda x: x + offset, range(7), max_parallel=3)
        self.unordered = sorted(parallel_imap_unordered(lambda x: x * x, iter([3, 1, 2])))
        self.nothing = parallel_map(str, [])
        self.apart = len(set(parallel_map(lambda _: os.getpid(), range(3), 1))) == 3
        with tempfile.TemporaryDirectory() as folder:
            self.large = [len(x) for x in parallel_map(lambda n: b"x" * n, [1 << 20, 1 << 22], dir=folder)]
            self.left_over = os.listdir(folder)
        try:
            parallel_map(lambda x: 1 // x, [1, 0, 2])
        except MulticoreException as error:
            self.failed = str(error)
        self.own = self.mapped[0]
        self.next(self.exceptions)

    @step
    def exceptions(self):
        raised = [
            MetaflowException("a message"),
            MetaflowException("a message", source_file="there.py"),
            MetaflowException(),
            MetaflowInternalError("inside"),
            ExternalCommandFailed("ls"),
            CommandException("run"),
            MetaflowDataMissing("x"),
            MetaflowTaggingError("tag"),
            ParameterFieldTypeMismatch("field"),
            InvalidDecoratorAttribute("retry", "tims", ["times"]),
        ]
        self.texts = [(str(one), one.headline, one.message) for one in raised if one.source_file is None]
        self.headlines = [
            MetaflowUnknownUser().headline,
            ParameterFieldFailed("p", "default").headline,
            UnhandledInMergeArtifactsException("m", ["x"]).artifact_names,
            MissingInMergeArtifactsException("m", ["y"]).artifact_names,
            issubclass(InvalidNextException, MetaflowException),
        ]
        try:
            raise KeyError("lost")
        except KeyError as error:
            wrapped = pickle.loads(pickle.dumps(MetaflowExceptionWrapper(error)))
            self.wrapped = (wrapped.type, wrapped.exception, "KeyError: 'lost'" in wrapped.stacktrace, "lost" in str(wrapped))
        self.next(self.merging)

    @step
    def merging(self):
        self.x = 1
        try:
            self.merge_artifacts([])
        except MetaflowException as error:
            self.said = "can only be called in a join" in str(error)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParallelFlow()
