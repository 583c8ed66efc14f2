//! What is lost, what does not answer, what protected it and what is opened.

use crate::support::{between, changes};
use countersign_impact::{Change, Widened};

/// The change of one block: its first line as given, then what stands in it before and after.
fn change(head: &str, before: &str, after: &str) -> Change {
    let text = |inside: &str| format!("resource {head} {{\n{inside}\n}}\n");
    let found = between(&text(before), &text(after));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().expect("a change")
}

/// A block that is new.
fn new(head: &str, inside: &str) -> Change {
    between("", &format!("resource {head} {{\n{inside}\n}}\n")).into_iter().next().expect("a change")
}

fn protections(change: &Change) -> Vec<&str> {
    change.protections_removed.iter().filter_map(|reason| reason.attribute.as_deref()).collect()
}

fn widened(change: &Change) -> Vec<(Widened, &str)> {
    change.widened.iter().map(|it| (it.what, it.reason.why.as_str())).collect()
}

#[test]
fn protections_that_go() {
    let db = "\"aws_db_instance\" \"a\"";
    for (before, after, attribute) in [
        ("deletion_protection = true", "deletion_protection = false", "deletion_protection"),
        ("deletion_protection = true", "", "deletion_protection"),
        ("skip_final_snapshot = false", "skip_final_snapshot = true", "skip_final_snapshot"),
        ("", "skip_final_snapshot = true", "skip_final_snapshot"),
        ("backup_retention_period = 7", "backup_retention_period = 1", "backup_retention_period"),
        ("final_snapshot_identifier = \"x\"", "", "final_snapshot_identifier"),
        ("multi_az = true", "multi_az = false", "multi_az"),
        ("lifecycle {\n prevent_destroy = true\n}", "", "lifecycle.prevent_destroy"),
        ("lifecycle {\n prevent_destroy = true\n}", "lifecycle {\n}", "lifecycle.prevent_destroy"),
    ] {
        assert_eq!(protections(&change(db, before, after)), [attribute], "{before} -> {after}");
    }
    for (before, after) in [
        ("deletion_protection = true", "deletion_protection = var.x"),
        ("deletion_protection = false", "deletion_protection = true"),
        ("backup_retention_period = 1", "backup_retention_period = 7"),
        ("skip_final_snapshot = true", "skip_final_snapshot = false"),
    ] {
        assert_eq!(protections(&change(db, before, after)), [""; 0], "{before} -> {after}");
    }
    let bucket = "\"aws_s3_bucket\" \"a\"";
    assert_eq!(protections(&change(bucket, "force_destroy = false", "force_destroy = true")), ["force_destroy"]);
    assert_eq!(
        protections(&change(
            "\"aws_s3_bucket_versioning\" \"a\"",
            "versioning_configuration {\n status = \"Enabled\"\n}",
            "versioning_configuration {\n status = \"Suspended\"\n}"
        )),
        ["versioning_configuration.status"]
    );
    // On by itself, in this provider.
    let google = "\"google_sql_database_instance\" \"a\"";
    assert_eq!(protections(&change(google, "", "deletion_protection = false")), ["deletion_protection"]);
    // 0 days are for ever, in logs.
    let log = "\"aws_cloudwatch_log_group\" \"a\"";
    assert_eq!(protections(&change(log, "retention_in_days = 30", "retention_in_days = 0")), [""; 0]);
    assert_eq!(protections(&change(log, "retention_in_days = 0", "retention_in_days = 30")), ["retention_in_days"]);
    let call = |more: &str| format!("module \"a\" {{\n  source = \"acme/a/b\"\n  {more}\n}}\n");
    let found = between(&call("deletion_protection = true"), &call(""));
    assert_eq!(protections(&found[0]), ["deletion_protection"]);
}

