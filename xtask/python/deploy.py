"""Uploads code to an AWS endpoint and creates or updates the CloudFormation stack there: `deploy.py`.
Removes it with its buckets: `deploy.py remove`.

Reads one JSON object from standard input, tells its progress on standard error one line at a time, and prints the
stack's outputs as one JSON object on standard output. Ends with 1 and the reasons on standard error when a resource
fails.
"""

import json
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# The local stack needs about 3 s; AWS some minutes.
DEPLOY_LIMIT_S = 600
REMOVE_LIMIT_S = 120
POLL_S = 0.2


class Refused(Exception):
    """A deployment that cannot go on; the message says why."""


def say(message):
    print(message, file=sys.stderr, flush=True)


def client(request, service):
    return boto3.client(
        service,
        endpoint_url=request["endpoint_url"],
        region_name=request["region"],
        aws_access_key_id=request["access_key_id"],
        aws_secret_access_key=request["secret_access_key"],
        aws_session_token=request.get("session_token"),
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}, read_timeout=120),
    )


def upload(request):
    """Puts the template and every file under the code prefix; makes the bucket where it is absent. Gives the template's
    address: the body of a request may have 51,200 bytes at most, an object 1,000,000."""
    s3, bucket = client(request, "s3"), request["code_bucket"]
    try:
        s3.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    for name, path in sorted({**request["files"], "template.yaml": request["template"]}.items()):
        say(f"upload {name}")
        s3.put_object(Bucket=bucket, Key=f"{request['code_prefix']}/{name}", Body=Path(path).read_bytes())
    return f"{s3.meta.endpoint_url}/{bucket}/{request['code_prefix']}/template.yaml"


def start(request, cloudformation, template_url):
    """Begins to create or to update the stack; false when nothing has changed."""
    arguments = {
        "StackName": request["stack_name"],
        "TemplateURL": template_url,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": str(value)} for key, value in request["parameters"].items()
        ],
    }
    try:
        cloudformation.create_stack(**arguments, OnFailure="DO_NOTHING")
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as unchanged:
            if "No updates" not in str(unchanged):
                raise
            return False
    return True


def failures(cloudformation, name):
    """The resources that failed, oldest first, without those that were merely cancelled by another's failure."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
    own = [event for event in failed if "cancelled" not in event.get("ResourceStatusReason", "").lower()]
    return [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason given')}"
        for event in own or failed
    ]


def wait(cloudformation, name):
    """Waits for the end of the deployment and gives the stack's outputs."""
    deadline, last = time.monotonic() + DEPLOY_LIMIT_S, ""
    while time.monotonic() < deadline:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status != last:
            say(f"stack {name}: {status}")
            last = status
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"):
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not status.endswith("_IN_PROGRESS"):
            reasons = failures(cloudformation, name) or [stack.get("StackStatusReason", "no reason given")]
            raise Refused(f"stack {name} ended in {status}:\n  " + "\n  ".join(reasons))
        time.sleep(POLL_S)
    raise Refused(f"stack {name} was still {last} after {DEPLOY_LIMIT_S} s")


def complete(request, outputs):
    """Sets what the local CloudFormation leaves off although the template asks for it: expiry of items."""
    dynamodb, table = client(request, "dynamodb"), outputs["TableName"]
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if described.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
        )


def empty(s3, bucket):
    """Removes all that is in a bucket, old versions too."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        if found:
            keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def remove(request):
    """Removes the stack and the bucket of its code; what is gone already is fine."""
    s3, cloudformation = client(request, "s3"), client(request, "cloudformation")
    name, code_bucket = request["stack_name"], request["code_bucket"]
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        for output in stack.get("Outputs", []):
            if output["OutputKey"] == "BucketName":
                empty(s3, output["OutputValue"])
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": REMOVE_LIMIT_S}
        )
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
    try:
        empty(s3, code_bucket)
        s3.delete_bucket(Bucket=code_bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def main():
    request = json.load(sys.stdin)
    try:
        if "remove" in sys.argv[1:]:
            remove(request)
            return 0
        template_url = upload(request)
        cloudformation = client(request, "cloudformation")
        start(request, cloudformation, template_url)
        outputs = wait(cloudformation, request["stack_name"])
        complete(request, outputs)
    except (Refused, ClientError, BotoCoreError, OSError) as error:
        say(f"error: {error}")
        return 1
    json.dump(outputs, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
