import metaflow as mf
import metaflow.plugins.aws  # FC106
from metaflow import FlowSpec, card_of_mine, step  # FC106
from metaflow.cards import Table
from metaflow.exception import MetaflowException, MetaflowNotFund  # FC106
from metaflow.metaflow_config import KUBERNETES_NAMESPACE, SFN_IAM_ROLE  # FC106
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow import Runner

try:
    from metaflow import huggingface_hub
except ImportError:
    huggingface_hub = None


class Bad(FlowSpec):
    @step
    def start(self):
        from metaflow import (
            Flow,
            inspect_spin,  # FC106
        )

        with mf.S3() as s3, mf.inspect_spin() as deployer:  # FC106
            print(s3, deployer, mf.cards.Markdown("x"), mf.Run, mf.__version__)
        print(mf.cards.get_cards("x"))  # FC106
        self.next(self.end)

    @step
    def end(self):
        pass
