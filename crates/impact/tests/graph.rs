//! The blast radius: what leads from one resource to another, and what does not.

#![expect(clippy::unwrap_used, reason = "in a test what goes wrong ends the test")]

use countersign_grammars::Language;
use countersign_impact::graph::{Dependent, Links, MAX_WALKED, Radius, dependents};
use countersign_infra::terraform::{Workspace, lower};
use std::fmt::Write;
use std::sync::Arc;

fn workspace(files: &[(&str, &str)]) -> Workspace {
    let mut workspace = Workspace::default();
    for (path, text) in files {
        set(&mut workspace, path, "", text);
    }
    workspace
}

fn set(workspace: &mut Workspace, path: &str, before: &str, after: &str) {
    let language = Language::of_path(path).unwrap();
    let unit = |text: &str| {
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&language.grammar()).unwrap();
        let masked = language.masked(text);
        Arc::new(lower(language, text, &parser.parse(masked.as_deref().unwrap_or(text), None).unwrap()))
    };
    workspace.update(&path.into(), &[unit(before)], &[unit(after)]);
}

fn radius(workspace: &Workspace, module: &str, address: &str) -> Radius {
    dependents(workspace, &Links::default(), module, address)
}

/// Each dependent with its distance and what leads to it, the nearest first.
fn shown(radius: &Radius) -> Vec<String> {
    let line = |dependent: &Dependent| {
        let mut line = format!("{} {}", dependent.distance, radius.full_address(dependent));
        for step in radius.via(dependent).iter().rev() {
            let _ = write!(line, " < {step}");
        }
        line
    };
    radius.dependents.iter().map(line).collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], of: (&str, &str), expected: &[&str]) {
    let mut found = shown(&radius(&workspace(files), of.0, of.1));
    let mut expected: Vec<_> = expected.iter().map(|line| (*line).to_owned()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn references_lead_on_through_values_and_look_ups() {
    let text = r#"
        resource "aws_vpc" "main" {}
        locals { network = { id = aws_vpc.main.id } }
        resource "aws_subnet" "a" { vpc_id = local.network.id }
        data "aws_iam_policy_document" "p" { statement { resources = [aws_vpc.main.arn] } }
        resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.p.json }
        resource "aws_instance" "web" {
          depends_on = [aws_subnet.a]
          lifecycle { replace_triggered_by = [aws_vpc.main] }
        }
        moved {
          from = aws_vpc.old
          to = aws_vpc.main
        }
        resource "aws_eip" "other" {}
    "#;
    check(
        &[("a/main.tf", text)],
        ("a", "aws_vpc.main"),
        &[
            "1 aws_instance.web",
            "1 aws_iam_policy.p < data.aws_iam_policy_document.p",
            "1 aws_subnet.a < local.network",
        ],
    );
}

#[test]
fn a_module_is_left_by_the_call_that_it_was_entered_by() {
    let root = r#"
        resource "aws_vpc" "main" {}
        module "one" {
          source = "../inner"
          vpc = aws_vpc.main.id
        }
        module "two" {
          source = "../inner"
          vpc = "vpc-1"
        }
        resource "aws_instance" "one" { subnet_id = module.one.subnet }
        resource "aws_instance" "two" { subnet_id = module.two.subnet }
        resource "aws_instance" "fixed" { subnet_id = module.one.fixed }
    "#;
    let inner = r#"
        variable "vpc" {}
        resource "aws_subnet" "s" { vpc_id = var.vpc }
        output "subnet" { value = aws_subnet.s.id }
        output "fixed" { value = "x" }
    "#;
    let files = [("root/main.tf", root), ("inner/main.tf", inner)];
    check(
        &files,
        ("root", "aws_vpc.main"),
        &[
            "1 module.one.aws_subnet.s < module.one.var.vpc",
            "2 aws_instance.one < module.one.subnet < module.one.output.subnet < module.one.aws_subnet.s < module.one.var.vpc",
        ],
    );
    // However it is called.
    check(
        &files,
        ("inner", "aws_subnet.s"),
        &[
            "1 aws_instance.one < module.one.subnet < output.subnet",
            "1 aws_instance.two < module.two.subnet < output.subnet",
        ],
    );
    // By one call.
    check(
        &files,
        ("root", "module.two[0].aws_subnet.s"),
        &["1 aws_instance.two < module.two.subnet < module.two.output.subnet"],
    );
}

#[test]
fn what_waits_for_a_module_waits_for_everything_in_it() {
    let root = r#"
        resource "aws_kms_key" "k" {}
        module "base" {
          source = "./base"
          depends_on = [aws_kms_key.k]
        }
        resource "aws_instance" "late" { depends_on = [module.base] }
        resource "aws_instance" "all" { user_data = jsonencode(module.base) }
    "#;
    let base = r#"
        module "deep" { source = "./deep" }
        resource "aws_vpc" "v" {}
    "#;
    let deep = r#"resource "aws_subnet" "s" {}"#;
    let files = [("r/main.tf", root), ("r/base/main.tf", base), ("r/base/deep/main.tf", deep)];
    check(&files, ("r/base/deep", "aws_subnet.s"), &["1 aws_instance.late"]);
    check(
        &files,
        ("r", "aws_kms_key.k"),
        &[
            "1 module.base.aws_vpc.v < module.base",
            "1 module.base.module.deep.aws_subnet.s < module.base.module.deep < module.base",
            "2 aws_instance.late < module.base.aws_vpc.v < module.base",
        ],
    );
}

#[test]
fn a_module_that_is_not_there_is_one_dependent_at_least() {
    let text = r#"
        resource "aws_vpc" "main" {}
        module "remote" {
          source = "terraform-aws-modules/eks/aws"
          vpc_id = aws_vpc.main.id
        }
        resource "aws_instance" "web" { subnet_id = module.remote.subnet }
    "#;
    let radius = radius(&workspace(&[("a/main.tf", text)]), "a", "aws_vpc.main");
    assert_eq!(shown(&radius), ["1 module.remote"]);
    assert_eq!(radius.unseen().count(), 1);
}

#[test]
fn an_installed_module_is_entered() {
    let mut workspace = workspace(&[
        (
            "a/main.tf",
            "resource \"aws_vpc\" \"v\" {}\nmodule \"eks\" {\n  source = \"x/eks/aws\"\n  vpc = aws_vpc.v.id\n}\n",
        ),
        (
            "a/.terraform/modules/eks/main.tf",
            "variable \"vpc\" {}\nresource \"aws_eks_cluster\" \"c\" { x = var.vpc }\n",
        ),
    ]);
    workspace.set_installed("a", "eks", "a/.terraform/modules/eks");
    assert_eq!(shown(&radius(&workspace, "a", "aws_vpc.v")), ["1 module.eks.aws_eks_cluster.c < module.eks.var.vpc"]);
}

const NETWORK: &str = r#"
    terraform {
      backend "s3" {
        bucket = "state"
        key = "network"
      }
    }
    resource "aws_vpc" "main" {}
    output "vpc" { value = aws_vpc.main.id }
    output "other" { value = 1 }
"#;

const READER: &str = r#"
    locals { bucket = "state" }
    data "terraform_remote_state" "net" {
      backend = "s3"
      config = {
        bucket = local.bucket
        key = "network"
      }
    }
    resource "aws_subnet" "a" { vpc_id = data.terraform_remote_state.net.outputs.vpc }
    resource "aws_subnet" "b" { vpc_id = data.terraform_remote_state.net.outputs.other }
"#;

#[test]
fn a_state_that_another_configuration_reads() {
    let of = ("n", "aws_vpc.main");
    let expected = ["1 aws_subnet.a < data.terraform_remote_state.net.outputs.vpc < output.vpc"];
    check(&[("n/main.tf", NETWORK), ("app/main.tf", READER)], of, &expected);
    let elsewhere = READER.replace("\"network\"", "\"other\"");
    check(&[("n/main.tf", NETWORK), ("app/main.tf", &elsewhere)], of, &[]);
    let unknown = READER.replace("\"state\"", "var.bucket");
    check(&[("n/main.tf", NETWORK), ("app/main.tf", &unknown)], of, &[]);
    let local = r#"
        data "terraform_remote_state" "net" {
          backend = "local"
          config = { path = "../n/terraform.tfstate" }
        }
        resource "aws_subnet" "a" { vpc_id = data.terraform_remote_state.net.outputs.vpc }
    "#;
    let network = &NETWORK[NETWORK.find("resource").unwrap()..];
    check(&[("n/main.tf", network), ("app/main.tf", local)], of, &expected);
    check(&[("n/main.tf", NETWORK), ("app/main.tf", local)], of, &[]);
}

#[test]
fn a_name_that_one_resource_alone_has() {
    let bucket = "resource \"aws_s3_bucket\" \"logs\" { bucket = \"acme-logs\" }\n";
    let reader = "data \"aws_s3_bucket\" \"l\" { bucket = \"acme-logs\" }\nresource \"aws_cloudtrail\" \"t\" { s3_bucket_name = data.aws_s3_bucket.l.id }\n";
    let expected = ["1 aws_cloudtrail.t < data.aws_s3_bucket.l"];
    check(&[("a/main.tf", bucket), ("b/main.tf", reader)], ("a", "aws_s3_bucket.logs"), &expected);
    // Two have the name: the text does not say which is meant.
    check(&[("a/main.tf", bucket), ("b/main.tf", reader), ("c/main.tf", bucket)], ("a", "aws_s3_bucket.logs"), &[]);
    let vpc = "resource \"aws_vpc\" \"v\" { tags = { Name = \"main\" } }\n";
    let filter = r#"
        data "aws_vpc" "v" {
          filter {
            name = "tag:Name"
            values = ["main"]
          }
        }
        resource "aws_subnet" "s" { vpc_id = data.aws_vpc.v.id }
    "#;
    check(&[("a/main.tf", vpc), ("b/main.tf", filter)], ("a", "aws_vpc.v"), &["1 aws_subnet.s < data.aws_vpc.v"]);
    let subnet = r#"
        resource "azurerm_subnet" "s" {
          name = "s"
          resource_group_name = "one"
        }
    "#;
    let look = |group: &str| {
        format!(
            "data \"azurerm_subnet\" \"s\" {{\n name = \"s\"\n resource_group_name = \"{group}\"\n}}\nresource \"azurerm_x\" \"x\" {{ id = data.azurerm_subnet.s.id }}\n"
        )
    };
    let of = ("a", "azurerm_subnet.s");
    check(&[("a/main.tf", subnet), ("b/main.tf", &look("one"))], of, &["1 azurerm_x.x < data.azurerm_subnet.s"]);
    check(&[("a/main.tf", subnet), ("b/main.tf", &look("two"))], of, &[]);
}

#[test]
fn links_follow_the_edits_of_a_workspace() {
    let reader = |name: &str| {
        format!(
            "locals {{ name = \"{name}\" }}\ndata \"aws_s3_bucket\" \"l\" {{ bucket = local.name }}\nresource \"aws_cloudtrail\" \"t\" {{ s3_bucket_name = data.aws_s3_bucket.l.id }}\n"
        )
    };
    let bucket = "resource \"aws_s3_bucket\" \"logs\" { bucket = \"acme-logs\" }\n";
    let mut workspace = workspace(&[("a/main.tf", bucket), ("b/main.tf", &reader("other"))]);
    let links = Links::default();
    let count = |workspace: &Workspace| dependents(workspace, &links, "a", "aws_s3_bucket.logs").dependents.len();
    assert_eq!(count(&workspace), 0);
    set(&mut workspace, "b/main.tf", &reader("other"), &reader("acme-logs"));
    assert_eq!(count(&workspace), 1);
    let before = workspace.clone();
    set(&mut workspace, "c/main.tf", "", bucket);
    assert_eq!(count(&workspace), 0);
    set(&mut workspace, "c/main.tf", bucket, "");
    assert_eq!(count(&workspace), 1);
    set(&mut workspace, "b/main.tf", &reader("acme-logs"), "");
    assert_eq!(count(&workspace), 0);
    assert_eq!(count(&before), 1, "another state of it");
}

#[test]
fn what_leads_back_ends() {
    let text = r#"
        resource "aws_a" "a" { x = aws_b.b.id }
        resource "aws_b" "b" { x = aws_a.a.id }
        locals {
          one = local.two
          two = [local.one, aws_a.a.id]
        }
        resource "aws_c" "c" { x = local.one }
        module "self" {
          source = "./"
          x = aws_a.a.id
        }
        module "next" {
          source = "../b"
          x = aws_a.a.id
        }
    "#;
    let other = r#"
        variable "x" {}
        module "back" {
          source = "../a"
          x = var.x
        }
        resource "aws_d" "d" { x = var.x }
    "#;
    check(
        &[("a/main.tf", text), ("b/main.tf", other)],
        ("a", "aws_a.a"),
        &["1 aws_b.b", "1 module.next.aws_d.d < module.next.var.x", "1 aws_c.c < local.one < local.two"],
    );
}

#[test]
fn the_most_critical_and_the_way_to_it() {
    let text = r#"
        resource "aws_vpc" "v" {}
        resource "aws_subnet" "s" { vpc_id = aws_vpc.v.id }
        resource "aws_db_instance" "db" { subnet = aws_subnet.s.id }
        resource "aws_db_instance" "far" { x = aws_db_instance.db.id }
    "#;
    let radius = radius(&workspace(&[("a/main.tf", text)]), "a", "aws_vpc.v");
    let (worst, rank) = radius.worst(|dependent| dependent.kind() == "aws_db_instance").unwrap();
    assert_eq!((&*worst.address, rank), ("aws_db_instance.db", true));
    assert_eq!(radius.via(worst), ["aws_subnet.s"]);
    assert_eq!(&*radius.through(worst).unwrap().address, "aws_subnet.s");
    assert_eq!(&**radius.root(worst), "a");
    assert_eq!(radius.direct(), 1);
}

#[test]
fn too_many_are_cut_and_said_to_be() {
    let mut text = "resource \"aws_a\" \"a\" {}\n".to_owned();
    for index in 0..MAX_WALKED {
        let _ = writeln!(text, "resource \"aws_b\" \"b{index}\" {{ x = aws_a.a.id }}");
    }
    let all = radius(&workspace(&[("a/main.tf", &text)]), "a", "aws_a.a");
    assert!(all.is_cut);
    assert_eq!(all.dependents.len(), MAX_WALKED - 1);
}

#[test]
fn nothing_depends_on_what_is_not_there() {
    let radius = radius(&workspace(&[("a/main.tf", "resource \"aws_a\" \"a\" {}\n")]), "b", "aws_a.a");
    assert!(radius.dependents.is_empty() && !radius.is_cut);
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cart\n";

const CART: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: cart\nspec:\n  template:\n    spec:\n      containers:\n        - name: cart\n          envFrom:\n            - configMapRef: {name: cart}\n";

const SERVICE_SCALED: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: cart}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}\n";

