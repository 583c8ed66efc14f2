#!/bin/sh
# Never run kubectl delete here.
echo "running tests"
if [ "$1" = "--all" ]; then
  cargo test --workspace
else
  cargo test
fi
