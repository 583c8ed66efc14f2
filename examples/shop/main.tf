# The shop's production stack, as an assistant left it. `countersign check examples/shop` says what is wrong with it.

terraform {
  backend "s3" {
    bucket  = "shop-terraform-state"
    key     = "production/terraform.tfstate"
    region  = "eu-central-1"
    encrypt = true
  }
}

resource "aws_db_instance" "orders" {
  identifier              = "orders"
  engine                  = "postgres"
  engine_version          = "16.4"
  instance_class          = "db.m6g.large"
  allocated_storage       = 200
  username                = "shop"
  password                = var.orders_password
  backup_retention_period = 14
  storage_encrypted       = true
  multi_az                = true
  publicly_accessible     = false
  deletion_protection     = true
  skip_final_snapshot     = false
}

# ai-provenance: begin id=s_8f14e45fceea16 tool=claude model=anthropic/claude-sonnet-4-5 reviewed=no
resource "aws_db_instance" "reports" {
  identifier          = "reports"
  engine              = "postgres"
  instance_class      = "db.m6g.large"
  allocated_storage   = 100
  username            = "reports"
  password            = "reports-2026!"
  storage_encrypted   = true
  publicly_accessible = true
  deletion_protection = false
  skip_final_snapshot = true
}

resource "aws_security_group_rule" "reports_admin" {
  type              = "ingress"
  security_group_id = aws_security_group.reports.id
  protocol          = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_blocks       = ["0.0.0.0/0"]
}

resource "aws_iam_role_policy" "reports" {
  name = "reports"
  role = aws_iam_role.reports.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "*"
      Resource = "*"
    }]
  })
}
# ai-provenance: end id=s_8f14e45fceea16

resource "aws_s3_bucket" "exports" {
  bucket = "shop-exports"
  # countersign: allow force-destroy reason="holds copies only, rebuilt every night"
  force_destroy = true
}

resource "aws_security_group" "reports" {
  name   = "reports"
  vpc_id = var.vpc_id
}
