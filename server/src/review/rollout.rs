//! Whether a change comes in steps.

use super::Change;

/// What makes a rollout come in steps: a kind of resource, and a block or attribute of it. By the documentation of each resource in
/// the Terraform registry.
const STEPS: &[(&str, &str)] = &[
    ("aws_appconfig_deployment_strategy", "growth_factor"),
    ("aws_autoscaling_group", "instance_refresh"),
    ("aws_codedeploy_deployment_config", "traffic_routing_config"),
    ("aws_codedeploy_deployment_group", "blue_green_deployment_config"),
    ("aws_lambda_alias", "routing_config"),
    ("aws_route53_record", "weighted_routing_policy"),
    ("aws_sagemaker_endpoint", "deployment_config"),
    ("azurerm_container_app", "traffic_weight"),
    ("azurerm_linux_virtual_machine_scale_set", "rolling_upgrade_policy"),
    ("azurerm_orchestrated_virtual_machine_scale_set", "rolling_upgrade_policy"),
    ("azurerm_windows_virtual_machine_scale_set", "rolling_upgrade_policy"),
    ("google_clouddeploy_delivery_pipeline", "canary"),
    ("google_cloud_run_service", "traffic"),
    ("google_cloud_run_v2_service", "traffic"),
    ("google_compute_instance_group_manager", "update_policy"),
    ("google_compute_region_instance_group_manager", "update_policy"),
];

/// Whether a change is of what makes a rollout come in steps.
pub(super) fn is_in_steps(change: &Change) -> bool {
    let Some(kind) = change.bound.address.as_deref().and_then(|address| address.split('.').next()) else {
        return false;
    };
    let names = STEPS.iter().filter(|(known, _)| *known == kind).map(|(_, name)| *name);
    let is_start = |line: &str, name: &str| {
        let rest = line.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.trim_start().starts_with(['{', '=']))
    };
    let lines = || change.texts.1.lines();
    names.into_iter().any(|name| lines().any(|line| is_start(line, name)))
}
