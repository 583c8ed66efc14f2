import subprocess

ENV = "prod"
subprocess.run(["kubectl", "--context", "prod", "delete", "deployment", "api"], check=True)