#[test]
fn objects_name_each_other_from_file_to_file() {
    let files = [("k/config.yaml", CONFIG), ("k/cart.yaml", CART), ("k/scale.yaml", SERVICE_SCALED)];
    let of = ("k/config.yaml", "ConfigMap cart");
    let through = ["1 Deployment cart", "2 HorizontalPodAutoscaler cart < Deployment cart"];
    check(&files, of, &through);
    // In another folder a name alone may be that of something else.
    check(&[files[0], ("other/cart.yaml", CART)], of, &[]);
    // Two in the folder have the name.
    check(&[files[0], files[1], ("k/config-test.yaml", CONFIG)], of, &[]);
    // One that stands beside it is meant, and one in the same file before that.
    let both = format!("{CONFIG}---\n{CART}");
    check(&[files[0], ("k/both.yaml", &both)], of, &[]);
    check(&[files[0], ("k/both.yaml", &both)], ("k/both.yaml", "ConfigMap cart"), &["1 Deployment cart"]);
}

#[test]
fn a_namespace_tells_which_object_is_meant() {
    let within = |text: &str| text.replace("  name: cart\n", "  name: cart\n  namespace: shop\n");
    let (config, cart) = (within(CONFIG), within(CART));
    let of = ("a/config.yaml", "ConfigMap shop/cart");
    check(&[("a/config.yaml", &config), ("b/cart.yaml", &cart)], of, &["1 Deployment shop/cart"]);
    check(&[("a/config.yaml", &config), ("b/cart.yaml", &cart), ("c/config.yaml", &config)], of, &[]);
    check(&[("a/config.yaml", &config), ("b/cart.yaml", CART)], of, &[]);
    let space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    check(
        &[("a/space.yaml", space), ("b/config.yaml", &config), ("b/cart.yaml", &cart)],
        ("a/space.yaml", "Namespace shop"),
        &["1 ConfigMap shop/cart", "1 Deployment shop/cart"],
    );
    // A role is bound to an account of another namespace.
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ci, namespace: build}\n";
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: ci, namespace: shop}\nroleRef: {kind: ClusterRole, name: edit}\nsubjects:\n  - {kind: ServiceAccount, name: ci, namespace: build}\n";
    let of = ("a/account.yaml", "ServiceAccount build/ci");
    check(&[("a/account.yaml", account), ("b/binding.yaml", binding)], of, &["1 RoleBinding shop/ci"]);
}

