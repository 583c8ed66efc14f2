import { EC2Client, DescribeInstancesCommand } from "@aws-sdk/client-ec2";
const client = new EC2Client({});
console.log(await client.send(new DescribeInstancesCommand({}))); // DeleteVpcCommand
const cache = new Map();
cache.delete("x");
