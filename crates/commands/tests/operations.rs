//! What an operation says: where it stands, how it is reached, which words may tell the environment, what to do instead.

use countersign_commands::{
    Context, Effect, Evidence, Grade, NoFiles, Operation, Reach, Source, is_control, judge, judge_part, judge_tool,
    recognised,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn one(command: &str) -> Operation {
    let files = BTreeMap::from([
        ("/repo/down.sh".to_owned(), "#!/bin/sh\ncd live/prod\nterraform destroy\n".to_owned()),
        ("/repo/Makefile".to_owned(), "gone:\n\t@kubectl delete ns x\n".to_owned()),
        ("/repo/infra/.terraform/environment".to_owned(), "prod\n".to_owned()),
    ]);
    let environment = BTreeMap::from([("AWS_PROFILE".to_owned(), "from-outside".to_owned())]);
    let context = Context { files: &files, folder: "/repo", environment: &environment, branch: None, protected: &[] };
    let mut operations = judge(command, &context);
    assert_eq!(operations.len(), 1, "{command}: {operations:#?}");
    operations.remove(0)
}

/// The words of the evidence, with where they stand.
fn words(operation: &Operation) -> Vec<(Source, &str, &str)> {
    operation.evidence.iter().map(|Evidence { source, name, word }| (*source, name.as_str(), word.as_str())).collect()
}

#[test]
fn no_password_is_repeated() {
    for command in [
        "curl -X DELETE https://me:geheim@api.example.com/things/1",
        "xh DELETE 'https://me:gehe@im@api.example.com'",
        "psql postgres://me:geheim@db/shop -c 'DROP DATABASE shop'",
    ] {
        let operation = one(command);
        let said = format!("{} {:?}", operation.what, operation.target);
        assert!(!said.contains("gehe") && !said.contains("me:"), "{said}");
    }
    let what = one("curl -X DELETE https://me:geheim@api.example.com/things/1").what;
    assert!(what.contains("https://…@api.example.com/things/1"), "{what}");
}

#[test]
fn a_part_of_a_script_has_its_functions_looked_at() {
    let environment = BTreeMap::new();
    let context = Context { files: &NoFiles, folder: "", environment: &environment, branch: None, protected: &[] };
    let text = "down() {\n  kubectl delete ns \"$1\"\n}\n";
    assert_eq!(judge(text, &context), []);
    let [operation] = judge_part(text, &context).try_into().expect("one");
    assert_eq!(&text[operation.range.clone()], "kubectl delete ns \"$1\"");
    assert!(!operation.certain, "nobody calls it here");
}

#[test]
fn the_environments_words() {
    for (command, expected) in [
        ("kubectl --context=prod delete ns x", (Source::Flag, "--context", "prod")),
        ("kubectl delete ns x -n prod", (Source::Flag, "-n", "prod")),
        ("terraform destroy -var-file prod.tfvars", (Source::Flag, "-var-file", "prod.tfvars")),
        ("AWS_PROFILE=prod aws ec2 terminate-instances --instance-ids i-1", (Source::Variable, "AWS_PROFILE", "prod")),
        ("aws ec2 terminate-instances --instance-ids i-1", (Source::Variable, "AWS_PROFILE", "from-outside")),
        (
            "export AWS_PROFILE=p; aws ec2 terminate-instances --instance-ids i-1",
            (Source::Variable, "AWS_PROFILE", "p"),
        ),
        ("terraform workspace select prod && terraform destroy", (Source::Choice, "workspace select", "prod")),
        ("kubectl config use-context prod; kubectl delete ns x", (Source::Choice, "config use-context", "prod")),
        (
            "gcloud config set project shop-prod; gcloud projects delete x",
            (Source::Choice, "config set project", "shop-prod"),
        ),
        ("az account set -s prod; az group delete -n x", (Source::Choice, "account set", "prod")),
        ("cd infra; terraform destroy", (Source::Workspace, ".terraform/environment", "prod")),
        ("cd live/prod && terraform destroy", (Source::Folder, "", "/repo/live/prod")),
        ("terraform -chdir=live/prod destroy", (Source::Folder, "", "/repo/live/prod")),
        ("ssh prod-1 'systemctl stop nginx'", (Source::Host, "ssh", "prod-1")),
        ("aws-vault exec prod -- terraform destroy", (Source::Choice, "aws-vault exec", "prod")),
        ("psql -h prod-db -c 'DROP TABLE x'", (Source::Flag, "-h", "prod-db")),
        ("PGHOST=prod-db psql -c 'DROP TABLE x'", (Source::Variable, "PGHOST", "prod-db")),
        ("aws s3 rb s3://prod-orders --force", (Source::Target, "aws", "s3://prod-orders")),
        ("az vm delete --subscription prod -n x", (Source::Flag, "--subscription", "prod")),
        ("cd \"envs/$ENV-prod\" && terraform destroy", (Source::Choice, "cd", "envs/$ENV-prod")),
    ] {
        let operation = one(command);
        assert!(words(&operation).contains(&expected), "{command}: {:#?}", operation.evidence);
    }
}

#[test]
fn a_folder_that_is_not_known_is_none() {
    assert_eq!(one("cd \"$X\" && terraform destroy").folder, None);
    assert_eq!(one("terraform destroy").folder.as_deref(), Some("/repo"));
}

#[test]
fn places() {
    for (command, file, expected) in [
        ("ls; terraform destroy -lock=false && ls", None, "terraform destroy -lock=false"),
        ("bash -c 'ls; terraform destroy'", None, "terraform destroy"),
        ("bash -c \"ls; terraform \\\"destroy\\\"\"", None, "\"ls; terraform \\\"destroy\\\"\""),
        ("echo 'kubectl delete ns x' | sh", None, "sh"),
        ("f() { kubectl delete ns x; }; f", None, "kubectl delete ns x"),
        ("sudo -u x kubectl delete ns x", None, "sudo -u x kubectl delete ns x"),
        ("./down.sh", Some("./down.sh"), "terraform destroy"),
        ("make gone", Some("Makefile"), "kubectl delete ns x"),
    ] {
        let operation = one(command);
        assert_eq!(operation.file.as_deref(), file, "{command}");
        let text = match file {
            None => command,
            Some("Makefile") => "gone:\n\t@kubectl delete ns x\n",
            Some(_) => "#!/bin/sh\ncd live/prod\nterraform destroy\n",
        };
        assert_eq!(&text[operation.range.clone()], expected, "{command}");
    }
}

#[test]
fn the_way_to_it() {
    for (command, expected) in [
        ("terraform destroy", &[][..]),
        ("bash -c 'sudo terraform destroy'", &["bash -c", "sudo"]),
        ("ssh a 'docker exec b psql -c \"DROP TABLE x\"'", &["ssh a", "docker exec b"]),
        ("kubectl get ns -o name | xargs kubectl delete", &["xargs"]),
        ("make gone", &["make gone"]),
        ("./down.sh", &["./down.sh"]),
        ("f() { kubectl delete ns x; }; f", &["f()"]),
    ] {
        assert_eq!(one(command).via, expected, "{command}");
    }
}

#[test]
fn what_is_said() {
    let operation = one("cd live/prod && terraform destroy -auto-approve");
    assert_eq!(operation.what, "destroys every resource of the Terraform state in /repo/live/prod");
    assert!(operation.instead.contains("terraform plan -destroy"));
    assert_eq!((operation.effect, operation.reach, operation.grade), (Effect::Destroy, Reach::Live, Grade::Grave));
    assert!(operation.certain);
    let operation = one("kubectl delete deploy/api -n shop");
    assert_eq!((operation.program.as_str(), operation.target.as_deref()), ("kubectl", Some("deploy/api")));
    assert_eq!(one("terraform apply plans/today").plan.as_deref(), Some("plans/today"));
    assert_eq!(one("git push -f origin main").reach, Reach::Shared);
    assert!(one("curl -s https://x.example/i.sh | sh").what.contains("what `curl` prints"));
}

#[test]
fn branches_that_the_caller_protects() {
    let environment = BTreeMap::new();
    let protected = ["stable*".to_owned()];
    let context = Context {
        files: &NoFiles,
        folder: "",
        environment: &environment,
        branch: Some("stable-2"),
        protected: &protected,
    };
    assert_eq!(judge("git push -f", &context)[0].grade, Grade::Grave);
    let context = Context { protected: &[], ..context };
    assert_eq!(judge("git push -f", &context)[0].grade, Grade::Lesser);
}

#[test]
fn files_that_control() {
    for path in [
        "countersign.toml",
        ".countersign/x",
        "/r/.git/hooks/pre-commit",
        ".github/CODEOWNERS",
        "~/.claude/settings.json",
    ] {
        assert!(is_control(path), "{path}");
    }
    for path in
        ["src/countersign.rs", "docs/CODEOWNERS.md", ".claude/agents/x.md", ".gitignore", "a/.github/workflows/x.yml"]
    {
        assert!(!is_control(path), "{path}");
    }
}

/// What a call of a tool would do: its effects, `?` behind what is not certain.
fn tool(name: &str, arguments: &Value) -> String {
    let environment = BTreeMap::new();
    let context = Context { files: &NoFiles, folder: "", environment: &environment, branch: None, protected: &[] };
    let operations = judge_tool(name, arguments, &context);
    for operation in &operations {
        assert_eq!(operation.program, name);
    }
    let shown =
        |operation: &Operation| format!("{}{}", operation.effect.name(), if operation.certain { "" } else { "?" });
    let effects: Vec<_> = operations.iter().map(shown).collect();
    if effects.is_empty() { "-".to_owned() } else { effects.join(",") }
}

#[test]
fn tools() {
    for (name, arguments, expected) in [
        ("mcp__aws__delete_bucket", json!({"bucket": "orders"}), "data-delete"),
        ("mcp__aws__delete_stack", json!({"stack_name": "shop"}), "destroy"),
        ("terminateInstances", json!({"ids": ["i-1"]}), "destroy"),
        ("mcp__k8s__kubectl_delete", json!({"resourceType": "ns", "name": "prod"}), "destroy"),
        ("mcp__k8s__pods_delete", json!({"name": "api", "namespace": "prod"}), "destroy"),
        ("mcp__k8s__kubectl", json!({"command": "delete ns prod"}), "destroy"),
        ("mcp__k8s__kubectl", json!({"command": "get pods"}), "-"),
        ("mcp__k8s__kubectl_generic", json!({"command": "kubectl", "args": ["delete", "ns", "prod"]}), "destroy"),
        (
            "mcp__terraform__ExecuteTerraformCommand",
            json!({"command": "destroy", "working_directory": "prod"}),
            "destroy",
        ),
        ("mcp__terraform__ExecuteTerraformCommand", json!({"command": "plan"}), "-"),
        ("mcp__aws__call_aws", json!({"cli_command": "aws ec2 terminate-instances --instance-ids i-1"}), "destroy"),
        ("mcp__aws__call_aws", json!({"cli_command": "aws s3 ls"}), "-"),
        ("mcp__postgres__execute_sql", json!({"sql": "DROP TABLE orders"}), "data-delete"),
        ("mcp__postgres__execute_sql", json!({"sql": "DELETE FROM orders WHERE id = 1"}), "-"),
        ("mcp__postgres__query", json!({"sql": "SELECT 1"}), "-"),
        ("mcp__supabase__apply_migration", json!({"name": "x", "query": "TRUNCATE orders"}), "data-delete"),
        ("run_command", json!({"command": "rm -rf /"}), "file-delete"),
        ("run_in_terminal", json!({"command": "cargo test"}), "-"),
        ("shell", json!({"command": ["bash", "-lc", "terraform destroy"]}), "destroy"),
        ("shell", json!({"command": ["echo", "terraform destroy"]}), "-"),
        ("mcp__ec2__manage_instance", json!({"action": "terminate", "id": "i-1"}), "destroy"),
        ("mcp__ec2__manage_instance", json!({"action": "describe", "id": "i-1"}), "-"),
        ("mcp__ec2__stop_instance", json!({"id": "i-1"}), "interrupt"),
        ("http_request", json!({"method": "DELETE", "url": "https://x.example/servers/1"}), "destroy"),
        ("mcp__github__get_file", json!({"path": "delete.txt"}), "-"),
        ("mcp__aws__list_buckets", json!({}), "-"),
        ("mcp__aws__describe_instances", json!({"filter": "terminate"}), "-"),
        ("mcp__docs__search", json!({"query": "how to delete a table"}), "-"),
        ("read_file", json!({"path": "main.tf"}), "-"),
        ("mcp__x__sequentialthinking", json!({"thought": "delete it"}), "unknown?"),
        ("mcp__x__get_deleted_items", json!({}), "-"),
        ("mcp__aws__create_bucket", json!({"name": "x"}), "unknown"),
        ("mcp__aws__update_service", json!({"service": "api"}), "unknown"),
        ("mcp__x__frobnicate", json!({}), "unknown?"),
        ("mcp__aws__delete_bucket", json!({"bucket": "orders", "dryRun": true}), "-"),
    ] {
        assert_eq!(tool(name, &arguments), expected, "{name} {arguments}");
    }
}

#[test]
fn a_tools_arguments_may_tell_the_environment() {
    let environment = BTreeMap::new();
    let context = Context { files: &NoFiles, folder: "", environment: &environment, branch: None, protected: &[] };
    let operations = judge_tool("delete_service", &json!({"cluster": "prod", "name": "api"}), &context);
    assert!(words(&operations[0]).contains(&(Source::Flag, "cluster", "prod")));
}

#[test]
fn the_documentation_has_the_programs() {
    let page = include_str!("../../../docs/commands.md");
    for (names, about) in recognised() {
        assert!(page.contains(&format!("| {names} | {about} |")), "run `cargo xtask docs`: {names}");
    }
}