#[test]
fn a_template_names_what_the_same_template_names() {
    let name = "{{ include \"cart.fullname\" . }}";
    let chart = |text: &str| {
        text.replace("name: cart\n", &format!("name: {name}\n")).replace("{name: cart}", &format!("{{name: '{name}'}}"))
    };
    let files = [("t/config.yaml", chart(CONFIG)), ("t/cart.yaml", chart(CART))];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    check(&files, ("t/config.yaml", &format!("ConfigMap {name}")), &[&format!("1 Deployment {name}")]);
}

#[test]
fn a_stack_takes_what_another_one_exports() {
    let network = "Resources:\n  Net:\n    Type: AWS::EC2::VPC\nOutputs:\n  Net:\n    Value: !Ref Net\n    Export: {Name: shared-net}\n";
    let app = "Resources:\n  Sub:\n    Type: AWS::EC2::Subnet\n    Properties:\n      VpcId: !ImportValue shared-net\n";
    let long = app.replace("!ImportValue shared-net", "{'Fn::ImportValue': shared-net}");
    let other = app.replace("shared-net", "other-net");
    let of = ("net/stack.yaml", "Net");
    let cases: [(&str, &[&str]); 3] =
        [(app, &["1 Sub < Outputs.Net"]), (&long, &["1 Sub < Outputs.Net"]), (&other, &[])];
    for (app, expected) in cases {
        check(&[("net/stack.yaml", network), ("app/stack.yaml", app)], of, expected);
    }
    // Two export the name: the text does not say whose it is.
    check(&[("net/stack.yaml", network), ("app/stack.yaml", app), ("copy/stack.yaml", network)], of, &[]);
}

