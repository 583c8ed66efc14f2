import boto3
import json

ec2 = boto3.client("ec2")
seen = {}
for page in ec2.get_paginator("describe_instances").paginate():
    seen.update(page)
print(json.dumps(seen), "terminate_instances is not called here")
