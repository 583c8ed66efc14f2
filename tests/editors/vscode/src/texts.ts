/** What the tests write. */

/** Has no finding. */
export const SAFE = 'resource "aws_lightsail_database" "safe" {\n  publicly_accessible = false\n}\n';

/** What the fake assistant offers: a block with one finding, `database-public`, in its third line. */
export const RISKY =
  'resource "aws_lightsail_database" "orders" {\n  relational_database_name = "orders"\n  publicly_accessible      = true\n}\n';

/** As much of it as has to be typed. */
export const RISKY_START = 'resource "aws_lightsail_database" "o';

/** Has one finding, `force-destroy`. */
export const FORCE = 'resource "aws_route53_zone" "logs" {\n  name          = "logs.example.com"\n  force_destroy = true\n}\n';

export const FORCE_START = 'resource "aws_route53_zone" "l';
