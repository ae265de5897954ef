# SPDX-License-Identifier: Apache-2.0
"""moto's server, which stands for S3."""

import os
import re
import subprocess
import sys
import time

import boto3
import botocore.config

START_S = 120  # on a machine that is busy
# Requests that make user, rights, bucket and key; all later ones are checked.
FREE_REQUESTS = 4


class MotoStore:
    """A process with the bucket `runs`. With a policy (JSON) it verifies signatures, and `keys` have these rights."""

    def __init__(self, folder, policy: str | None = None):
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if policy:
            environment["INITIAL_NO_AUTH_ACTION_COUNT"] = str(FREE_REQUESTS)
        log = folder / "moto.log"
        with log.open("wb") as out:
            self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
                                            stdout=out, stderr=out, env=environment)  # fmt: skip
        self.endpoint = self.wait_for_address(log)
        self.keys = ("KEY", "SECRET")
        if policy:
            self.make_user(policy)
        self.service("s3").create_bucket(Bucket="runs")
        if policy:
            made = self.service("iam").create_access_key(UserName="site")["AccessKey"]
            self.keys = (made["AccessKeyId"], made["SecretAccessKey"])

    def wait_for_address(self, log) -> str:
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
                return found[0]
            time.sleep(0.1)
        self.process.kill()
        raise AssertionError(log.read_text())

    def service(self, name: str):
        config = botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"}, proxies={})
        return boto3.client(name, endpoint_url=self.endpoint, region_name="us-east-1", config=config,
                            aws_access_key_id=self.keys[0], aws_secret_access_key=self.keys[1])  # fmt: skip

    def make_user(self, policy: str):
        self.service("iam").create_user(UserName="site")
        self.service("iam").put_user_policy(UserName="site", PolicyName="site", PolicyDocument=policy)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
