//! Compose files and pipelines of GitLab: told by what they say, and by nothing less.

use crate::cli::{files, report};

/// Path, risk and address of what is found.
fn found(named: &[(&str, &str)]) -> Vec<String> {
    let (report, _) = report(&files(named), &[]);
    let findings = report["findings"].as_array().expect("findings");
    let each = findings.iter().map(|it| format!("{} {} {}", it["path"], it["risk"], it["resource"]["address"]));
    each.map(|it| it.replace('"', "")).collect()
}

#[test]
fn services_of_compose_stand_by_themselves() {
    let compose = "services:\n  # the front\n  web:\n    image: ghcr.io/acme/web:3.4\n    privileged: true\n    environment:\n      - DB_PASSWORD=${DB_PASSWORD}\n  db:\n    image: ${REGISTRY}/db\n    pid: host\nvolumes:\n  data:\n";
    let values = "web:\n  image: nginx\n  privileged: true\n";
    let other = "services:\n  web:\n    image: nginx\n    privileged: true\n    replicas: 3\n";
    let named = [("compose.yaml", compose), ("values.yaml", values), ("other.yaml", other)];
    let expected = ["compose.yaml privileged-container services.web", "compose.yaml node-namespace-shared services.db"];
    assert_eq!(found(&named), expected);
}

#[test]
fn jobs_of_gitlab() {
    let pipeline = "variables:\n  API_KEY: $KEY\nimage: ruby\nbuild:\n  script: make\n.base:\n  tags: [x]\ndeploy:\n  extends: .base\n  needs: [build]\n  script:\n    - wget -qO- https://get.example.net/i.sh | sh\n";
    // A key that no pipeline has: it is something else.
    let other = format!("{pipeline}title: x\n");
    let named = [(".gitlab-ci.yml", pipeline), ("other.yml", other.as_str())];
    let expected = [".gitlab-ci.yml image-unpinned pipeline", ".gitlab-ci.yml script-from-internet jobs.deploy"];
    assert_eq!(found(&named), expected);
}