#[test]
fn sources_that_are_let_in() {
    let group = |cidr: &str| {
        format!("ingress {{\n from_port = 22\n to_port = 22\n protocol = \"tcp\"\n cidr_blocks = [{cidr}]\n}}")
    };
    let head = "\"aws_security_group\" \"a\"";
    let open = change(head, &group("\"10.0.0.0/8\""), &group("\"10.0.0.0/8\", \"0.0.0.0/0\""));
    assert_eq!(widened(&open), [(Widened::Exposure, "lets in `0.0.0.0/0`, which is everybody on 22 tcp")]);
    assert_eq!(widened(&change(head, &group("\"0.0.0.0/0\""), &group("\"0.0.0.0/0\", \"10.0.0.0/8\""))), []);
    assert_eq!(widened(&new(head, &group("\"0.0.0.0/0\""))).len(), 1);
    assert_eq!(widened(&new(head, &group("\"0.0.0.0/0\"").replace("ingress", "egress"))), []);
    let place = open.widened[0].reason.place.as_ref().expect("a place");
    assert_eq!(&*place.file, "/w/main.tf");
    let rule =
        "type = \"ingress\"\n from_port = 443\n to_port = 443\n protocol = \"tcp\"\n cidr_blocks = [\"0.0.0.0/0\"]";
    assert_eq!(widened(&new("\"aws_security_group_rule\" \"a\"", rule)).len(), 1);
    assert_eq!(widened(&new("\"aws_security_group_rule\" \"a\"", &rule.replace("ingress", "egress"))), []);
    let firewall = "source_ranges = [\"0.0.0.0/0\"]\n allow {\n protocol = \"tcp\"\n ports = [\"22\"]\n}";
    assert_eq!(widened(&new("\"google_compute_firewall\" \"a\"", firewall)).len(), 1);
    assert_eq!(widened(&new("\"google_compute_firewall\" \"a\"", &firewall.replace("allow", "deny"))), []);
    let azure = "access = \"Allow\"\n direction = \"Inbound\"\n source_address_prefix = \"*\"\n destination_port_range = \"22\"";
    assert_eq!(widened(&new("\"azurerm_network_security_rule\" \"a\"", azure)).len(), 1);
    assert_eq!(widened(&new("\"azurerm_network_security_rule\" \"a\"", &azure.replace("Allow", "Deny"))), []);
    let db = "\"aws_db_instance\" \"a\"";
    assert_eq!(widened(&change(db, "publicly_accessible = false", "publicly_accessible = true")).len(), 1);
    assert_eq!(widened(&change(db, "publicly_accessible = true", "publicly_accessible = false")), []);
    assert_eq!(widened(&change(db, "storage_encrypted = true", "storage_encrypted = false"))[0].0, Widened::Encryption);
}

#[test]
fn a_new_name_opens_nothing() {
    let rule = |name: &str, group: &str| {
        format!(
            "resource \"aws_security_group_rule\" \"{name}\" {{\n type = \"ingress\"\n from_port = 443\n to_port = 443\n protocol = \"tcp\"\n \
             security_group_id = \"{group}\"\n cidr_blocks = [\"0.0.0.0/0\"]\n}}\n"
        )
    };
    let opened = |found: Vec<Change>| found.iter().map(|change| change.widened.len()).sum::<usize>();
    assert_eq!(opened(between(&rule("a", "sg-1"), &rule("b", "sg-1"))), 0);
    assert_eq!(opened(between(&rule("a", "sg-1"), &rule("b", "sg-2"))), 1, "another group");
}

