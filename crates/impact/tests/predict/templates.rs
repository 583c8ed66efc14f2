//! Templates of CloudFormation and manifests of Kubernetes, each file by itself.

use crate::support::{changes, short};
use countersign_impact::{Change, Widened};

/// What is predicted between two texts of one file.
fn between(file: &str, before: &str, after: &str) -> Vec<Change> {
    changes(&[(file, before)], &[(file, after)])
}

fn check(file: &str, before: &str, after: &str, expected: &[&str]) {
    let found = between(file, before, after);
    assert_eq!(short(&found), expected, "\n{before}\n->\n{after}\n{found:#?}");
}

/// A template of some resources.
fn stack(before: &str, resources: &str) -> String {
    format!("AWSTemplateFormatVersion: '2010-09-09'\n{before}Resources:\n{resources}")
}

const VPC: &str = "  Net:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n  Sub:\n    Type: AWS::EC2::Subnet\n    Properties:\n      VpcId: !Ref Net\n      CidrBlock: 10.0.1.0/24\n";

const STACK: &str = "/w/stack.yaml";

#[test]
fn create_only_properties_replace() {
    let before = stack("", VPC);
    let other = |from: &str, to: &str, expected: &[&str]| check(STACK, &before, &before.replace(from, to), expected);
    other("10.0.0.0/16", "10.1.0.0/16", &["replace Net", "replace? Sub"]);
    other("!Ref Net\n", "!Ref Net\n      MapPublicIpOnLaunch: true\n", &["update? Sub"]);
    other("    Type: AWS::EC2::VPC\n", "    Type: AWS::EC2::VPC\n    Metadata: {a: 1}\n", &[]);
    other("AWS::EC2::Subnet", "AWS::EC2::RouteTable", &["replace? Sub"]);
    other(
        "      CidrBlock: 10.0.0.0/16\n",
        "      CidrBlock: 10.0.0.0/16\n      InstanceTenancy: dedicated\n",
        &["replace? Net", "replace? Sub"],
    );
}

#[test]
fn another_logical_id_is_another_resource() {
    let before = stack("", VPC);
    check(STACK, &before, &before.replace("  Sub:", "  Subnet:"), &["destroy Sub -> Subnet", "create Subnet"]);
    let queue = |policy: &str| {
        stack("", &format!("  Jobs:\n    Type: AWS::SQS::Queue\n{policy}  Other:\n    Type: AWS::SNS::Topic\n"))
    };
    let without = stack("", "  Other:\n    Type: AWS::SNS::Topic\n");
    check(STACK, &queue(""), &without, &["destroy Jobs"]);
    check(STACK, &queue("    DeletionPolicy: Retain\n"), &without, &["update Jobs"]);
    assert!(between(STACK, &queue(""), &without)[0].loss.is_some());
    // A template that has another name is the same stack; one that is gone deletes nothing by itself.
    assert!(changes(&[(STACK, &before)], &[("/w/network.yaml", &before)]).is_empty());
    assert_eq!(short(&changes(&[(STACK, &before)], &[])), ["destroy? Net", "destroy? Sub"]);
}

#[test]
fn policies_keep_what_is_there() {
    let database = |policy: &str, name: &str| {
        stack(
            "",
            &format!(
                "  Db:\n    Type: AWS::RDS::DBInstance\n{policy}    Properties:\n      DBInstanceIdentifier: {name}\n"
            ),
        )
    };
    let of = |policy: &str| {
        let changes = between(STACK, &database(policy, "a"), &database(policy, "b"));
        assert_eq!(short(&changes), ["replace Db"]);
        changes[0].loss.clone()
    };
    assert_eq!(of("").expect("a loss").saved_by, None);
    assert!(of("    UpdateReplacePolicy: Snapshot\n").expect("a loss").saved_by.is_some());
    assert_eq!(of("    UpdateReplacePolicy: Retain\n"), None);
    let gone = between(STACK, &database("", "a"), &stack("", "  X:\n    Type: AWS::SNS::Topic\n"));
    assert!(gone[0].loss.as_ref().expect("a loss").saved_by.is_some(), "a last snapshot is taken without a word");
    let weaker = between(STACK, &database("    DeletionPolicy: Retain\n", "a"), &database("", "a"));
    assert_eq!(weaker[0].protections_removed.len(), 1, "{weaker:#?}");
}

