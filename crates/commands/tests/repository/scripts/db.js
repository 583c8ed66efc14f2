const { S3Client, DeleteBucketCommand } = require("@aws-sdk/client-s3");
const client = new S3Client({});
client.send(new DeleteBucketCommand({ Bucket: "orders" }));
