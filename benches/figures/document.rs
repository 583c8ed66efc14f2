//! A Terraform file of any length, written as people write them, with a known number of findings.

use std::fmt::Write as _;

/// A file and the places where it is edited.
pub(crate) struct Document {
    /// The text, with LF.
    pub(crate) text: String,
    /// Where its findings are, from top to bottom: the file has no others.
    pub(crate) spots: Vec<Spot>,
}

/// A finding that one letter less takes away: `publicly_accessible = true`, and nothing with `tru`.
pub(crate) struct Spot {
    /// Zero-based line of the value.
    pub(crate) line: usize,
    /// Where the letter stands in it.
    pub(crate) column: usize,
    /// The letter.
    pub(crate) letter: char,
    /// Length of the line above, which is of the same block and as good a place as any to type into.
    pub(crate) column_above: usize,
}

/// Writes `lines` lines of which `findings` have a finding, as far apart as they go.
pub(crate) fn terraform(lines: usize, findings: usize) -> Document {
    terraform_from(0, lines, findings)
}

/// The same with names that count from a number, so that several files go together in one module.
pub(crate) fn terraform_from(first: usize, lines: usize, findings: usize) -> Document {
    let rounds = lines / blocks(0, false).lines().count();
    let mut text = String::new();
    let mut spots = Vec::new();
    for round in 0..rounds {
        let is_public = (round * findings) % rounds < findings;
        let block = blocks(first + round, is_public);
        if is_public {
            let at = text.matches('\n').count();
            spots.extend(block.lines().zip(block.lines().skip(1)).zip(at + 1..).filter_map(
                |((above, line), number)| {
                    let column = line.strip_suffix("publicly_accessible    = true").map(|_| line.len() - 1)?;
                    Some(Spot { line: number, column, letter: 'e', column_above: above.len() })
                },
            ));
        }
        text.push_str(&block);
    }
    for line in text.matches('\n').count()..lines {
        let _ = writeln!(text, "# {line}");
    }
    assert_eq!((text.lines().count(), spots.len()), (lines, findings), "the file is as it was ordered");
    Document { text, spots }
}

fn blocks(n: usize, is_public: bool) -> String {
    format!(
        r#"# Everything that service {n} needs.
variable "service_{n}_instance_class" {{
  description = "Size of the database of service {n}"
  type        = string
  default     = "db.m6g.large"

  validation {{
    condition     = startswith(var.service_{n}_instance_class, "db.")
    error_message = "An instance class of RDS starts with db."
  }}
}}

variable "service_{n}_password" {{
  type      = string
  sensitive = true
}}

locals {{
  service_{n}_name = "${{var.prefix}}-service-{n}"
  service_{n}_tags = merge(var.tags, {{
    Service = "service-{n}"
    Owner   = "team-{n}@example.com"
    Tier    = length(var.zones) > 2 ? "critical" : "standard"
  }})
}}

resource "aws_db_instance" "service_{n}" {{
  identifier             = local.service_{n}_name
  engine                 = "postgres"
  engine_version         = "16.4"
  instance_class         = var.service_{n}_instance_class
  allocated_storage      = 100
  username               = "service"
  password               = var.service_{n}_password
  db_subnet_group_name   = aws_db_subnet_group.main.name
  vpc_security_group_ids = [aws_security_group.service_{n}.id]
  storage_encrypted      = true
  publicly_accessible    = {is_public}
  deletion_protection    = true
  skip_final_snapshot    = false
  multi_az               = true

  final_snapshot_identifier = "service-{n}-final"
  backup_retention_period   = 14
  tags                      = local.service_{n}_tags

  lifecycle {{
    prevent_destroy = true
    ignore_changes  = [password]
  }}
}}

resource "aws_s3_bucket" "service_{n}" {{
  bucket = "${{local.service_{n}_name}}-uploads"
  tags   = local.service_{n}_tags
}}

resource "aws_s3_bucket_versioning" "service_{n}" {{
  bucket = aws_s3_bucket.service_{n}.id

  versioning_configuration {{
    status = "Enabled"
  }}
}}

resource "aws_security_group" "service_{n}" {{
  name        = local.service_{n}_name
  description = "Database of service {n}"
  vpc_id      = var.vpc_id

  dynamic "ingress" {{
    for_each = var.client_ranges
    content {{
      from_port   = 5432
      to_port     = 5432
      protocol    = "tcp"
      cidr_blocks = [ingress.value]
    }}
  }}

  egress {{
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }}
}}

output "service_{n}_endpoint" {{
  description = "Where service {n} finds its database"
  value       = aws_db_instance.service_{n}.endpoint
}}

output "service_{n}_bucket" {{
  value = aws_s3_bucket.service_{n}.arn
}}

"#
    )
}
