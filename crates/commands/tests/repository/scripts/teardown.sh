#!/usr/bin/env bash
set -euo pipefail
# terraform destroy in every environment
cd infra
terraform destroy -auto-approve
