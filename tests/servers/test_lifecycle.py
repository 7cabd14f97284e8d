"""The lifecycle file of each cloud says what that cloud's own library understands.

S3: botocore's model and moto (emulator). Google: its discovery document. Azure: its models, to and
from the wire. No cloud was asked (static).
"""

import json
import subprocess
from pathlib import Path

import pytest
import storage_servers as servers
from rendering import ROOT

AWS = """
import json, sys, boto3
from moto import mock_aws
rules = json.load(open(sys.argv[1]))
with mock_aws():
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a",
                          aws_secret_access_key="b")
    client.create_bucket(Bucket="of-dev")
    client.put_bucket_lifecycle_configuration(Bucket="of-dev", LifecycleConfiguration=rules)
    print(json.dumps(client.get_bucket_lifecycle_configuration(Bucket="of-dev")["Rules"]))
"""
GOOGLE = """
import json, sys
from googleapiclient import discovery_cache
from pathlib import Path
file = Path(discovery_cache.__file__).parent / "documents/storage.v1.json"
schema = json.loads(file.read_text())["schemas"]["Bucket"]["properties"]["lifecycle"]
def check(value, schema, where=""):
    kind = {"object": dict, "array": list, "integer": int, "string": str, "boolean": bool}
    assert isinstance(value, kind[schema["type"]]), (where, value)
    if isinstance(value, dict):
        unknown = value.keys() - schema["properties"].keys()
        assert not unknown, (where, unknown)
        for name, one in value.items():
            check(one, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for one in value:
            check(one, schema["items"], where + "[]")
check(json.load(open(sys.argv[1])), schema)
print(json.dumps(schema["properties"]["rule"]["items"]["properties"]["action"]))
"""
AZURE = """
import json, sys
from azure.mgmt.storage import models
told = json.load(open(sys.argv[1]))
policy = models.ManagementPolicySchema
if hasattr(policy, "deserialize"):
    back = policy.deserialize(told).serialize()
else:
    back = json.loads(json.dumps(policy(told).as_dict()))
    rule = policy(told).rules[0]
    assert rule.definition.actions.base_blob.tier_to_cold.days_after_last_access_time_greater_than
print(json.dumps(back))
"""


def asked(code: str, cloud: str) -> str:
    file = ROOT / f"template/infra/{cloud}/lifecycle.json"
    command = [str(servers.programs() / "bin/python"), "-c", code, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def said(cloud: str) -> dict[str, list[dict[str, object]]]:
    return json.loads((ROOT / f"template/infra/{cloud}/lifecycle.json").read_text("utf-8"))


def test_s3_takes_its_file_and_gives_it_back() -> None:
    (told,), (rule,) = json.loads(asked(AWS, "aws")), said("aws")["Rules"]
    assert told["Transitions"] == rule["Transitions"]
    assert told["NoncurrentVersionExpiration"] == rule["NoncurrentVersionExpiration"]


def test_google_s_document_knows_every_key() -> None:
    asked(GOOGLE, "gcp")
    classes = [rule["action"].get("storageClass") for rule in said("gcp")["rule"]]  # type: ignore[attr-defined]
    assert classes[:3] == ["NEARLINE", "COLDLINE", "ARCHIVE"]


def test_azure_s_models_lose_nothing_of_it() -> None:
    assert json.loads(asked(AZURE, "azure")) == said("azure")


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_a_misspelt_key_is_seen(cloud: str, tmp_path: Path) -> None:
    code = {"aws": AWS, "gcp": GOOGLE, "azure": AZURE}[cloud]
    text = (ROOT / f"template/infra/{cloud}/lifecycle.json").read_text("utf-8")
    wrong = text.replace("Transitions", "Transition").replace("storageClass", "storagClass")
    wrong = wrong.replace("tierToCold", "tierToCool2")
    program = str(servers.programs() / "bin/python")
    file = tmp_path / "wrong.json"
    file.write_text(wrong, encoding="utf-8")
    done = subprocess.run([program, "-c", code, str(file)], capture_output=True, check=False)
    assert done.returncode != 0 or json.loads(done.stdout) != json.loads(wrong)
