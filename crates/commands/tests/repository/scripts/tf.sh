#!/bin/sh
case "$1" in
  plan) terraform plan -var-file="$2.tfvars" ;;
  destroy) terraform destroy -var-file="$2.tfvars" ;;
  *) echo "usage: tf.sh plan|destroy ENV" ;;
esac
