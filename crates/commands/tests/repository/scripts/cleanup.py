"""Deletes old snapshots. See also delete_bucket()."""
import boto3

rds = boto3.client("rds", region_name="eu-west-1")


def main():
    # rds.delete_db_cluster would be worse
    for name in ["a", "b"]:
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


if __name__ == "__main__":
    main()
