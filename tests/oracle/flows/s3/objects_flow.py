"""A flow that keeps objects with `S3(run=self)`, reads them in other steps, and by whole URLs."""

import json
import os

from metaflow import S3, FlowSpec, current, step
from metaflow.metaflow_config import DATATOOLS_S3ROOT, DEFAULT_PACKAGE_SUFFIXES
from metaflow.plugins.datatools.s3 import MetaflowS3NotFound, S3PutObject


class ObjectsFlow(FlowSpec):
    @step
    def start(self):
        with S3(run=self) as s3:
            url = s3.put("config.json", json.dumps({"rate": 0.5}), content_type="application/json")
            self.is_below = url == os.path.join(DATATOOLS_S3ROOT, current.flow_name, current.run_id, "config.json")
            s3.put_many([S3PutObject(f"parts/{i}", value=str(i), metadata={"i": i}) for i in range(3)])
        self.suffixes = DEFAULT_PACKAGE_SUFFIXES
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        with S3(run=self) as s3:
            part = s3.get(f"parts/{self.input}")
            self.seen = (part.text, part.metadata, part.key, part.size)
            self.base = os.path.basename(s3.put(f"results/{self.input}", part.blob * 2))
            self.temporary = part.path
        self.gone = not os.path.exists(self.temporary)
        del self.temporary
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [one.seen for one in inputs]
        self.all_gone = all(one.gone for one in inputs)
        with S3(run=self) as s3:
            self.results = {item.key: item.text for item in s3.get_recursive(["results"])}
            self.keys = sorted(item.key for item in s3.list_recursive())
            self.levels = sorted((item.key, item.exists) for item in s3.list_paths())
            try:
                s3.get("nothing")
            except MetaflowS3NotFound as error:
                self.error = type(error).__name__
        self.next(self.end)

    @step
    def end(self):
        with S3(bucket="bucket", prefix="other/place", run=self) as s3:
            self.elsewhere = s3.put("k", "v")[: len("s3://bucket/other/place/ObjectsFlow/")]
        with S3(s3root="s3://bucket/shared") as s3, S3() as urls:
            self.shared = urls.get(s3.put("k", "v")).text


if __name__ == "__main__":
    ObjectsFlow()
