"""The pods of a flow's steps, read from a manifest for Argo."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Union

from flowc.testing.compiled_flow import PodTemplate, with_members

_STEP = "{{inputs.parameters.step}}"
"""What the template of several steps has in the place of the step."""


def argo_templates(texts: List[str], steps: List[str]) -> List[PodTemplate]:
    """The pods of steps in the documents of a manifest, in the order of `steps`."""
    import yaml

    documents: List[Dict[str, Any]] = [item for text in texts for item in yaml.safe_load_all(text) if item]
    spec = next(_spec(item) for item in documents if item["kind"] in ("Workflow", "WorkflowTemplate", "CronWorkflow"))
    found = {step: template for step, template in _by_step(spec["templates"]) if step in steps}
    plans = [item["data"]["plan.json"] for item in documents if "plan.json" in item.get("data", {})]
    found = with_members(found, plans)
    return [_pod(step, found[step], spec) for step in steps if step in found]


def _spec(document: Dict[str, Any]) -> Dict[str, Any]:
    spec: Dict[str, Any] = document["spec"].get("workflowSpec", document["spec"])
    return spec


def _by_step(templates: List[Dict[str, Any]]) -> Iterator[tuple[str, Dict[str, Any]]]:
    """Steps with the templates of their pods; steps that are alike share one, and are an argument of it."""
    shared: Dict[str, Dict[str, Any]] = {}
    for template in templates:
        step = _argument(template)
        if step == _STEP:
            shared[template["name"]] = template
        elif step is not None:
            yield step, template
    for task in (task for template in templates for task in template.get("dag", {}).get("tasks", ())):
        arguments = task.get("arguments", {}).get("parameters", ())
        values = {item["name"]: item.get("value") for item in arguments}
        if task.get("template") in shared and "step" in values:
            yield values["step"], shared[task["template"]]


def _argument(template: Dict[str, Any]) -> Union[str, None]:
    """The step that a template's container runs."""
    words: List[str] = template.get("container", {}).get("args", [])
    return words[1] if words[:1] in (["--step"], ["--group"]) else None


def _pod(step: str, template: Dict[str, Any], spec: Dict[str, Any]) -> PodTemplate:
    container: Dict[str, Any] = template["container"]
    resources: Dict[str, Any] = container.get("resources", {})
    metadata, general = template.get("metadata", {}), spec.get("podMetadata", {})
    return PodTemplate(
        step,
        image=container.get("image"),
        limits=resources.get("limits", {}),
        requests=resources.get("requests", {}),
        env={item["name"]: item.get("value", item.get("valueFrom", "")) for item in container.get("env", ())},
        env_from=container.get("envFrom", []),
        node_selector={**spec.get("nodeSelector", {}), **template.get("nodeSelector", {})},
        tolerations=[*spec.get("tolerations", ()), *template.get("tolerations", ())],
        affinity=template.get("affinity", spec.get("affinity", {})),
        service_account=template.get("serviceAccountName", spec.get("serviceAccountName")),
        labels={**general.get("labels", {}), **metadata.get("labels", {})},
        annotations={**general.get("annotations", {}), **metadata.get("annotations", {})},
        volumes=[*spec.get("volumes", ()), *template.get("volumes", ())],
        volume_mounts=container.get("volumeMounts", []),
        security_context=container.get("securityContext", {}),
        pod_security_context=template.get("securityContext", spec.get("securityContext", {})),
        image_pull_policy=container.get("imagePullPolicy"),
        retries=int(template.get("retryStrategy", {}).get("limit", 0)),
        active_deadline_seconds=template.get("activeDeadlineSeconds"),
        raw=template,
    )