#[test]
fn what_is_allowed() {
    let policy = |statements: &str| format!("policy = jsonencode({{ Statement = [{statements}] }})");
    let head = "\"aws_iam_policy\" \"a\"";
    let get = "{ Effect = \"Allow\", Action = \"s3:GetObject\", Resource = \"*\" }";
    let all = "{ Effect = \"Allow\", Action = \"s3:*\", Resource = \"arn:aws:s3:::a\" }";
    let of = |before: &str, after: &str| widened(&change(head, &policy(before), &policy(after))).len();
    assert_eq!(of(get, &format!("{get}, {all}")), 1);
    assert_eq!(of(&format!("{get}, {all}"), get), 0);
    assert_eq!(of(&all.replace("arn:aws:s3:::a", "*"), &format!("{all}, {get}")), 0, "less than before");
    assert_eq!(of(get, &format!("{get}, {}", all.replace("Allow", "Deny"))), 0);
    assert_eq!(of(get, "{ Effect = \"Allow\", Action = \"*\", Resource = \"*\" }"), 1);
    assert_eq!(of(get, "{ Effect = \"Allow\", NotAction = \"iam:*\", Resource = \"*\" }"), 1);
    let bucket = "\"aws_s3_bucket_policy\" \"a\"";
    let statement = |who: &str| {
        policy(&format!("{{ Effect = \"Allow\", Principal = {who}, Action = \"s3:GetObject\", Resource = \"*\" }}"))
    };
    let to = |before: &str, after: &str| widened(&change(bucket, &statement(before), &statement(after))).len();
    assert_eq!(to("{ AWS = \"arn:aws:iam::1:root\" }", "\"*\""), 1);
    assert_eq!(to("\"*\"", "{ AWS = \"*\" }"), 0);
    assert_eq!(to("\"*\"", "{ AWS = \"arn:aws:iam::1:root\" }"), 0);
    let key = "policy = jsonencode({ Statement = [{ Effect = \"Allow\", Principal = { AWS = \"arn:aws:iam::${data.aws_caller_identity.c.account_id}:root\" }, Action = \"kms:*\", Resource = \"*\" }] })";
    assert_eq!(widened(&new("\"aws_kms_key\" \"a\"", key)), []);
    assert_eq!(widened(&new("\"aws_kms_key\" \"a\"", &key.replace(":root", ":role/x"))).len(), 1);
    let heredoc = |action: &str| {
        format!(
            "policy = <<EOF\n{{\"Statement\": [{{\"Effect\": \"Allow\", \"Action\": \"{action}\", \"Resource\": \"${{replace(var.arn, \"a\", \"b\")}}\"}}]}}\nEOF"
        )
    };
    assert_eq!(widened(&change(head, &heredoc("s3:GetObject"), &heredoc("s3:*"))).len(), 1);
    let attachment = "role = \"a\"\n policy_arn = \"arn:aws:iam::aws:policy/AdministratorAccess\"";
    assert_eq!(widened(&new("\"aws_iam_role_policy_attachment\" \"a\"", attachment)).len(), 1);
    let member = "role = \"roles/storage.objectViewer\"\n member = \"allUsers\"";
    assert_eq!(widened(&new("\"google_storage_bucket_iam_member\" \"a\"", member)).len(), 1);
    let role = "role_definition_name = \"Owner\"\n principal_id = \"x\"";
    assert_eq!(widened(&new("\"azurerm_role_assignment\" \"a\"", role)).len(), 1);
    assert_eq!(widened(&new("\"azurerm_role_assignment\" \"a\"", &role.replace("Owner", "Reader"))), []);
}

#[test]
fn documents_for_others() {
    let document = |actions: &str| {
        format!(
            "data \"aws_iam_policy_document\" \"a\" {{\n  statement {{\n    actions = [{actions}]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let (before, after) = (document("\"s3:GetObject\""), document("\"s3:GetObject\", \"ec2:*\""));
    let found = between(&before, &after);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].address, "data.aws_iam_policy_document.a");
    assert_eq!(widened(&found[0]).len(), 1);
    // Where a resource here shows it, it is said of that.
    let user = "resource \"aws_iam_policy\" \"a\" {\n  policy = data.aws_iam_policy_document.a.json\n}\n";
    let found = between(&format!("{before}{user}"), &format!("{after}{user}"));
    assert_eq!(found.iter().map(|change| change.address.as_str()).collect::<Vec<_>>(), ["aws_iam_policy.a"]);
    assert_eq!(widened(&found[0]).len(), 1);
}