#[test]
fn a_service_depends_on_what_its_selector_leads_to() {
    let cart = |labels: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: cart, namespace: shop}}\nspec:\n  template:\n    metadata:\n      labels: {labels}\n"
        )
    };
    let service = |namespace: &str, selector: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: cart, namespace: {namespace}}}\nspec:\n  selector: {selector}\n"
        )
    };
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: front, namespace: shop}\nspec:\n  defaultBackend:\n    service: {name: cart, port: {number: 80}}\n";
    let of = ("k/cart.yaml", "Deployment shop/cart");
    let deployment = cart("{app: cart, tier: web}");
    let fits = service("shop", "{app: cart}");
    let files = [("k/cart.yaml", deployment.as_str()), ("k/service.yaml", &fits), ("k/ingress.yaml", ingress)];
    check(&files, of, &["1 Service shop/cart", "2 Ingress shop/front < Service shop/cart"]);
    // In one file as well.
    let both = format!("{deployment}---\n{fits}");
    check(&[("k/cart.yaml", &both)], of, &["1 Service shop/cart"]);
    // Another label, another namespace, another folder, and what is not written out.
    for other in [service("shop", "{app: cart, tier: api}"), service("bank", "{app: cart}"), service("shop", "{}")] {
        check(&[files[0], ("k/service.yaml", &other)], of, &[]);
    }
    check(&[files[0], ("other/service.yaml", &fits)], of, &[]);
    let template = service("shop", "{app: \"{{ .Values.name }}\"}");
    check(&[files[0], ("k/service.yaml", &template)], of, &[]);
}