#[test]
fn parameters_and_conditions_are_worked_out() {
    let named = |default: &str, before: &str| {
        let parameters = format!("Parameters:\n  Name:\n    Type: String\n    Default: {default}\n{before}");
        stack(&parameters, "  Jobs:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Ref Name\n")
    };
    check(STACK, &named("a", ""), &named("b", ""), &["replace? Jobs"]);
    check(STACK, &named("a", ""), &named("a", "  Other: {Type: String}\n"), &[]);
    let conditional = |decides: &str, condition: &str| {
        let before =
            format!("Parameters:\n  Stage: {{Type: String}}\nConditions:\n  IsTest: !Equals [!Ref Stage, {decides}]\n");
        stack(&before, &format!("  Jobs:\n    Type: AWS::SQS::Queue\n{condition}"))
    };
    let is_test = "    Condition: IsTest\n";
    check(STACK, &conditional("test", ""), &conditional("test", is_test), &["destroy? Jobs"]);
    check(STACK, &conditional("test", is_test), &conditional("dev", is_test), &["destroy? Jobs"]);
    check(STACK, &conditional("test", is_test), &conditional("test", ""), &[]);
}

#[test]
fn templates_in_json_are_read_as_those_in_yaml() {
    let text = |cidr: &str| {
        format!(
            "{{\n  \"AWSTemplateFormatVersion\": \"2010-09-09\",\n  \"Resources\": {{\n    \"Net\": {{\n      \"Type\": \"AWS::EC2::VPC\",\n      \"Properties\": {{\"CidrBlock\": \"{cidr}\"}}\n    }},\n    \"Sub\": {{\n      \"Type\": \"AWS::EC2::Subnet\",\n      \"Properties\": {{\"VpcId\": {{\"Ref\": \"Net\"}}}}\n    }}\n  }}\n}}\n"
        )
    };
    check("/w/stack.json", &text("10.0.0.0/16"), &text("10.1.0.0/16"), &["replace Net", "replace? Sub"]);
}

const APP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\n  namespace: shop\nspec:\n  replicas: 3\n  selector:\n    matchLabels: {app: cart}\n  template:\n    metadata:\n      labels: {app: cart}\n    spec:\n      containers:\n        - name: cart\n          image: cart:1\n";

const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: cart-data\n  namespace: shop\nspec:\n  accessModes: [ReadWriteOnce]\n  storageClassName: fast\n";

const FILE: &str = "/w/app.yaml";

#[test]
fn immutable_fields_replace() {
    let app = |from: &str, to: &str, expected: &[&str]| check(FILE, APP, &APP.replace(from, to), expected);
    app("matchLabels: {app: cart}", "matchLabels: {app: shop}", &["replace Deployment shop/cart"]);
    app("image: cart:1", "image: cart:2", &["update Deployment shop/cart"]);
    app(
        "  name: cart\n  namespace",
        "  name: basket\n  namespace",
        &["create Deployment shop/basket", "destroy? Deployment shop/cart -> Deployment shop/basket"],
    );
    check(FILE, CLAIM, &CLAIM.replace("fast", "slow"), &["replace PersistentVolumeClaim shop/cart-data"]);
    let zero = between(FILE, APP, &APP.replace("replicas: 3", "replicas: 0"));
    assert!(zero[0].interruption.is_some(), "{zero:#?}");
}

#[test]
fn an_object_is_who_its_name_says() {
    let both = format!("{APP}---\n{CLAIM}");
    check(FILE, &both, APP, &["destroy? PersistentVolumeClaim shop/cart-data"]);
    assert!(between(FILE, &both, APP)[0].loss.is_some());
    // In another file it is the same object, and what is different about it is seen.
    assert!(changes(&[(FILE, &both)], &[(FILE, APP), ("/w/claim.yaml", CLAIM)]).is_empty());
    let slower = CLAIM.replace("fast", "slow");
    let moved = changes(&[(FILE, &both)], &[(FILE, APP), ("/w/claim.yaml", &slower)]);
    assert_eq!(short(&moved), ["replace PersistentVolumeClaim shop/cart-data"]);
    // So it is in another version of its API, where the selector that is written now was filled in.
    let old = APP.replace("apps/v1", "extensions/v1beta1").replace("  selector:\n    matchLabels: {app: cart}\n", "");
    assert!(
        !short(&between(FILE, &old, APP)).iter().any(|it| it.starts_with("replace")),
        "{:#?}",
        between(FILE, &old, APP)
    );
    // A name that the cluster makes is another one each time.
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: sync-\nspec:\n  template: {a: 1}\n";
    check(FILE, job, &job.replace("a: 1", "a: 2"), &[]);
}