#[test]
fn data_that_is_lost() {
    let gone = |head: &str, inside: &str| {
        between(&format!("resource {head} {{\n{inside}\n}}\n"), "").into_iter().next().expect("a change")
    };
    let db = "\"aws_db_instance\" \"a\"";
    let saved = |inside: &str| gone(db, inside).loss.expect("a loss").saved_by.unwrap_or_default();
    assert!(saved("final_snapshot_identifier = \"last\"").contains("last snapshot"));
    assert!(saved("").contains("refuses"));
    assert_eq!(saved("skip_final_snapshot = true"), "");
    assert_eq!(saved("skip_final_snapshot = var.x"), "");
    assert!(saved("skip_final_snapshot = true\n delete_automated_backups = false").contains("automated backups stay"));
    assert!(
        gone("\"aws_s3_bucket\" \"a\"", "")
            .loss
            .is_some_and(|loss| loss.saved_by.is_some_and(|by| by.contains("refused")))
    );
    assert!(gone("\"aws_security_group\" \"a\"", "").loss.is_none());
    let replaced = change(db, "engine = \"a\"", "engine = \"b\"");
    assert!(replaced.loss.is_some());
    assert_eq!(change(db, "multi_az = false", "multi_az = true").loss, None);
    let guarded = gone(db, "deletion_protection = true");
    assert!(guarded.reasons.iter().any(|reason| reason.why.contains("fails until that is off")), "{guarded:#?}");
    let inside = "resource \"aws_db_instance\" \"a\" {\n}\n";
    let call = "module \"m\" {\n  source = \"./m\"\n}\n";
    let found =
        changes(&[("/w/main.tf", call), ("/w/m/main.tf", inside)], &[("/w/main.tf", ""), ("/w/m/main.tf", inside)]);
    assert!(
        found.iter().any(|change| change.address == "module.m.aws_db_instance.a" && change.loss.is_some()),
        "{found:#?}"
    );
}

#[test]
fn interruptions() {
    let why = |head: &str, before: &str, after: &str| {
        change(head, before, after).interruption.map(|reason| reason.why).unwrap_or_default()
    };
    let service = "\"aws_ecs_service\" \"a\"";
    assert_eq!(
        why(service, "desired_count = 4", "desired_count = 0"),
        "`desired_count` goes from 4 to 0: nothing of it is left"
    );
    assert_eq!(
        why(service, "desired_count = 4", "desired_count = 2"),
        "`desired_count` goes from 4 to 2: half or less of it is left"
    );
    assert_eq!(why(service, "desired_count = 4", "desired_count = 3"), "");
    assert_eq!(why(service, "desired_count = 2", "desired_count = 4"), "");
    let function = "\"aws_lambda_function\" \"a\"";
    assert_eq!(why(function, "reserved_concurrent_executions = 10", "reserved_concurrent_executions = -1"), "");
    assert!(
        why(function, "reserved_concurrent_executions = -1", "reserved_concurrent_executions = -1\n timeout = 3")
            .is_empty()
    );
    assert_eq!(
        why("\"aws_cloudfront_distribution\" \"a\"", "enabled = true", "enabled = false"),
        "`enabled` switches it off"
    );
    let db = "\"aws_db_instance\" \"a\"";
    assert!(why(db, "instance_class = \"a\"", "instance_class = \"b\"").ends_with("in the next maintenance window"));
    assert!(
        why(
            db,
            "instance_class = \"a\"\n apply_immediately = true",
            "instance_class = \"b\"\n apply_immediately = true"
        )
        .ends_with("at once")
    );
    let group = "\"aws_security_group\" \"a\"";
    let ingress = "ingress {\n from_port = 1\n}\ningress {\n from_port = 2\n}";
    assert!(why(group, ingress, "ingress {\n from_port = 1\n}").contains("fewer `ingress` blocks"));
    assert_eq!(
        why("\"aws_route53_record\" \"a\"", "name = \"a\"", "name = \"b\""),
        "the name is not answered until the new one is there"
    );
    let gone = between("resource \"aws_route53_record\" \"a\" {\n}\n", "");
    assert!(gone[0].interruption.as_ref().is_some_and(|reason| reason.why == "the name is not answered from then on"));
}