#[test]
fn a_service_keeps_its_pods() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n  namespace: shop\nspec:\n  selector: {app: cart}\n";
    let both = format!("{APP}{service}");
    let told = |after: &str| {
        let changes = between(FILE, &both, after);
        changes.into_iter().any(|it| it.address == "Service shop/cart" && it.interruption.is_some())
    };
    assert!(told(&both.replace("labels: {app: cart}", "labels: {app: basket}")), "the pods have another label");
    assert!(told(&both.replace("selector: {app: cart}", "selector: {app: basket}")), "it asks for another one");
    assert!(!told(&both.replace("labels: {app: cart}", "labels: {app: cart, tier: web}")), "more labels do no harm");
    assert!(!told(service), "the pods are gone, and that is said");
    assert!(!told(&both.replace("app: cart}", "app: basket}")), "both have another one");
}

#[test]
fn a_service_in_another_file_keeps_its_pods() {
    const SERVICE: &str = "/w/service.yaml";
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec:\n  selector: {app: cart}\n";
    let told = |before: &[(&str, &str)], after: &[(&str, &str)]| {
        let changes = changes(before, after);
        let told = changes.into_iter().filter(|it| it.interruption.is_some()).map(|it| it.address).collect::<Vec<_>>();
        told.join(", ")
    };
    let apart =
        |app: &str, service_now: &str| told(&[(FILE, APP), (SERVICE, service)], &[(FILE, app), (SERVICE, service_now)]);
    let relabelled = APP.replace("labels: {app: cart}", "labels: {app: basket}");
    let asking = service.replace("app: cart", "app: basket");
    assert_eq!(apart(&relabelled, service), "Deployment shop/cart", "it is the deployment that was edited");
    assert_eq!(apart(APP, &asking), "Service shop/cart");
    assert_eq!(apart(&relabelled, &asking), "", "both were edited");
    let more = APP.replace("labels: {app: cart}", "labels: {app: cart, tier: web}");
    assert_eq!(apart(&more, service), "");
    // Another deployment has pods that it leads to, or may have.
    let other = |labels: &str| {
        APP.replace("name: cart\n  namespace", "name: old\n  namespace").replace("labels: {app: cart}", labels)
    };
    for labels in ["labels: {app: cart, old: yes}", "labels: \"{{ .Values.labels }}\""] {
        let other = other(labels);
        let with = |app: &str| {
            told(
                &[(FILE, APP), (SERVICE, service), ("/w/old.yaml", &other)],
                &[(FILE, app), (SERVICE, service), ("/w/old.yaml", &other)],
            )
        };
        assert_eq!(with(&relabelled), "", "{labels}");
    }
    // In another folder, or namespace, it is about other pods.
    let far = [("/w/other/service.yaml", service)];
    assert_eq!(told(&[(FILE, APP), far[0]], &[(FILE, &relabelled), far[0]]), "");
    let elsewhere = service.replace("namespace: shop", "namespace: test");
    assert_eq!(told(&[(FILE, APP), (SERVICE, &elsewhere)], &[(FILE, &relabelled), (SERVICE, &elsewhere)]), "");
}

#[test]
fn what_is_opened_is_said() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec:\n  type: ClusterIP\n";
    let open = between(FILE, service, &service.replace("ClusterIP", "LoadBalancer"));
    assert_eq!(open[0].widened.len(), 1, "{open:#?}");
    let privileged = APP.replace("image: cart:1", "image: cart:1\n          securityContext: {privileged: true}");
    let widened = between(FILE, APP, &privileged);
    assert_eq!(widened[0].widened.iter().map(|it| it.what).collect::<Vec<_>>(), [Widened::Identity]);
    let group = stack(
        "",
        "  Web:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress:\n        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}\n",
    );
    let wide = between(STACK, &group, &group.replace("10.0.0.0/8", "0.0.0.0/0"));
    assert_eq!(wide[0].widened.iter().map(|it| it.what).collect::<Vec<_>>(), [Widened::Exposure], "{wide:#?}");
}

#[test]
fn a_job_that_deploys_keeps_its_guards() {
    let job = "on: push\njobs:\n  deploy:\n    runs-on: ubuntu-24.04\n    environment: production\n    concurrency: deploy\n    steps: []\n  test:\n    runs-on: ubuntu-24.04\n    concurrency: test\n    steps: []\n";
    let file = "/w/.github/workflows/ci.yml";
    let without = |what: &str| between(file, job, &job.replace(what, ""));
    assert_eq!(without("    environment: production\n")[0].protections_removed.len(), 1);
    assert_eq!(without("    concurrency: deploy\n")[0].protections_removed.len(), 1);
    assert!(without("    concurrency: test\n")[0].protections_removed.is_empty(), "it deploys nothing");
    assert!(between(file, job, "on: push\njobs: {}\n").is_empty(), "a job that is gone takes nothing along");
}
